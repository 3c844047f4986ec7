"""Programs, video files and OpenCV as cameras: real processes, which end and are killed."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.errors import CameraRefused
from edge.sources.cameras.camera import Frame
from edge.sources.cameras.program import ProgramCamera
from edge.sources.cameras.runner import Runner
from edge.sources.cameras.source import CameraSource

WAITS = (0.01, 0.05)
WRITES = """
import os, sys, time
def write(*levels):
    for level in levels:
        os.write(1, b"P6 4 3 255\\n" + bytes([level]) * 36)
"""


def program(tmp_path: Path, body: str) -> list[str]:
    path = tmp_path / "program.py"
    path.write_text(WRITES + body)
    return [sys.executable, str(path)]


def read(camera: ProgramCamera, most: int, timeout: float = 20.0) -> list[int | str]:
    """Grey levels of frames, and reasons of faults, until there are so many frames."""
    found: list[int | str] = []
    with Runner(camera, timeout, most=100, waits=WAITS) as runner:
        frames = 0
        while frames < most and (item := runner.take()) is not None:
            frames += isinstance(item, Frame)
            found.append(int(item.pixels[0, 0, 0]) if isinstance(item, Frame) else item.reason)
    return found


def test_a_program_that_writes_image_after_image(tmp_path: Path) -> None:
    camera = ProgramCamera(program(tmp_path, "write(1, 2, 3)\ntime.sleep(60)"))
    start = time.monotonic()
    assert read(camera, 3) == [1, 2, 3]
    assert time.monotonic() - start < 30  # it was killed


def test_a_program_that_writes_one_image_and_ends_is_started_again(tmp_path: Path) -> None:
    count = tmp_path / "count"
    body = f"""
path = {str(count)!r}
n = int(open(path).read()) if os.path.exists(path) else 1
open(path, "w").write(str(n + 1))
write(n)
"""
    assert read(ProgramCamera(program(tmp_path, body)), 3) == [1, 2, 3]


def test_once_its_frames_end_with_it(tmp_path: Path) -> None:
    camera = ProgramCamera(program(tmp_path, "write(*range(1, 9))"), False, False)
    assert read(camera, 99) == list(range(1, 9))


@pytest.mark.parametrize(
    ("body", "reason", "says"),
    [
        ("sys.exit('no such device')", "camera-lost", "code 1: no such device"),
        ("write(1); os.write(1, b'P6 4 3 255\\nabc')", "truncated", "middle of an image"),
        ("pass", "no-frame", "without an image"),
        ("print('hello, this is no image')", "not-an-image", "something else"),
        ("time.sleep(60)", "no-frame", "no image within"),
        ("os.kill(os.getpid(), 9)", "camera-lost", "code -9"),
    ],
)
def test_a_program_that_fails_is_a_fault_with_its_own_words(
    tmp_path: Path, body: str, reason: str, says: str
) -> None:
    timeout = 0.3 if "sleep" in body else 20.0
    with Runner(ProgramCamera(program(tmp_path, body)), timeout, waits=(60,)) as runner:
        item = runner.take()
        while isinstance(item, Frame):
            item = runner.take()
    assert item is not None
    assert item.reason == reason
    assert says in item.message
    assert item.message.isprintable()


def test_a_program_that_talks_a_lot_is_not_held_up(tmp_path: Path) -> None:
    body = "for n in range(1, 4):\n    sys.stderr.write('x' * 300000)\n    write(n)"
    assert read(ProgramCamera(program(tmp_path, body), False, False), 99) == [1, 2, 3]


def test_what_a_program_started_is_killed_with_it(tmp_path: Path) -> None:
    body = "import subprocess\np = subprocess.Popen(['sleep', '60'])\nwrite(p.pid % 200)\n"
    body += f"open({str(tmp_path / 'pid')!r}, 'w').write(str(p.pid))\ntime.sleep(60)"
    with Runner(ProgramCamera(program(tmp_path, body)), waits=WAITS) as runner:
        assert isinstance(runner.take(), Frame)
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            time.sleep(0.01)
    child = int((tmp_path / "pid").read_text())
    until = time.monotonic() + 10
    while time.monotonic() < until and is_running(child):
        time.sleep(0.02)
    assert not is_running(child)


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(") ")[1][0] != "Z"
    except OSError:
        return False


def test_an_address_names_a_program_with_its_arguments(tmp_path: Path) -> None:
    command = shlex.join(program(tmp_path, "write(5, 6)"))
    with CameraSource(f"command:{command},once=yes") as batches:
        samples = [sample for batch in batches for sample in batch]
    assert [int(s.pixels[0, 0, 0]) for s in samples if s.pixels is not None] == [5, 6]


def test_a_video_gives_all_its_frames(tmp_path: Path) -> None:
    path = str(tmp_path / "smear.avi")
    writer = cv2.VideoWriter(path, cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for level in range(20, 220, 20):
        writer.write(np.full((48, 64, 3), level, np.uint8))
    writer.release()
    with CameraSource(f"video:{path}") as batches:
        samples = [sample for batch in batches for sample in batch]
    levels = [float(s.pixels.mean()) for s in samples if s.pixels is not None]
    assert levels == pytest.approx(list(range(20, 220, 20)), abs=3)


def test_a_video_that_is_none_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "x.avi").write_bytes(b"no video")
    source = CameraSource(f"video:{tmp_path / 'x.avi'}", waits=(60,))
    with source:
        sample = source.take()
    assert sample is not None
    assert sample.error is not None
    assert "OpenCV cannot open it" in sample.error.message


def test_opencv_without_a_camera_is_a_fault_and_is_left(tmp_path: Path) -> None:
    source = CameraSource("camera:87,driver=opencv", waits=(60,))
    with source:
        sample = source.take()
    assert sample is not None
    assert sample.error is not None
    assert sample.error.reason == "camera-lost"


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("command:", "needs a program"),
        ("command:no-such-program-here -x", "there is no program no-such-program-here"),
        ("command:'open", "see its quotes"),
        ("video:no-such.avi", "there is no file"),
        ("camera:", "is no camera"),
        ("camera:front", "is no camera"),
        ("camera:0,driver=qt", "driver=v4l2 or"),
        ("camera:0,driver=opencv,format=JPEGS", "four letters"),
        ("picamera:x", "the number of a camera"),
        ("mm:no-such.cfg", "there is no configuration"),
    ],
)
def test_what_cannot_be_is_refused(address: str, says: str) -> None:
    with pytest.raises(CameraRefused) as refused:
        CameraSource(address)
    assert says in str(refused.value)


def test_nothing_is_left_running() -> None:
    own = subprocess.run(["ps", "-o", "pid=", "--ppid", str(os.getpid())], capture_output=True)
    names = [Path(f"/proc/{pid}/cmdline") for pid in own.stdout.decode().split()]
    assert not any(b"program" in name.read_bytes() for name in names if name.exists())
