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
    matches = (path for source in sources for path in (source, *glob.iglob(source, recursive=True)))
    if not any(map(os.path.lexists, matches)):  # glob lists folder/ for folder/** without looking
        raise NoInputs(f"no such file or folder: {', '.join(map(file_name, sources))}")
    if next(find_inputs(sources), None) is None:
        suffixes = ", ".join(sorted(IMAGE_SUFFIXES))
        raise NoInputs(f"no image in {', '.join(map(file_name, sources))}: none of {suffixes}")


_Found = tuple[str, CropUnreadable | None]


def _expand(source: str) -> Iterator[_Found]:
    if os.path.lexists(source) or not glob.has_magic(source):
        yield from _walk_or_file(source)
        return
    seen: set[str] = set()  # ** matches a folder and what is in it
    for match in sorted(glob.glob(source, recursive=True)):
        for path, error in _walk_or_file(match):
            if path not in seen:
                seen.add(path)
                yield path, error


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
        yield from _walk(path)
    else:
        yield path, None


@dataclass(frozen=True)
class _Entry:
    path: str
    is_folder: bool
    error: CropUnreadable | None = None


def _walk(top: str) -> Iterator[_Found]:
    """Search a folder depth first, on a stack: folders nest deeper than Python calls."""
    seen: set[tuple[int, int]] = set()
    waiting = [_Entry(top, is_folder=True)]
    while waiting:
        entry = waiting.pop()
        if not entry.is_folder:
            yield entry.path, entry.error
            continue
        try:
            waiting += reversed(_entries(entry.path, seen))
        except OSError as error:
            yield entry.path, unreadable(error)
        except CropUnreadable as error:
            yield entry.path, error


def _entries(folder: str, seen: set[tuple[int, int]]) -> list[_Entry]:
    """Folders, images and what cannot be opened in one folder, sorted by name."""
    status = os.stat(folder)
    if (status.st_dev, status.st_ino) in seen:
        raise CropUnreadable("link-loop", "a link to a folder already searched")
    seen.add((status.st_dev, status.st_ino))
    with os.scandir(folder) as scan:
        found = sorted(scan, key=lambda entry: entry.name)
    return [entry for entry in map(_look, found) if entry]


def _look(found: os.DirEntry[str]) -> _Entry | None:
    try:
        if found.is_dir():
            return _Entry(found.path, is_folder=True)
        if found.is_symlink():
            os.stat(found.path)  # raises what is wrong with a broken link
    except OSError as error:
        return _Entry(found.path, is_folder=False, error=unreadable(error))
    named_like_image = os.path.splitext(found.name)[1].lower() in IMAGE_SUFFIXES
    return _Entry(found.path, is_folder=False) if named_like_image else None
