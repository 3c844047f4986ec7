"""Lists of paths: a file or standard input, one path a line or ended by NUL."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO

from edge.errors import CropUnreadable

_PIECE = 1 << 16
_LONGEST_PATH = 1 << 16  # bytes: no operating system takes a longer one
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_paths(file: BinaryIO) -> Iterator[str]:
    r"""Read paths as they come, a million of them in no more memory than a few.

    The paths are separated by line ends (``\n`` or ``\r\n``), or by NUL if there is one in what
    can be read at first (64 kB of a file), as ``find -print0`` writes. Bytes that
    are not UTF-8 are kept, empty lines are not paths.

    Parameters
    ----------
    file : BinaryIO
        Nothing of it was read before.

    Yields
    ------
    str
        A path, relative to the current folder if it is relative.

    Raises
    ------
    CropUnreadable
        ``not-found`` if a line is longer than any path; what came before was a list.
    OSError
        If the file cannot be read.
    """
    rest, separator = b"", b""
    while piece := _read_some(file):
        rest += piece
        if not separator:
            rest = rest.removeprefix(_BYTE_ORDER_MARK)
            separator = b"\0" if b"\0" in rest else b"\n" if b"\n" in rest else b""
        if separator:
            *paths, rest = rest.split(separator)
            yield from _decoded(paths, separator)
        if len(rest) > _LONGEST_PATH:
            raise CropUnreadable(
                "not-found", f"a line of over {_LONGEST_PATH} bytes: this is no list of paths"
            )
    yield from _decoded([rest], separator)


def _read_some(file: BinaryIO) -> bytes:
    """Read what is there, and wait only for the first byte."""
    # not through the buffer: Python cannot end while a thread waits in that of standard input
    return bytes(getattr(file, "raw", file).read(_PIECE) or b"")


def _decoded(paths: list[bytes], separator: bytes) -> Iterator[str]:
    for path in paths:
        name = path if separator == b"\0" else path.removesuffix(b"\r")
        if name:
            yield os.fsdecode(name)
