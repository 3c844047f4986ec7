"""``camera:...``: an address of the network, or a number or path of a device."""

from __future__ import annotations

import sys

from edge.errors import CameraRefused
from edge.secrets import is_url
from edge.sources.cameras.address import Options
from edge.sources.cameras.camera import Camera
from edge.wording import printable


def make_camera(target: str, options: Options) -> Camera:
    """Make the camera of ``camera:TARGET,OPTIONS``.

    Raises
    ------
    CameraRefused, ExtraMissing
        If there can be none.
    """
    if is_url(target):
        from edge.sources.cameras.http_camera import make_http_camera

        return make_http_camera(target, options)
    is_number = target.isascii() and target.isdigit() and len(target) < 4
    driver = options.text("driver", "v4l2" if sys.platform == "linux" else "opencv")
    if driver == "opencv" and is_number:
        from edge.sources.cameras.opencv_camera import opencv_camera

        return opencv_camera(int(target), options)
    if driver == "v4l2" and (is_number or target.startswith("/dev/")):
        from edge.sources.cameras.v4l2 import make_device

        return make_device(target, options)
    raise CameraRefused(
        f"camera:{printable(target)[:80]} is no camera; write camera:0, camera:/dev/video0 or"
        " camera:http://..., and driver=v4l2 or driver=opencv if need be"
    )
