"""A file on a disk that results are added to: locked, and never with half a row."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from edge.errors import OutputFailed
from edge.sinks.lock import being_written, lock
from edge.whole_file import replacing

_READ_AND_WRITE = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)  # binary: Windows


def is_stream(path: Path) -> bool:
    """Whether a path is a pipe or a device; a disk itself is refused.

    Raises
    ------
    OutputFailed
    """
    try:
        mode = path.stat().st_mode
    except OSError:  # not there yet, or whoever opens it will say
        return False
    if stat.S_ISBLK(mode):
        raise OutputFailed(f"cannot write {path}: it is a disk; name a file on it")
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


class RegularFile:
    """A file that is written by this run alone.

    Parameters
    ----------
    path : Path
        Made if it is not there; nothing in it changes yet.

    Raises
    ------
    OutputFailed
        If it cannot be written, or another run is writing it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._made = not path.exists()
        try:
            self._descriptor = os.open(path, _READ_AND_WRITE, 0o666)
        except OSError as error:
            raise cannot_write(path, error) from error
        if not lock(self._descriptor):
            os.close(self._descriptor)
            raise being_written(path)

    def start(self, size: int) -> bytes:
        """First bytes of what is there."""
        try:
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            return os.read(self._descriptor, size)
        except OSError as error:
            raise cannot_write(self._path, error) from error

    def cut(self, size: int) -> None:
        """Let the file end here, and go on here."""
        try:
            os.ftruncate(self._descriptor, size)
            os.lseek(self._descriptor, size, os.SEEK_SET)
        except OSError as error:
            raise cannot_write(self._path, error) from error

    def replace(self, write: Callable[[BinaryIO], None]) -> None:
        """Put what `write` writes in the place of what is there: all of it, or nothing."""
        path = Path(os.path.realpath(self._path))
        try:
            with replacing(path) as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
                shutil.copymode(path, file.name)
            new = os.open(path, _READ_AND_WRITE)
        except OSError as error:
            raise cannot_write(self._path, error) from error
        os.dup2(new, self._descriptor)
        os.close(new)
        if not lock(self._descriptor):
            raise being_written(self._path)

    def write(self, data: bytes) -> None:
        """Write all of it, or nothing.

        Raises
        ------
        OutputFailed
        """
        try:
            before = os.lseek(self._descriptor, 0, os.SEEK_CUR)
            try:
                _write_all(self._descriptor, data)
            except OSError:
                self.cut(before)  # no half row stays
                raise
        except OSError as error:
            raise cannot_write(self._path, error) from error

    def sync(self) -> None:
        """Put it on the disk."""
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            raise cannot_write(self._path, error) from error

    def finish(self) -> None:
        """Make sure that it is on the disk."""
        self.sync()

    def close(self) -> None:
        """Close it, and let others have it."""
        os.close(self._descriptor)

    def abandon(self) -> None:
        """Close it as it was found: not at all, if it was not there."""
        with contextlib.suppress(OSError):
            if self._made and os.fstat(self._descriptor).st_size == 0:
                Path(os.path.realpath(self._path)).unlink()
        self.close()


def cannot_write(path: Path, error: OSError) -> OutputFailed:
    """Say why the operating system does not write a file."""
    if isinstance(error, OutputFailed):
        return error
    return OutputFailed(
        f"cannot write {path}: {error.strerror}; check the folder and the free space"
    )


def _write_all(descriptor: int, data: bytes) -> None:
    """Write all bytes: the system may take them in parts."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
