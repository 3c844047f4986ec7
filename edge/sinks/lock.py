"""Who writes a result file: one run at a time, and nobody's file but edge-all's own is replaced."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from edge.errors import OutputFailed
from edge.process.interrupts import Patience

_LOOK_AGAIN = 0.05  # seconds


def being_written(path: Path) -> OutputFailed:
    """Say that another run has a result file."""
    return OutputFailed(
        f"cannot write {path}: another run is writing it; wait for it, or name another file"
    )


def foreign(path: Path, kind: str) -> OutputFailed:
    """Say that a file must not be replaced, because edge-all did not write it."""
    return OutputFailed(
        f"cannot write {path}: the file there is no {kind} of edge-all and would be lost; name"
        " another file, or move that one away"
    )


def lock(descriptor: int, shared: bool = False) -> bool:
    """Lock an open file until it is closed; False where another run has it.

    True, too, where there are no locks: on Windows, and on some network shares.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        return True
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


class LockFile:
    """A lock beside a file that cannot be locked itself: a database, or a page that is replaced.

    The lock ends with the process. The file ``.NAME.lock`` goes when nobody has it any more.

    Parameters
    ----------
    path : Path
        What is locked. Where no file can be made beside it, nothing is locked.
    named : Path, optional
        What people know it by.
    """

    def __init__(self, path: Path, named: Path | None = None) -> None:
        self._locked = named or path
        real = Path(os.path.realpath(path))
        self._path = real.with_name(f".{real.name}.lock")
        self._descriptor: int | None = None

    def take(self, shared: bool = False, patience: Patience | None = None) -> None:
        """Take the lock, alone or with others that share it.

        Raises
        ------
        OutputFailed
            If another run has it, and patience is over.
        """
        while True:
            try:
                descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
            except OSError:
                return
            if not lock(descriptor, shared):
                os.close(descriptor)
                if patience is None or patience.is_over():
                    raise being_written(self._locked)
                time.sleep(_LOOK_AGAIN)
            elif self._is_there(descriptor):
                self._descriptor = descriptor
                return
            else:
                os.close(descriptor)

    def share(self) -> None:
        """Let others have the lock, too.

        Raises
        ------
        OutputFailed
            If one took it for itself meanwhile.
        """
        if self._descriptor is not None and not lock(self._descriptor, shared=True):
            raise being_written(self._locked)

    def release(self) -> None:
        """Let the lock go, and remove the file if nobody else has it."""
        if self._descriptor is None:
            return
        with contextlib.suppress(OSError):
            if lock(self._descriptor) and self._is_there(self._descriptor):
                self._path.unlink()
        os.close(self._descriptor)
        self._descriptor = None

    def _is_there(self, descriptor: int) -> bool:
        """Whether the file was not removed by the last run that had it."""
        with contextlib.suppress(OSError):
            return os.path.samestat(os.stat(self._path), os.fstat(descriptor))
        return False
