"""Sources on the command line to the files they stand for."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from edge.decode import file_name, unreadable
from edge.errors import CropUnreadable, NoInputs

IMAGE_SUFFIXES = frozenset({".bmp", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp"})
"""Suffixes a folder is searched for. A file named outright may have any name."""


@dataclass(frozen=True)
class Input:
    """One thing to classify, or the reason why it cannot be.

    Attributes
    ----------
    source : str
        The source as it was given.
    path : str
        Path of the file, or of what could not be opened.
    index : int
        Position among all inputs, from 0.
    error : CropUnreadable or None
        Set where the path was already refused (a folder without permission).
    """

    source: str
    path: str
    index: int
    error: CropUnreadable | None = None


def find_inputs(sources: Iterable[str]) -> Iterator[Input]:
    """Find the inputs that sources stand for, in order.

    Folders are searched recursively for images by suffix, sorted by name;
    linked folders are followed once. A path that does not exist as it stands
    is tried as a glob.

    Parameters
    ----------
    sources : iterable of str
        Files, folders and globs.

    Yields
    ------
    Input
        Including broken links, link loops and folders that cannot be read.
    """
    index = 0
    for source in sources:
        for path, error in _expand(source):
            yield Input(source, path, index, error)
            index += 1


def require_inputs(sources: Sequence[str]) -> None:
    """Check that the sources match anything at all.

    Raises
    ------
    NoInputs
        If none exists, or the folders among them hold no image.
    """
    if not any(os.path.lexists(source) or glob.glob(source) for source in sources):
        raise NoInputs(f"no such file or folder: {', '.join(map(file_name, sources))}")
    if next(find_inputs(sources), None) is None:
        suffixes = ", ".join(sorted(IMAGE_SUFFIXES))
        raise NoInputs(f"no image in {', '.join(map(file_name, sources))}: none of {suffixes}")


_Found = tuple[str, CropUnreadable | None]


def _expand(source: str) -> Iterator[_Found]:
    if os.path.lexists(source) or not glob.has_magic(source):
        yield from _walk_or_file(source)
        return
    for path in sorted(glob.glob(source, recursive=True)):
        if os.path.isdir(path) and "**" in source:
            continue  # ** lists the files below by itself
        yield from _walk_or_file(path)


def _walk_or_file(path: str) -> Iterator[_Found]:
    try:
        is_folder = stat.S_ISDIR(os.stat(path).st_mode)
    except OSError as error:
        yield path, unreadable(error)
        return
    except ValueError as error:  # a null byte in the name
        yield path, CropUnreadable("not-found", str(error))
        return
    if is_folder:
        yield from _walk(path, set())
    else:
        yield path, None


def _walk(folder: str, seen: set[tuple[int, int]]) -> Iterator[_Found]:
    try:
        status = os.stat(folder)
        if (status.st_dev, status.st_ino) in seen:
            yield (
                folder,
                CropUnreadable("link-loop", "a link to a folder already searched"),
            )
            return
        seen.add((status.st_dev, status.st_ino))
        with os.scandir(folder) as scan:
            entries = sorted(scan, key=lambda entry: entry.name)
    except OSError as error:
        yield folder, unreadable(error)
        return
    for entry in entries:
        yield from _entry(entry, seen)


def _entry(entry: os.DirEntry[str], seen: set[tuple[int, int]]) -> Iterator[_Found]:
    try:
        if entry.is_dir():
            yield from _walk(entry.path, seen)
            return
        broken = entry.is_symlink() and not os.path.exists(entry.path)
        named_like_image = os.path.splitext(entry.name)[1].lower() in IMAGE_SUFFIXES
        if broken:
            os.stat(entry.path)  # raises what is wrong with the link
        elif named_like_image:
            yield entry.path, None
    except OSError as error:
        yield entry.path, unreadable(error)
