"""A pipe or a device that results go to: nothing it did not take is lost without a word."""

from __future__ import annotations

import errno
import logging
import os
import select
import stat
import time
from pathlib import Path

from edge.errors import OutputFailed
from edge.process.interrupts import Interrupted, Patience
from edge.sinks.file import cannot_write
from edge.sinks.lock import being_written, lock
from edge.wording import printable

_LOOK_AGAIN = 0.05  # seconds

_log = logging.getLogger(__name__)  # on stderr, unless whoever runs this has it elsewhere


class Pipe:
    """A pipe with a reader, or a device.

    A named pipe waits for its reader: to open it, while it is full, and at the end for what
    was not read yet. Nothing waits in the system, where no signal would end it.

    Parameters
    ----------
    path : Path

    Raises
    ------
    OutputFailed
        If it cannot be written, or another run is writing it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._failure: OutputFailed | None = None
        self._is_pipe = stat.S_ISFIFO(path.stat().st_mode)
        self._descriptor = self._open()
        if self._is_pipe and not lock(self._descriptor):
            os.close(self._descriptor)
            raise being_written(path)

    def _open(self) -> int:
        patience = Patience()
        waited = False
        while not patience.is_over():
            try:
                return os.open(self._path, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0))
            except OSError as error:
                if error.errno != errno.ENXIO or not self._is_pipe:
                    raise cannot_write(self._path, error) from error
            if not waited:
                _log.warning(
                    "waiting for a reader of %s; Ctrl-C ends it", printable(str(self._path))
                )
                waited = True
            time.sleep(_LOOK_AGAIN)
        raise OutputFailed(f"cannot write {self._path}: nobody reads it; start its reader first")

    def write(self, data: bytes) -> None:
        """Write all of it, as fast as it is read.

        Raises
        ------
        OutputFailed
            If the reader has left, or takes nothing while the process is to end.
        """
        if self._failure:  # a part of a row may stand at the end already
            raise self._failure
        view = memoryview(data)
        patience = Patience()
        while view:
            try:
                view = view[os.write(self._descriptor, view) :]
                patience = Patience()
            except BlockingIOError:
                if patience.is_over():
                    raise self._fail("its reader takes no more") from None
                self._wait()
            except BrokenPipeError:
                raise self._fail("its reader has left") from None
            except OSError as error:
                self._failure = cannot_write(self._path, error)
                raise self._failure from error

    def finish(self) -> None:
        """Wait until the reader has taken everything.

        Raises
        ------
        OutputFailed
            If it leaves before.
        """
        patience = Patience()
        try:
            while not self._failure and self._unread():
                if self._is_left():
                    raise self._fail("its reader has left")
                if patience.is_over():
                    raise self._fail("its reader takes no more")
                time.sleep(_LOOK_AGAIN)
        except Interrupted as interrupt:
            if self._unread():
                interrupt.unwritten = self._fail("its reader takes no more")
            raise

    def sync(self) -> None:
        """Nothing can be done for a pipe."""

    def close(self) -> None:
        """Close it."""
        os.close(self._descriptor)

    def abandon(self) -> None:
        """Close it."""
        self.close()

    def _fail(self, why: str) -> OutputFailed:
        self._failure = OutputFailed(
            f"cannot write {self._path}: {why}, and results that were not read are lost; start it"
            " again, and this command, or name a file"
        )
        return self._failure

    def _wait(self) -> None:
        """Wait until something can be written, or a little."""
        self._poll(select.POLLOUT, _LOOK_AGAIN)

    def _is_left(self) -> bool:
        return bool(self._poll(0, 0) & select.POLLERR)

    def _poll(self, events: int, seconds: float) -> int:
        waiting = select.poll()
        waiting.register(self._descriptor, events)
        return sum(found for _, found in waiting.poll(seconds * 1000))

    def _unread(self) -> int:
        """Bytes in the pipe, as far as the system tells."""
        if not self._is_pipe:
            return 0
        import fcntl
        import struct
        import termios

        try:
            answer = fcntl.ioctl(self._descriptor, termios.FIONREAD, b"\0" * 4)
        except OSError:
            return 0
        return int(struct.unpack("i", answer)[0])
