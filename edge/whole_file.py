"""Write a file whole under its name, or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from edge.errors import OutputFailed


@contextlib.contextmanager
def replacing(path: Path, durable: bool = False) -> Iterator[BinaryIO]:
    """Open a file that takes the place of `path` once it was written without an error.

    It is written beside it, as ``.NAME.PID``. What killed processes have left of their own
    is removed. A link stays, and what it leads to is replaced.

    Parameters
    ----------
    path : Path
        Its folder must exist.
    durable : bool
        Whether a power cut behind this must not take it back: waits for the disk.

    Yields
    ------
    BinaryIO

    Raises
    ------
    OSError
    """
    target = Path(os.path.realpath(path))
    remove_abandoned(target)
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with unfinished.open("wb") as file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        unfinished.replace(target)
        if durable:
            _sync_folder(target.parent)
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Keep the names in a folder, where the system can: the file under the new one, too."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def save_text(path: Path, text: str) -> None:
    """Write a text as :func:`save_bytes` does, in UTF-8."""
    save_bytes(path, text.encode())


def save_bytes(path: Path, data: bytes) -> None:
    """Write a file whole under its name, or not at all; its folder is made.

    Raises
    ------
    OutputFailed
        If it cannot be written: a full disk, a folder nobody may write to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            file.write(data)
    except OSError as error:
        raise OutputFailed(
            f"cannot write {path}: {error.strerror}; check the folder and the free space"
        ) from error


def remove_abandoned(path: Path) -> None:
    """Remove the file or folder that processes which were killed left of writing `path`."""
    start = f".{path.name}."
    with contextlib.suppress(OSError):
        for name in os.listdir(path.parent):  # bytes of names stay as they are
            owner = name[len(start) :] if name.startswith(start) else ""
            if owner.isascii() and owner.isdigit() and not _is_alive(int(owner)):
                _remove(path.with_name(name))


def _remove(left: Path) -> None:
    if left.is_dir():
        import shutil  # a device, which leaves no folders, starts without it

        shutil.rmtree(left, ignore_errors=True)
    else:
        left.unlink(missing_ok=True)


def _is_alive(process: int) -> bool:
    if os.name != "posix":  # there, a signal 0 would end it
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # it belongs to another user
        return True
    return True
