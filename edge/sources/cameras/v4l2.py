"""``camera:0`` on Linux: V4L2 through linuxpy.

Every wait is a poll with a time-out, frames carry the kernel's sequence number and the time of
their exposure, and controls are read back after they were set. Exposure, gain and white balance are
fixed, or cells would change their colour with what lies beside them; they are set again whenever
the camera comes back.
"""

from __future__ import annotations

import importlib.util
import os
import select
import time
from contextlib import ExitStack
from typing import Any

import cv2
import numpy as np

from edge.crops.preprocess import UInt8Image
from edge.decoding.decode import decode
from edge.errors import CameraFault, CameraRefused, CropUnreadable, ExtraMissing
from edge.sources.cameras.address import Options
from edge.sources.cameras.camera import Frame
from edge.sources.deadline import Deadline

FORMATS = ("MJPG", "JPEG", "YUYV", "RGB3", "BGR3")
"""Formats that are read, as four letters."""

# numbers of controls, and what switches the automatic off (linux/v4l2-controls.h)
_AUTOMATICS = ((0x009A0901, 1), (0x009A0903, 0), (0x0098090C, 0), (0x00980912, 0))
_CONTROLS = {
    "exposure": 0x009A0902,
    "gain": 0x00980913,
    "white": 0x0098091A,
    "red": 0x0098090E,
    "blue": 0x0098090F,
    "brightness": 0x00980900,
}
_EXPOSURE_UNIT = 100  # microseconds
_MOST_SIDE = 1 << 14


class V4l2Camera:
    """A camera of the kernel; see :class:`~edge.sources.cameras.camera.Camera`.

    Parameters
    ----------
    path : str
        ``/dev/video0``.
    width, height : int or None
        Size to ask for; that of the camera by default.
    code : str
        Format, one of :data:`FORMATS`.
    controls : dict
        Names of controls -> values in the units of the driver.
    is_automatic : bool
        Leave exposure, gain and white balance to the camera.
    """

    is_live = True

    def __init__(
        self,
        path: str,
        width: int | None = None,
        height: int | None = None,
        code: str = "MJPG",
        controls: dict[str, int] | None = None,
        is_automatic: bool = False,
    ) -> None:
        self._path = path
        self._size = width, height
        self._code = code
        self._wanted = dict(controls or {})
        self._is_automatic = is_automatic
        self._opened = ExitStack()
        self._device: Any = None
        self._capture: Any = None
        self._facts: dict[str, object] = {}

    def __enter__(self) -> V4l2Camera:
        from linuxpy.video.device import Device, VideoCapture

        try:
            self._device = self._opened.enter_context(Device(self._path))
            self._capture = VideoCapture(self._device, 4)
            self._set_format()
            if not self._is_automatic:
                self._fix_controls()
            self._opened.enter_context(self._capture)
        except CameraFault:
            self._opened.close()
            raise
        except Exception as error:  # OSError, and whatever linuxpy makes of a driver
            self._opened.close()
            why = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise CameraFault("no-camera", f"{self._path}: {why}") from error
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def read(self, deadline: Deadline) -> Frame | None:
        """Wait for the next frame of the driver."""
        poll = select.poll()
        poll.register(self._device.fileno(), select.POLLIN)
        while not deadline.is_over:
            events = poll.poll(max(deadline.step * 1000, 1))
            if not events:
                continue
            if events[0][1] & (select.POLLERR | select.POLLHUP | select.POLLNVAL):
                raise CameraFault("camera-lost", f"{self._path}: the camera has gone")
            try:
                raw = self._capture.buffer.raw_read()
            except BlockingIOError:
                continue
            except OSError as error:
                raise CameraFault("camera-lost", f"{self._path}: {error.strerror}") from error
            return self._frame(raw)
        raise CameraFault("no-frame", f"{self._path}: no frame within {deadline.seconds:g} s")

    def _frame(self, raw: Any) -> Frame:
        from linuxpy.video.device import BufferFlag

        if BufferFlag.ERROR in raw.flags:
            raise CameraFault("damaged", "the driver says that a frame is damaged", is_lost=False)
        pixels = self._pixels(bytes(raw.data))
        moment = time.time()
        if BufferFlag.TIMESTAMP_MONOTONIC in raw.flags:
            moment -= time.monotonic() - raw.timestamp
        return Frame(pixels, moment, raw.frame_nb, facts=self._facts)

    def _pixels(self, data: bytes) -> UInt8Image:
        width, height = self._actual
        if self._code in ("MJPG", "JPEG"):
            try:
                return decode(data)
            except CropUnreadable as error:
                raise CameraFault(error.reason, error.message, is_lost=False) from error
        channels = 2 if self._code == "YUYV" else 3
        line = self._line or channels * width
        if len(data) < line * height or line < channels * width:
            raise CameraFault("truncated", "a frame is not all there", is_lost=False)
        rows = np.frombuffer(data, np.uint8, line * height).reshape(height, line)
        plain = rows[:, : channels * width].reshape(height, width, channels)
        if self._code == "RGB3":
            return np.ascontiguousarray(plain)
        how = cv2.COLOR_YUV2RGB_YUYV if self._code == "YUYV" else cv2.COLOR_BGR2RGB
        return np.asarray(cv2.cvtColor(plain, how), np.uint8)

    def _set_format(self) -> None:
        """Ask for format and size, and see what the driver gives."""
        now = self._capture.get_format()
        width, height = self._size[0] or now.width, self._size[1] or now.height
        self._capture.set_format(width, height, self._code)  # S_FMT: the size is of the format
        given = self._capture.get_format()
        code = int(given.pixel_format).to_bytes(4, "little").decode("latin-1")
        if (
            code != self._code
            or self._size[0] not in (None, given.width)
            or (self._size[1] not in (None, given.height))
        ):
            raise CameraFault(
                "unsupported",
                f"{self._path} gives {given.width} x {given.height} {code!a}, not"
                f" {width} x {height} {self._code}; give width=, height= and format= that it has",
            )
        self._actual = given.width, given.height
        self._line = given.bytes_per_line
        self._facts = {"format": code}

    def _fix_controls(self) -> None:
        """Switch automatics off, set what is wanted, and read all of it back."""
        known = {control.id: control for control in self._device.controls.values()}
        for number, off in _AUTOMATICS:
            if number in known and known[number].value != off:
                known[number].value = off
        for name, number in _CONTROLS.items():
            if number not in known:
                if name in self._wanted:
                    raise CameraFault("unsupported", f"{self._path} has no control for {name}=")
                continue
            control = known[number]
            if name in self._wanted and control.value != self._wanted[name]:
                control.value = self._wanted[name]
            found = control.value
            step = max(getattr(control, "step", 1) or 1, 1)
            if abs(found - self._wanted.get(name, found)) > step:
                raise CameraFault(
                    "unsupported",
                    f"{self._path}: {name} was set to {self._wanted[name]}, and is {found}; it goes"
                    f" from {control.minimum} to {control.maximum}",
                )
            self._wanted.setdefault(name, found)  # the same again when it comes back
            self._facts[name] = found * _EXPOSURE_UNIT if name == "exposure" else found


def make_device(target: str, options: Options) -> V4l2Camera:
    """Make the camera of a number or a path.

    Raises
    ------
    CameraRefused
        If there is none.
    ExtraMissing
        If linuxpy is not installed.
    """
    path = f"/dev/video{target}" if target.isdigit() else target
    if not os.path.exists(path):
        there = sorted(name for name in os.listdir("/dev") if name.startswith("video"))
        have = ", ".join(f"camera:{name[5:]}" for name in there) or "none"
        raise CameraRefused(f"there is no camera {path}; there are: {have}")
    if importlib.util.find_spec("linuxpy") is None:
        raise ExtraMissing(
            "linuxpy is not installed; install it with: pip install 'edge-all[v4l2]', or add"
            " driver=opencv to the address"
        )
    code = options.text("format", "MJPG") or ""
    if code not in FORMATS:
        raise CameraRefused(f"camera: takes {', '.join(FORMATS)} for format=")
    exposure = options.some_number("exposure", 1, 10_000_000)
    controls = {} if exposure is None else {"exposure": max(round(exposure / _EXPOSURE_UNIT), 1)}
    for name in ("gain", "white", "red", "blue", "brightness"):
        value = options.some_whole(name, -(1 << 31), (1 << 31) - 1)
        if value is not None:
            controls[name] = value
    return V4l2Camera(
        path,
        options.some_whole("width", 16, _MOST_SIDE),
        options.some_whole("height", 16, _MOST_SIDE),
        code,
        controls,
        options.text("auto", "no") == "yes",
    )
