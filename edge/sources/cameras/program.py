"""``command:PROGRAM``: any program that writes images to its standard output.

So cameras are reached that no driver of the system knows: the tool of their maker, ffmpeg,
gphoto2, libcamera. A program may write image after image, or one and end: then it is started again.
It runs in a process group of its own, which is killed with it.
"""

from __future__ import annotations

import contextlib
import os
import select
import shlex
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Sequence

from edge.errors import CameraFault, CameraRefused
from edge.sources.cameras.address import Options
from edge.sources.cameras.camera import Frame
from edge.sources.cameras.image_stream import ImageStream, pixels_of
from edge.sources.deadline import Deadline
from edge.wording import printable, shortened

_PIECE = 1 << 20  # bytes
_MOST_SAID = 2000  # bytes of stderr that are kept
_PATIENCE = 1.0  # seconds that a program gets to end when it is asked to


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
        self._process: _Process | None = None
        self._given = 0  # images of this start

    def __enter__(self) -> ProgramCamera:
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def _start(self) -> None:
        self._started, self._given = time.monotonic(), 0
        try:
            self._process = _Process(self._command)
        except OSError as error:
            name = printable(self._command[0])
            raise CameraFault("no-camera", f"{name} cannot be run: {error.strerror}") from error

    def _stop(self) -> None:
        if self._process:
            self._process.kill()
            self._process = None

    def read(self, deadline: Deadline) -> Frame | None:
        """Take the next image that the program writes."""
        while True:
            assert self._process is not None
            image = self._process.image(deadline)
            if image is not None:
                self._given += 1
                self._number += 1
                return Frame(pixels_of(image), self._process.came, self._number - 1)
            self._process.check_end(self._given)
            self._stop()
            if not self._is_endless:
                self._process = None
                return None
            if not deadline.rest(self._started + self._every - time.monotonic()):
                raise CameraFault("no-frame", "nobody waits for the program any more")
            self._start()


class _Process:
    """A program while it runs.

    Attributes
    ----------
    came : float
        When the first bytes of the last image came, in seconds since 1970.
    """

    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            bufsize=0,
        )
        assert self._process.stdout is not None
        self._out = self._process.stdout.fileno()
        os.set_blocking(self._out, False)
        self._stream = ImageStream()
        self._said = b""
        self._listener = threading.Thread(target=self._listen, name="stderr", daemon=True)
        self._listener.start()
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
            ready, _, _ = select.select([self._out], [], [], deadline.step)
            if not ready:
                continue
            piece = os.read(self._out, _PIECE)
            if not piece:
                return None
            if not len(self._stream):
                self.came = time.time()
            self._stream.feed(piece)
        return image

    def check_end(self, given: int) -> None:
        """Refuse an end that is none: in the middle of an image, by an error, without an image."""
        try:
            code = self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            code = 0  # it has closed its output, and goes on with something else
        self._listener.join(_PATIENCE)
        said = shortened(printable(self._said.decode(errors="replace").strip()[-150:]), 150)
        because = f": {said}" if said else ""
        if code:
            raise CameraFault("camera-lost", f"the program ended with code {code}{because}")
        if len(self._stream):
            raise CameraFault("truncated", f"the program ended in the middle of an image{because}")
        if not given:
            raise CameraFault("no-frame", f"the program ended without an image{because}")

    def kill(self) -> None:
        """End it and all that it started."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(OSError):
                os.killpg(self._process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_PATIENCE)
                break
        with contextlib.suppress(OSError):
            os.killpg(self._process.pid, signal.SIGKILL)  # what it left behind
        self._listener.join(_PATIENCE)
        for stream in (self._process.stdout, self._process.stderr):
            if stream:
                stream.close()

    def _listen(self) -> None:
        """Keep the end of what it says: nobody else empties that pipe."""
        assert self._process.stderr is not None
        with contextlib.suppress(OSError, ValueError):
            while piece := self._process.stderr.read(4096):
                self._said = (self._said + piece)[-_MOST_SAID:]


def make_camera(target: str, options: Options) -> ProgramCamera:
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
    return ProgramCamera(command, is_live=not once, is_endless=not once, every=every)
