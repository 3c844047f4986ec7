"""Frames of OpenCV's capture, written to standard output as PPM: run as a program of its own.

Unplugged, OpenCV gives the last frame for ever or blocks for ever, and a damaged video may end the
process: what reads it must be able to kill it.
"""

from __future__ import annotations

import json
import os
import sys

_OUT = 1


def main() -> None:
    """Read what the first argument says, as JSON, until there is nothing any more.

    Raises
    ------
    SystemExit
    """
    import cv2

    wanted = json.loads(sys.argv[1])
    capture = cv2.VideoCapture(wanted["target"])
    if not capture.isOpened():
        raise SystemExit("OpenCV cannot open it")
    for name, value in wanted["settings"]:  # in their order: format before size
        capture.set(getattr(cv2, name), value)
    while True:
        found, bgr = capture.read()
        if not found and isinstance(wanted["target"], str):
            return
        if not found:
            raise SystemExit("the camera gives no more frames")
        rgb = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
        _write(b"P6 %d %d 255\n" % (rgb.shape[1], rgb.shape[0]))
        _write(rgb.tobytes())


def _write(data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(_OUT, view) :]


if __name__ == "__main__":
    main()
