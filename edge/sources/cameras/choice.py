"""``camera:...``: an address of the network, or a number or path of a device."""

from __future__ import annotations

from edge.errors import CameraRefused
from edge.secrets import is_url
from edge.sources.cameras.address import Options
from edge.sources.cameras.camera import Camera
from edge.wording import printable


def make_camera(target: str, options: Options) -> Camera:
    """Make the camera of ``camera:TARGET,OPTIONS``.

    Raises
    ------
    CameraRefused
        If there can be none.
    """
    if is_url(target):
        from edge.sources.cameras.http_camera import make_http_camera

        return make_http_camera(target, options)
    raise CameraRefused(f"camera:{printable(target)} is no address; write camera:http://...")
