"""Programs that write files into a folder, as cameras."""

from __future__ import annotations

import os
import shlex
import sys
import time
from pathlib import Path

import pytest

from edge.sources.cameras.camera import Frame
from edge.sources.cameras.folder_output import FolderCamera
from edge.sources.cameras.runner import Runner
from edge.sources.cameras.source import CameraSource
from edge.sources.deadline import Deadline

WRITES = """
import os, sys, time
import cv2, numpy as np
folder = sys.argv[1]
def image(level):
    return cv2.imencode(".png", np.full((3, 4, 3), level, np.uint8))[1].tobytes()
def write(level, name=None):
    path = os.path.join(folder, name or f"{level:03d}.png")
    with open(path + ".part", "wb") as file:
        file.write(image(level))
    os.replace(path + ".part", path)
"""


def program(tmp_path: Path, body: str) -> list[str]:
    path = tmp_path / "program.py"
    path.write_text(WRITES + body)
    return [sys.executable, str(path), "{folder}"]


def read(camera: FolderCamera, most: int, timeout: float = 30.0) -> list[int | str]:
    found: list[int | str] = []
    with Runner(camera, timeout, most=100, waits=(0.01,)) as runner:
        frames = 0
        while frames < most and (item := runner.take()) is not None:
            frames += isinstance(item, Frame)
            found.append(int(item.pixels[0, 0, 0]) if isinstance(item, Frame) else item.reason)
    return found


def test_files_are_frames_in_their_order_and_the_folder_goes_with_the_camera(
    tmp_path: Path,
) -> None:
    body = f"open({str(tmp_path / 'where')!r}, 'w').write(folder)\n"
    body += "for n in (1, 2, 3):\n    write(n); time.sleep(0.02)\ntime.sleep(60)"
    assert read(FolderCamera(program(tmp_path, body)), 3) == [1, 2, 3]
    assert not os.path.exists((tmp_path / "where").read_text())


def test_a_file_that_is_written_slowly_is_waited_for(tmp_path: Path) -> None:
    body = """
with open(os.path.join(folder, "slow.png"), "wb", buffering=0) as file:
    data = image(9)
    file.write(data[:30]); time.sleep(0.5); file.write(data[30:])
time.sleep(60)
"""
    assert read(FolderCamera(program(tmp_path, body)), 1) == [9]


def test_a_file_that_is_no_image_is_a_fault_and_the_next_one_is_read(tmp_path: Path) -> None:
    body = "open(os.path.join(folder, 'a.png'), 'wb').write(b'no image')\n"
    body += "open(os.path.join(folder, 'a.txt'), 'wb').write(b'notes')\nwrite(5, 'b.png')"
    found = read(FolderCamera(program(tmp_path, body), is_endless=False), 99)
    assert sorted(found, key=str) == [5, "not-an-image"]


def test_of_many_files_the_newest_are_read_and_the_others_counted(tmp_path: Path) -> None:
    body = "for n in range(1, 21):\n    write(n)\n"
    body += "    os.utime(os.path.join(folder, f'{n:03d}.png'), (n, n))"
    camera = FolderCamera(program(tmp_path, body), is_endless=False)
    with camera:
        while camera._child is not None and camera._child.is_running:
            time.sleep(0.02)
        frames = [camera.read(Deadline(30)) for _ in range(5)]
    assert [frame.facts["file"] for frame in frames if frame] == [
        f"{n:03d}.png" for n in range(17, 21)
    ]
    assert [frame.number for frame in frames if frame] == list(range(16, 20))


@pytest.mark.parametrize(
    ("body", "reason", "says"),
    [
        ("sys.exit('no camera found')", "camera-lost", "code 1: no camera found"),
        ("pass", "no-frame", "without an image"),
        ("time.sleep(60)", "no-frame", "no image within"),
    ],
)
def test_a_program_that_fails_is_a_fault(tmp_path: Path, body: str, reason: str, says: str) -> None:
    timeout = 0.5 if "sleep" in body else 30.0
    with Runner(FolderCamera(program(tmp_path, body)), timeout, waits=(60,)) as runner:
        item = runner.take()
    assert item is not None
    assert not isinstance(item, Frame)
    assert item.reason == reason
    assert says in item.message


def test_an_address_with_a_folder_in_it(tmp_path: Path) -> None:
    command = shlex.join(program(tmp_path, "write(7)"))
    with CameraSource(f"command:{command},once=yes") as batches:
        ((sample,),) = batches
    assert sample.pixels is not None
    assert sample.pixels[0, 0, 0] == 7
    assert sample.facts["file"] == "007.png"
