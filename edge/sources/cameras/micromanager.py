"""``mm:config.cfg``: every camera that Micro-Manager has a driver for, through pymmcore-plus."""

from __future__ import annotations

import importlib.util
import os
import time
from typing import Any

import numpy as np

from edge.crops.preprocess import UInt8Image
from edge.errors import CameraFault, CameraRefused, ExtraMissing
from edge.files import file_name
from edge.sources.cameras.address import Options
from edge.sources.cameras.camera import Frame
from edge.sources.deadline import Deadline


class MicroManagerCamera:
    """The camera of a configuration; see :class:`~edge.sources.cameras.camera.Camera`.

    A frame is snapped when it is read: it was exposed after it was asked for.

    Parameters
    ----------
    config : str
        Path of the file that Micro-Manager's Hardware Configuration Wizard writes.
    exposure : float or None
        In milliseconds; that of the configuration by default.
    every : float
        Seconds from one frame to the next, at least.
    """

    is_live = True

    def __init__(self, config: str, exposure: float | None = None, every: float = 0.0) -> None:
        self._config = config
        self._exposure = exposure
        self._every = every
        self._core: Any = None
        self._number = 0
        self._snapped = 0.0

    def __enter__(self) -> MicroManagerCamera:
        from pymmcore_plus import CMMCorePlus

        core = CMMCorePlus()
        try:
            core.loadSystemConfiguration(os.path.abspath(self._config))
            if not core.getCameraDevice():
                raise CameraFault("no-camera", f"{file_name(self._config)} names no camera")
            if self._exposure is not None:
                core.setExposure(self._exposure)
            self._core, self._number = core, 0
        except CameraFault:
            core.unloadAllDevices()
            raise
        except Exception as error:  # whatever a driver makes of it
            core.unloadAllDevices()
            why = " ".join(str(error).split())[:150]
            raise CameraFault("no-camera", f"{file_name(self._config)}: {why}") from error
        return self

    def __exit__(self, *_: object) -> None:
        if self._core is not None:
            self._core.unloadAllDevices()
            self._core = None

    def read(self, deadline: Deadline) -> Frame | None:
        """Snap a frame."""
        if not deadline.rest(self._snapped + self._every - time.monotonic()):
            raise CameraFault("no-frame", "nobody waits for a frame any more")
        core = self._core
        self._snapped = time.monotonic()
        moment = time.time()
        core.snapImage()
        pixels = rgb_of(core.getImage(), core.getImageBitDepth())
        self._number += 1
        facts = {"camera": str(core.getCameraDevice()), "exposure_ms": float(core.getExposure())}
        um = float(core.getPixelSizeUm())
        return Frame(pixels, moment, self._number - 1, um or None, facts)


def rgb_of(image: Any, bits: int) -> UInt8Image:
    """Make RGB with 8 bits of what Micro-Manager gives.

    Parameters
    ----------
    image : ndarray of uint8 or uint16, shape (height, width, 3 or more) or (height, width)
    bits : int
        That are used in each channel.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)

    Raises
    ------
    CameraFault
        ``greyscale``: a stain has colours.
    """
    found = np.asarray(image)
    if found.ndim != 3 or found.shape[2] < 3:
        raise CameraFault(
            "greyscale",
            "the camera gives one channel; choose a colour camera, or a pixel type with colour",
            is_lost=False,
        )
    rgb = found[:, :, :3]
    if rgb.dtype != np.uint8:
        rgb = rgb >> max(bits - 8, 0)
    return np.ascontiguousarray(rgb, dtype=np.uint8)


def make_camera(target: str, options: Options) -> MicroManagerCamera:
    """Make the camera of ``mm:CONFIG``.

    Raises
    ------
    CameraRefused
        If there is no such file.
    ExtraMissing
        If pymmcore-plus is not installed.
    """
    if not os.path.isfile(target):
        raise CameraRefused(f"mm: there is no configuration {file_name(target)}; name a .cfg file")
    if importlib.util.find_spec("pymmcore_plus") is None:
        raise ExtraMissing(
            "pymmcore-plus is not installed; install it with: pip install 'edge-all[micromanager]'"
            " (x86-64 only)"
        )
    exposure = options.some_number("exposure", 1e-3, 600_000)
    return MicroManagerCamera(target, exposure, options.number("every", 0.0, 0, 86_400))
