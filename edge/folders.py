"""Search folders and globs: in order of names, safe from link loops, in little memory."""

from __future__ import annotations

import fnmatch
import glob
import heapq
import os
from collections.abc import Iterable, Iterator
from itertools import islice

from edge.content import Found
from edge.decode import unreadable
from edge.errors import CropUnreadable
from edge.names import IMAGE_SUFFIXES, suffix_of

_RUN = 4096  # names sorted at once
_FOLDER, _OTHER, _DOUBTFUL = "folder", "other", "doubtful"  # the last: a link to nothing, or a loop

_States = frozenset[int]
"""Positions in a pattern that the names so far have led to."""


def search_folder(top: str) -> Iterator[Found]:
    """Search a folder for images by suffix, to any depth, in order of names.

    Linked folders are followed; one that was searched already is named instead,
    as are broken links and folders that cannot be read.

    Yields
    ------
    Found
        Never a folder.
    """
    yield from _Search([]).walk(top, frozenset(), inside_match=True)


def search_glob(pattern: str) -> Iterator[Found]:
    """Find what a pattern matches, and the images in the folders it matches, each once.

    ``*``, ``?`` and ``[...]`` match within a name, ``**`` any number of folders; names
    that start with a dot only where the pattern says so, as in shells. A folder
    that ``**`` reached already is named instead of searched again.

    Yields
    ------
    Found
        A folder that matches comes before what is in it.
    """
    parts = pattern.split(os.sep)
    literal = next(i for i, part in enumerate(parts) if glob.has_magic(part))
    top = os.sep.join([*parts[:literal], ""])
    search = _Search([part for part in parts[literal:] if part])
    try:
        os.stat(top or os.curdir)
    except (FileNotFoundError, NotADirectoryError, ValueError):  # the last: a null byte
        return
    except OSError as error:
        yield Found(top, error=unreadable(error))
        return
    start = search.closure({0})
    if matched := len(search.parts) in start:  # folder/** is the folder, too
        yield Found(top, is_folder=True)
    yield from search.walk(top, start, inside_match=matched)


class _Search:
    """One walk through folders, with the positions in a pattern that each has reached.

    Every name is looked at once, whatever ways through the pattern lead to it: so
    nothing that was found need be remembered.
    """

    def __init__(self, parts: list[str]) -> None:
        self.parts = parts
        self._searched: set[tuple[int, int, _States, bool]] = set()

    def closure(self, states: set[int]) -> _States:
        """Positions with those after each ``**``, which may stand for no folder at all."""
        reached = set(states)
        for at in range(len(self.parts)):
            if at in reached and self.parts[at] == "**":
                reached.add(at + 1)
        return frozenset(reached)

    def _advance(self, states: _States, name: str) -> _States:
        following = set()
        for at in states:
            if at == len(self.parts):
                continue
            part = self.parts[at]
            if name.startswith(".") and not part.startswith("."):
                continue
            if part == "**":
                following.add(at)
            elif fnmatch.fnmatchcase(name, part):
                following.add(at + 1)
        return self.closure(following)

    def walk(self, top: str, states: _States, inside_match: bool) -> Iterator[Found]:
        """Walk depth first, on a stack: folders nest deeper than Python calls."""
        stack = [self._children(top, states, inside_match)]
        while stack:
            step = next(stack[-1], None)
            if step is None:
                stack.pop()
            elif isinstance(step, Found):
                yield step
            else:
                path, states, inside_match = step
                stack.append(self._children(path, states, inside_match))

    def _children(
        self, folder: str, states: _States, inside_match: bool
    ) -> Iterator[Found | tuple[str, _States, bool]]:
        """What one folder holds: things found, and folders to go on in."""
        try:
            self._note(folder, states, inside_match)
            for name, kind in sorted_names(folder):
                following = self._advance(states, name)
                matches = len(self.parts) in following
                path = os.path.join(folder, name)
                if kind == _FOLDER:
                    if matches and not inside_match:
                        yield Found(path, is_folder=True)
                    if following or inside_match:
                        yield path, following, inside_match or matches
                elif matches or (inside_match and suffix_of(name) in IMAGE_SUFFIXES):
                    yield Found(path, error=_link_error(path) if kind == _DOUBTFUL else None)
                elif inside_match and kind == _DOUBTFUL and (error := _link_error(path)):
                    yield Found(path, error=error)
        except OSError as error:
            yield Found(folder or os.curdir, error=unreadable(error))
        except CropUnreadable as error:
            yield Found(folder, error=error)

    def _note(self, folder: str, states: _States, inside_match: bool) -> None:
        """Refuse a folder where the same was searched for already, under another name."""
        if not inside_match and not any(self.parts[at : at + 1] == ["**"] for at in states):
            return  # the pattern says how deep to go
        status = os.stat(folder or os.curdir)
        seen = (status.st_dev, status.st_ino, states, inside_match)
        if seen in self._searched:
            raise CropUnreadable("link-loop", "a link to a folder already searched")
        self._searched.add(seen)


def sorted_names(folder: str) -> Iterator[tuple[str, str]]:
    """Names in a folder, sorted, each with ``folder``, ``other`` or ``doubtful``.

    A folder of 100,000 images must not take more memory than one of 1,000: names
    are kept end to end in sorted runs, a twentieth of a list of paths.
    """
    with os.scandir(folder or os.curdir) as scan:
        names = (f"{entry.name}\0{_kind(entry)}" for entry in scan)
        runs = []
        while run := sorted(islice(names, _RUN)):  # \0 sorts before all that can follow a name
            runs.append("/".join(run))
    for record in heapq.merge(*map(_split, runs)):
        name, _, kind = record.partition("\0")
        yield name, kind


def _split(run: str) -> Iterable[str]:
    """Pieces between slashes, one at a time."""
    start = 0
    while (end := run.find("/", start)) >= 0:
        yield run[start:end]
        start = end + 1
    yield run[start:]


def _kind(entry: os.DirEntry[str]) -> str:
    try:
        if entry.is_dir():
            return _FOLDER
        return _DOUBTFUL if entry.is_symlink() else _OTHER
    except OSError:
        return _DOUBTFUL


def _link_error(path: str) -> CropUnreadable | None:
    """Say what is wrong with a link, if anything."""
    try:
        os.stat(path)
    except OSError as error:
        return unreadable(error)
    return None
