"""A program that runs beside this one, and is killed with all that it started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Sequence

from edge.errors import CameraFault
from edge.wording import printable, shortened

_MOST_SAID = 2000  # bytes of stderr that are kept
_MOST_TOLD = 150  # characters of it that are repeated
_PATIENCE = 1.0  # seconds that a program gets to end when it is asked to


class Child:
    """A program, running, in a process group of its own.

    Parameters
    ----------
    command : sequence of str
        No shell is involved.
    writes : bool
        Whether its standard output is wanted.

    Raises
    ------
    CameraFault
        ``no-camera`` if it cannot be run.

    Attributes
    ----------
    out : int
        Descriptor of its standard output, not blocking; -1 if that is not wanted.
    """

    def __init__(self, command: Sequence[str], writes: bool = True) -> None:
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if writes else subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
                bufsize=0,
            )
        except OSError as error:
            name = printable(command[0])[:80]
            raise CameraFault("no-camera", f"{name} cannot be run: {error.strerror}") from error
        self.out = -1
        if self._process.stdout:
            self.out = self._process.stdout.fileno()
            os.set_blocking(self.out, False)
        self._said = b""
        self._listener = threading.Thread(target=self._listen, name="stderr", daemon=True)
        self._listener.start()

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def check_end(self) -> str:
        """Refuse an end by an error, and return what it said at last, for people.

        Raises
        ------
        CameraFault
            ``camera-lost``.
        """
        try:
            code = self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            code = 0  # it has closed its output, and goes on with something else
        self._listener.join(_PATIENCE)
        words = printable(self._said.decode(errors="replace").strip()[-_MOST_TOLD:])
        said = f": {shortened(words, _MOST_TOLD)}" if words else ""
        if code:
            raise CameraFault("camera-lost", f"the program ended with code {code}{said}")
        return said

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
