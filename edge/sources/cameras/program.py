"""``command:PROGRAM``: any program that writes images to its standard output, or into a folder.

So cameras are reached that no driver of the system knows: the tool of their maker, ffmpeg,
gphoto2, libcamera. A program may write image after image, or one and end: then it is started again.
"""

from __future__ import annotations

import os
import select
import shlex
import shutil
import time
from collections.abc import Sequence

from edge.errors import CameraFault, CameraRefused
from edge.sources.cameras.address import Options
from edge.sources.cameras.camera import Camera, Frame
from edge.sources.cameras.child import Child
from edge.sources.cameras.folder_output import PLACE, FolderCamera
from edge.sources.cameras.image_stream import ImageStream, pixels_of
from edge.sources.deadline import Deadline
from edge.wording import printable

_PIECE = 1 << 20  # bytes


class ProgramCamera:
    """The images that a program writes; see :class:`~edge.sources.cameras.camera.Camera`.

    Parameters
    ----------
    command : sequence of str
        Program and arguments; no shell is involved.
    is_live : bool
        Whether it goes on by itself. Otherwise it waits while its frames wait to be taken.
    is_endless : bool
        Whether it is started again when it ends well; otherwise its frames end.
    every : float
        Seconds from one start to the next, at least.
    """

    def __init__(
        self,
        command: Sequence[str],
        is_live: bool = True,
        is_endless: bool = True,
        every: float = 0.0,
    ) -> None:
        self.is_live = is_live
        self._command = list(command)
        self._is_endless = is_endless
        self._every = every
        self._number = 0
        self._started = 0.0
        self._output: _Output | None = None
        self._given = 0  # images of this start

    def __enter__(self) -> ProgramCamera:
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def _start(self) -> None:
        self._started, self._given = time.monotonic(), 0
        self._output = _Output(self._command)

    def _stop(self) -> None:
        if self._output:
            self._output.kill()
            self._output = None

    def read(self, deadline: Deadline) -> Frame | None:
        """Take the next image that the program writes."""
        while True:
            assert self._output is not None
            image = self._output.image(deadline)
            if image is not None:
                self._given += 1
                self._number += 1
                return Frame(pixels_of(image), self._output.came, self._number - 1)
            self._output.check_end(self._given)
            self._stop()
            if not self._is_endless:
                self._output = None
                return None
            if not deadline.rest(self._started + self._every - time.monotonic()):
                raise CameraFault("no-frame", "nobody waits for the program any more")
            self._start()


class _Output:
    """What a program writes, image by image.

    Attributes
    ----------
    came : float
        When the first bytes of the last image came, in seconds since 1970.
    """

    def __init__(self, command: list[str]) -> None:
        self._child = Child(command)
        self._stream = ImageStream()
        self.kill = self._child.kill
        self.came = time.time()

    def image(self, deadline: Deadline) -> bytes | None:
        """The next image; None when there will be none any more.

        Raises
        ------
        CameraFault
        """
        while (image := self._stream.next()) is None:
            if deadline.is_over:
                raise CameraFault(
                    "no-frame", f"the program wrote no image within {deadline.seconds:g} s"
                )
            ready, _, _ = select.select([self._child.out], [], [], deadline.step)
            if not ready:
                continue
            piece = os.read(self._child.out, _PIECE)
            if not piece:
                return None
            if not len(self._stream):
                self.came = time.time()
            self._stream.feed(piece)
        return image

    def check_end(self, given: int) -> None:
        """Refuse an end that is none: by an error, in the middle of an image, without an image."""
        said = self._child.check_end()
        if len(self._stream):
            raise CameraFault("truncated", f"the program ended in the middle of an image{said}")
        if not given:
            raise CameraFault("no-frame", f"the program ended without an image{said}")


def make_camera(target: str, options: Options) -> Camera:
    """Make the camera of ``command:PROGRAM``.

    Raises
    ------
    CameraRefused
        If there is no such program.
    """
    try:
        command = shlex.split(target)
    except ValueError as error:
        raise CameraRefused(f"command: cannot be taken apart: {error}; see its quotes") from None
    if not command:
        raise CameraRefused("command: needs a program that writes images to its standard output")
    if shutil.which(command[0]) is None:
        raise CameraRefused(f"command: there is no program {printable(command[0])[:80]}")
    once = options.text("once", "no") == "yes"
    every = options.number("every", 0.0, 0, 86_400)
    if any(PLACE in word for word in command):
        return FolderCamera(command, is_endless=not once, every=every)
    return ProgramCamera(command, is_live=not once, is_endless=not once, every=every)
