"""Where the bytes of an input come from, and what a search finds."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from edge.errors import CropUnreadable
from edge.files import MAX_BYTES, open_file, unreadable
from edge.samples import Content

MAX_HELD = 32 * 1024 * 1024
"""Most bytes of one image that wait in memory for a free thread: what a compressed tar
gives must be taken in its order."""


class Container(Protocol):
    """Bytes that may hold several images, read at any place."""

    def open(self) -> BinaryIO:
        """Return a file to seek and read in, or raise CropUnreadable."""


@dataclass(frozen=True)
class Found:
    """What a search found: an image, a folder, or what cannot be read.

    Attributes
    ----------
    path : str
        Path of the file, or a name that says where in it the image is.
    content : Content or None
        Where the bytes are; None for the whole file `path`.
    error : CropUnreadable or None
        Why there is nothing to read.
    is_folder : bool
        A folder whose images follow; it is no input itself.
    """

    path: str
    content: Content | None = None
    error: CropUnreadable | None = None
    is_folder: bool = False


@dataclass(frozen=True)
class Held:
    """Bytes that are in memory already."""

    data: bytes

    def read(self) -> bytes:
        """Return them."""
        return self.data

    def open(self) -> BinaryIO:
        """Return a file over them, without a copy."""
        return io.BytesIO(self.data)


@dataclass(frozen=True)
class WholeFile:
    """A file on disk."""

    path: str

    def open(self) -> BinaryIO:
        """Open it."""
        return open_file(self.path)


@dataclass(frozen=True)
class Slice:
    """A piece of a file, bytes `at` to `at + size`."""

    path: str
    at: int
    size: int

    def read(self) -> bytes:
        """Read the piece.

        Raises
        ------
        CropUnreadable
            ``too-large``, ``truncated`` if the file ends before it, or as `open_file`.
        """
        if self.size > MAX_BYTES:
            raise too_large(MAX_BYTES)
        try:
            with open_file(self.path) as file:
                file.seek(self.at)
                data = file.read(self.size)
        except OSError as error:
            raise unreadable(error) from error
        if len(data) < self.size:
            raise CropUnreadable("truncated", f"{self.path} ends within it; copy the file again")
        return data


def too_large(limit: int) -> CropUnreadable:
    """Refuse an image in an archive for its size in bytes."""
    return CropUnreadable(
        "too-large", f"more than {limit >> 20} MB in an archive; unpack it, or cut the cells out"
    )
