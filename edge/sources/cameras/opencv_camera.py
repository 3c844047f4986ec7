"""Cameras and video files through OpenCV, in a process that can be killed."""

from __future__ import annotations

import json
import os
import sys

from edge.errors import CameraRefused
from edge.files import file_name
from edge.sources.cameras.address import Options
from edge.sources.cameras.program import ProgramCamera

_MOST_SIDE = 1 << 14


def opencv_camera(target: int, options: Options) -> ProgramCamera:
    """Make the camera with a number through OpenCV: where there is no V4L2."""
    settings: list[tuple[str, float]] = []
    code = options.text("format", "MJPG") or ""
    if len(code) != 4 or not code.isascii():
        raise CameraRefused("camera: takes four letters for format=, as in MJPG or YUYV")
    settings.append(("CAP_PROP_FOURCC", int.from_bytes(code.encode(), "little")))
    for name, key in (("width", "CAP_PROP_FRAME_WIDTH"), ("height", "CAP_PROP_FRAME_HEIGHT")):
        if (value := options.some_whole(name, 16, _MOST_SIDE)) is not None:
            settings.append((key, value))
    return ProgramCamera(_command(target, settings), is_endless=False)


def make_video(target: str, options: Options) -> ProgramCamera:
    """Make the camera of ``video:FILE``: its frames, one after the other, none left out.

    Raises
    ------
    CameraRefused
        If there is no such file.
    """
    if not os.path.isfile(target):
        raise CameraRefused(f"video: there is no file {file_name(target)}")
    return ProgramCamera(_command(os.path.abspath(target), []), is_live=False, is_endless=False)


def _command(target: int | str, settings: list[tuple[str, float]]) -> list[str]:
    wanted = json.dumps({"target": target, "settings": settings})
    return [sys.executable, "-m", "edge.sources.cameras.opencv_program", wanted]
