"""Write a file whole under its name, or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file that takes the place of `path` once it was written without an error.

    It is written beside it, as ``.NAME.PID``. What killed processes have left of their own
    is removed. A link stays, and what it leads to is replaced.

    Parameters
    ----------
    path : Path
        Its folder must exist.

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
        unfinished.replace(target)
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)


def remove_abandoned(path: Path) -> None:
    """Remove what processes that were killed have left of writing `path`."""
    start = f".{path.name}."
    with contextlib.suppress(OSError):
        for name in os.listdir(path.parent):  # bytes of names stay as they are
            owner = name[len(start) :] if name.startswith(start) else ""
            if owner.isascii() and owner.isdigit() and not _is_alive(int(owner)):
                path.with_name(name).unlink(missing_ok=True)


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
