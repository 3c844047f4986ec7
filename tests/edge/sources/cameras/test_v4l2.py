"""V4L2 cameras, on a stand-in for linuxpy: this kernel has no camera, nor one that is simulated."""

from __future__ import annotations

import os
import sys
import time
import types
from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from toy_v4l2 import BufferFlag, Hardware, fourcc, module_of

from edge.errors import CameraFault, CameraRefused
from edge.sources.cameras.camera import Frame
from edge.sources.cameras.runner import Runner
from edge.sources.cameras.source import CameraSource
from edge.sources.cameras.v4l2 import FORMATS, V4l2Camera
from edge.sources.deadline import Deadline

GREY = bytes([128] * 48)  # 6 x 4 in YUYV


@pytest.fixture
def hardware(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hardware]:
    made = Hardware()
    for name in ("linuxpy", "linuxpy.video"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, "linuxpy.video.device", module_of(made))
    yield made
    os.close(made.read_end)
    os.close(made.write_end)


def camera(**options: object) -> V4l2Camera:
    return V4l2Camera("/dev/video0", code="YUYV", **options)  # type: ignore[arg-type]


def test_a_frame_has_the_number_and_the_time_of_the_kernel(hardware: Hardware) -> None:
    with camera() as opened:
        hardware.give(GREY, 17)
        time.sleep(0.2)
        frame = opened.read(Deadline(5))
    assert isinstance(frame, Frame)
    assert frame.number == 17
    assert 0.15 < time.time() - frame.time < 5
    assert frame.pixels.shape == (4, 6, 3)
    assert hardware.order == ["format", "stream", "stop", "close"]


def test_nothing_in_time_is_a_fault_and_the_wait_is_short(hardware: Hardware) -> None:
    with camera() as opened, pytest.raises(CameraFault, match="no-frame"):
        opened.read(Deadline(0.05))


def test_automatics_are_switched_off_and_what_they_found_is_kept(hardware: Hardware) -> None:
    with camera(controls={"gain": 7}) as opened:
        hardware.give(GREY, 0)
        frame = opened.read(Deadline(5))
    controls = hardware.controls
    assert (controls[0x009A0901].value, controls[0x0098090C].value) == (1, 0)
    assert controls[0x00980913].value == 7
    assert frame is not None
    assert frame.facts == {"format": "YUYV", "exposure": 15_600, "gain": 7, "white": 4600}


def test_controls_are_set_again_when_the_camera_comes_back(hardware: Hardware) -> None:
    made = camera()
    with made:
        pass
    hardware.controls[0x009A0901].value_ = 3  # as after a new start
    hardware.controls[0x009A0902].value_ = 500
    with made:
        pass
    assert hardware.controls[0x009A0901].value == 1
    assert hardware.controls[0x009A0902].value == 156


def test_automatics_stay_where_that_is_asked_for(hardware: Hardware) -> None:
    with camera(is_automatic=True):
        pass
    assert not any(control.written for control in hardware.controls.values())


def test_a_control_that_does_not_listen_is_a_fault_that_says_what_it_takes(
    hardware: Hardware,
) -> None:
    with (
        pytest.raises(CameraFault, match="gain was set to 500, and is 100; it goes from 0 to 100"),
        camera(controls={"gain": 500}),
    ):
        pass
    assert hardware.order[-1] == "close"


def test_a_format_that_the_camera_does_not_give_is_a_fault(hardware: Hardware) -> None:
    hardware.takes_any_format = False
    with (
        pytest.raises(CameraFault, match="gives 6 x 4 'YUYV', not 1920 x 1080 MJPG"),
        V4l2Camera("/dev/video0", 1920, 1080),
    ):
        pass


@pytest.mark.parametrize("code", FORMATS)
def test_every_format_becomes_rgb(hardware: Hardware, code: str) -> None:
    rgb = np.full((4, 6, 3), (200, 90, 40), np.uint8)
    bgr = np.ascontiguousarray(rgb[:, :, ::-1])
    _, jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 100])
    yuyv = cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_YUY2)
    data = {"MJPG": jpeg, "JPEG": jpeg, "YUYV": yuyv, "RGB3": rgb, "BGR3": bgr}[code].tobytes()
    with V4l2Camera("/dev/video0", code=code) as opened:
        hardware.give(data, 0)
        frame = opened.read(Deadline(5))
    assert hardware.format.pixel_format == fourcc(code)
    assert frame is not None
    assert np.abs(frame.pixels.astype(int) - rgb).max() < 12


def test_lines_may_be_longer_than_the_image(hardware: Hardware) -> None:
    with V4l2Camera("/dev/video0", code="RGB3") as opened:
        opened._line = 20
        hardware.give(bytes(range(80)), 0)
        frame = opened.read(Deadline(5))
    assert frame is not None
    assert frame.pixels[1, 0].tolist() == [20, 21, 22]


@pytest.mark.parametrize(
    ("data", "flags", "reason"),
    [(GREY[:-1], 0, "truncated"), (GREY, BufferFlag.ERROR, "damaged")],
)
def test_a_frame_that_is_not_whole_is_a_fault_and_the_camera_stays(
    hardware: Hardware, data: bytes, flags: int, reason: str
) -> None:
    with camera() as opened:
        hardware.give(data, 0, flags=BufferFlag(flags))
        with pytest.raises(CameraFault, match=reason) as fault:
            opened.read(Deadline(5))
        assert not fault.value.is_lost
        hardware.give(GREY, 1)
        assert opened.read(Deadline(5)) is not None


def test_unplugged_it_is_lost_and_found_again(hardware: Hardware) -> None:
    hardware.give(GREY, 0)
    hardware.fail(OSError(19, "No such device"))
    with Runner(camera(), waits=(0.05,)) as runner:
        assert isinstance(runner.take(), Frame)
        fault = runner.take()
        assert isinstance(fault, CameraFault)
        assert fault.reason == "camera-lost"
        hardware.give(bytes([100] * 48), 0)
        assert isinstance(runner.take(), Frame)


def test_no_camera_is_refused_with_those_there_are() -> None:
    with pytest.raises(CameraRefused, match=r"there is no camera /dev/video87; there are: "):
        CameraSource("camera:87")


def test_the_stand_in_has_the_names_of_linuxpy() -> None:
    device = pytest.importorskip("linuxpy.video.device", reason="an extra")
    assert device.BufferFlag.ERROR == BufferFlag.ERROR
    assert device.BufferFlag.TIMESTAMP_MONOTONIC == BufferFlag.TIMESTAMP_MONOTONIC
    for name in ("get_format", "set_format", "open", "close"):
        assert hasattr(device.VideoCapture, name)
    assert hasattr(device.MemoryMap, "raw_read")
    assert {"frame_nb", "timestamp", "flags"} <= set(dir(device.Frame))
    assert {"fileno", "open"} <= set(dir(device.Device))
    assert hasattr(device.Format, "bytes_per_line")
