"""Stands in for linuxpy where the kernel has no camera: the same names, a pipe to poll.

Only what `edge.sources.cameras.v4l2` uses of linuxpy 0.25.
"""

from __future__ import annotations

import enum
import os
import time
import types
from dataclasses import dataclass, field


class BufferFlag(enum.IntFlag):
    ERROR = 0x40
    TIMESTAMP_MONOTONIC = 0x2000


@dataclass
class Format:
    width: int
    height: int
    pixel_format: int
    bytes_per_line: int = 0


@dataclass
class Control:
    """A control that clips, as drivers do, or does not listen."""

    id: int
    value_: int
    minimum: int = 0
    maximum: int = 10_000
    step: int = 1
    listens: bool = True
    written: list[int] = field(default_factory=list)

    @property
    def value(self) -> int:
        return self.value_

    @value.setter
    def value(self, value: int) -> None:
        self.written.append(value)
        if self.listens:
            self.value_ = min(max(value, self.minimum), self.maximum)


@dataclass
class RawFrame:
    data: bytes
    frame_nb: int
    timestamp: float
    flags: BufferFlag = BufferFlag.TIMESTAMP_MONOTONIC


class Hardware:
    """What stays when a device is closed."""

    def __init__(self, width: int = 6, height: int = 4, code: str = "YUYV") -> None:
        self.format = Format(width, height, fourcc(code))
        self.takes_any_format = True
        self.controls = {
            0x009A0901: Control(0x009A0901, 3),
            0x009A0902: Control(0x009A0902, 156, 3, 2047),
            0x0098090C: Control(0x0098090C, 1),
            0x0098091A: Control(0x0098091A, 4600, 2800, 6500),
            0x00980913: Control(0x00980913, 10, 0, 100),
        }
        self.is_gone = False
        self.frames: list[RawFrame | OSError] = []
        self.read_end, self.write_end = os.pipe()
        self.order: list[str] = []

    def give(self, data: bytes, number: int, **more: object) -> None:
        """Have a frame ready."""
        self.frames.append(RawFrame(data, number, time.monotonic(), **more))  # type: ignore[arg-type]
        os.write(self.write_end, b"x")

    def fail(self, error: OSError) -> None:
        """Have the next read fail."""
        self.frames.append(error)
        os.write(self.write_end, b"x")


def fourcc(code: str) -> int:
    return int.from_bytes(code.encode(), "little")


def module_of(hardware: Hardware) -> types.ModuleType:
    """Module `linuxpy.video.device` with one camera."""

    class Device:
        def __init__(self, path: str) -> None:
            self.controls = hardware.controls

        def __enter__(self) -> Device:
            if hardware.is_gone:
                raise OSError(19, "No such device")
            return self

        def __exit__(self, *_: object) -> None:
            hardware.order.append("close")

        def fileno(self) -> int:
            return hardware.read_end

    class Buffer:
        def raw_read(self) -> RawFrame:
            os.read(hardware.read_end, 1)
            frame = hardware.frames.pop(0)
            if isinstance(frame, OSError):
                raise frame
            return frame

    class VideoCapture:
        def __init__(self, device: Device, size: int) -> None:
            self.buffer = Buffer()

        def get_format(self) -> Format:
            return hardware.format

        def set_format(self, width: int, height: int, pixel_format: str) -> None:
            hardware.order.append("format")
            if hardware.takes_any_format:
                hardware.format = Format(width, height, fourcc(pixel_format))

        def __enter__(self) -> VideoCapture:
            hardware.order.append("stream")
            return self

        def __exit__(self, *_: object) -> None:
            hardware.order.append("stop")

    module = types.ModuleType("linuxpy.video.device")
    module.__dict__.update(Device=Device, VideoCapture=VideoCapture, BufferFlag=BufferFlag)
    return module
