"""``picamera:0``: cameras of a Raspberry Pi through picamera2, which comes with the system."""

from __future__ import annotations

import importlib.util
import time
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any

import numpy as np

from edge.errors import CameraFault, CameraRefused, ExtraMissing
from edge.sources.cameras.address import Options
from edge.sources.cameras.camera import Frame
from edge.sources.deadline import Deadline

_WARM_UP = 1.0  # seconds in which the automatics find their values, before these are fixed
_FIXED = ("ExposureTime", "AnalogueGain", "ColourGains")
_MOST_SIDE = 1 << 14


class PiCamera:
    """A camera of libcamera; see :class:`~edge.sources.cameras.camera.Camera`.

    Exposure, gain and white balance are what was asked for, or what the automatics find at first,
    and stay so; they are set again when the camera comes back.

    Parameters
    ----------
    number : int
        As ``rpicam-hello --list-cameras`` counts.
    size : tuple of int or None
        Width and height.
    controls : dict
        Of libcamera -> value.
    """

    is_live = True

    def __init__(self, number: int, size: tuple[int, int] | None, controls: dict[str, Any]) -> None:
        self._index = number
        self._size = size
        self._controls = dict(controls)
        self._camera: Any = None
        self._number = 0

    def __enter__(self) -> PiCamera:
        from picamera2 import Picamera2

        try:
            camera = Picamera2(self._index)
            main: dict[str, Any] = {"format": "BGR888"}  # which is RGB in memory
            if self._size:
                main = {**main, "size": self._size}
            camera.configure(camera.create_video_configuration(main=main))
            camera.start()
            self._camera, self._number = camera, 0
            self._fix(camera)
        except Exception as error:  # RuntimeError, IndexError: whatever libcamera says
            self.__exit__()
            raise CameraFault("no-camera", f"picamera:{self._index}: {error}") from error
        return self

    def __exit__(self, *_: object) -> None:
        if self._camera is not None:
            self._camera.close()
            self._camera = None

    def _fix(self, camera: Any) -> None:
        if any(name not in self._controls for name in _FIXED):
            time.sleep(_WARM_UP)
            found = camera.capture_metadata(wait=_WARM_UP * 5)
            for name in _FIXED:
                if name in found:
                    self._controls.setdefault(name, found[name])
        camera.set_controls({"AeEnable": False, "AwbEnable": False, **self._controls})

    def read(self, deadline: Deadline) -> Frame | None:
        """Wait for the next frame."""
        job = self._camera.capture_request(wait=False)
        while True:
            try:
                request = self._camera.wait(job, timeout=max(deadline.step, 0.01))
                break
            except (FutureTimeout, TimeoutError):
                if deadline.is_over:
                    why = f"no frame within {deadline.seconds:g} s"
                    raise CameraFault("no-frame", f"picamera:{self._index}: {why}") from None
        try:
            pixels = np.array(request.make_array("main"))[:, :, :3]
            facts = request.get_metadata()
        finally:
            request.release()
        moment = time.time()
        if "SensorTimestamp" in facts:  # nanoseconds since the start of the machine
            moment -= time.clock_gettime(time.CLOCK_BOOTTIME) - facts["SensorTimestamp"] / 1e9
        self._number += 1
        known = {
            "exposure": facts.get("ExposureTime"),
            "gain": facts.get("AnalogueGain"),
            "focus": facts.get("FocusFoM"),
        }
        kept = {name: value for name, value in known.items() if value is not None}
        return Frame(np.ascontiguousarray(pixels, np.uint8), moment, self._number - 1, facts=kept)


def make_camera(target: str, options: Options) -> PiCamera:
    """Make the camera of ``picamera:0``.

    Raises
    ------
    CameraRefused
        If the number is none.
    ExtraMissing
        If picamera2 is not there.
    """
    if not (target.isascii() and target.isdigit() and len(target) < 3):
        raise CameraRefused("picamera: takes the number of a camera, as in picamera:0")
    if importlib.util.find_spec("picamera2") is None:
        raise ExtraMissing(
            "picamera2 is not there: it comes with the system. Install it with: sudo apt install"
            " python3-picamera2, and make the environment with: python3 -m venv"
            " --system-site-packages"
        )
    controls: dict[str, Any] = {}
    if (exposure := options.some_whole("exposure", 1, 10**9)) is not None:
        controls["ExposureTime"] = exposure
    if (gain := options.some_number("gain", 0.1, 1000)) is not None:
        controls["AnalogueGain"] = gain
    red, blue = options.some_number("red", 0.01, 32), options.some_number("blue", 0.01, 32)
    if red is not None and blue is not None:
        controls["ColourGains"] = (red, blue)
    width = options.some_whole("width", 64, _MOST_SIDE)
    height = options.some_whole("height", 64, _MOST_SIDE)
    size = None if width is None or height is None else (width, height)
    return PiCamera(int(target), size, controls)
