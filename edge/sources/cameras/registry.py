"""Cameras by scheme: what stands before the colon of ``camera:0``.

A new camera is a module with a :class:`~edge.sources.cameras.camera.Camera` and a line here; one of
your own is registered with :func:`register_camera`.
"""

from __future__ import annotations

from edge.registry import Factory, Registry
from edge.sources.cameras.camera import Camera

CAMERAS: Registry[Camera] = Registry(
    {
        "camera": "edge.sources.cameras.choice:make_camera",
        "picamera": "edge.sources.cameras.pi:make_camera",
        "mm": "edge.sources.cameras.micromanager:make_camera",
        "command": "edge.sources.cameras.program:make_camera",
        "video": "edge.sources.cameras.opencv_camera:make_video",
        "sim": "edge.sources.cameras.simulated.camera:make_camera",
    }
)
"""Scheme -> what makes the camera of a target and options, once per run."""


def register_camera(scheme: str, factory: str | Factory[Camera]) -> None:
    """Make cameras known by a scheme.

    Parameters
    ----------
    scheme : str
        What stands before the colon.
    factory : callable or str
        Makes the camera of a target and its :class:`~edge.sources.cameras.address.Options`;
        ``package.module:attribute`` is imported when such a camera is asked for.
    """
    CAMERAS.register(scheme, factory)
