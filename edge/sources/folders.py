"""Search folders and globs: in order of names, safe from link loops, in little memory."""

from __future__ import annotations

import fnmatch
import glob
import heapq
import os
from collections.abc import Iterable, Iterator
from itertools import islice

from edge.errors import CropUnreadable
from edge.files import unreadable
from edge.sources.content import Found
from edge.sources.left_out import LeftOut
from edge.sources.names import IMAGE_SUFFIXES, is_hidden, suffix_of

_RUN = 4096  # names sorted at once
_FOLDER, _OTHER, _DOUBTFUL = "folder", "other", "doubtful"  # the last: a link to nothing, or a loop

_States = frozenset[int]
"""Positions in a pattern that the names so far have led to."""


def search_folder(top: str, left_out: LeftOut | None = None) -> Iterator[Found]:
    """Search a folder for images by suffix, to any depth, in order of names.

    Linked folders are followed; one that was searched already is named instead,
    as are broken links and folders that cannot be read. Names that are
    :func:`hidden <edge.sources.names.is_hidden>` are left out.

    Parameters
    ----------
    top : str
        Whatever it is called itself.
    left_out : LeftOut, optional
        Counts what is left out.

    Yields
    ------
    Found
        Never a folder.
    """
    yield from _Search([], left_out).walk(top, frozenset(), inside_match=True)


def search_glob(pattern: str, left_out: LeftOut | None = None) -> Iterator[Found]:
    """Find what a pattern matches, and the images in the folders it matches, each once.

    ``*``, ``?`` and ``[...]`` match within a name, ``**`` any number of folders; hidden names
    only where the pattern says so: with their first character, as ``.*`` or ``@*``, or as
    they are. A folder that ``**`` reached already is named instead of searched again.

    Parameters
    ----------
    pattern : str
    left_out : LeftOut, optional
        Counts what would match but for its hidden name, and what is left out of folders.

    Yields
    ------
    Found
        A folder that matches comes before what is in it.
    """
    parts = pattern.split(os.sep)
    literal = next(i for i, part in enumerate(parts) if glob.has_magic(part))
    top = os.sep.join([*parts[:literal], ""])
    search = _Search([part for part in parts[literal:] if part], left_out)
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

    def __init__(self, parts: list[str], left_out: LeftOut | None) -> None:
        self.parts = parts
        self._left_out = LeftOut() if left_out is None else left_out
        self._searched: set[tuple[int, int, _States, bool]] = set()

    def closure(self, states: set[int]) -> _States:
        """Positions with those after each ``**``, which may stand for no folder at all."""
        reached = set(states)
        for at in range(len(self.parts)):
            if at in reached and self.parts[at] == "**":
                reached.add(at + 1)
        return frozenset(reached)

    def _advance(
        self, states: _States, name: str, hidden: bool, is_folder: bool
    ) -> tuple[_States, bool]:
        """Positions that a name leads to, and whether being hidden keeps it from any."""
        following: set[int] = set()
        is_kept = False
        for at in states:
            if at == len(self.parts):
                continue
            part = self.parts[at]
            if part != "**" and not fnmatch.fnmatchcase(name, part):
                continue
            if hidden and not _asks_for(part, name):
                is_kept = True
            elif part == "**":
                following |= self.closure({at})
            else:  # nothing follows a file, not even no folder at all
                following |= self.closure({at + 1}) if is_folder else {at + 1}
        return frozenset(following), is_kept

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
                hidden = is_hidden(name)
                following, is_kept = self._advance(states, name, hidden, kind == _FOLDER)
                matches = len(self.parts) in following
                is_inside = inside_match and not hidden
                path = os.path.join(folder, name)
                if hidden and not following:
                    if inside_match or is_kept:
                        self._left_out.add_hidden(path + os.sep * (kind == _FOLDER))
                elif kind == _FOLDER:
                    if matches and not is_inside:
                        yield Found(path, is_folder=True)
                    if following or is_inside:
                        yield path, following, is_inside or matches
                elif matches or (is_inside and suffix_of(name) in IMAGE_SUFFIXES):
                    yield Found(path, error=_link_error(path) if kind == _DOUBTFUL else None)
                elif is_inside and kind == _DOUBTFUL and (error := _link_error(path)):
                    yield Found(path, error=error)
                elif is_inside:
                    self._left_out.add_unnamed(path)
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


def _asks_for(part: str, name: str) -> bool:
    """Whether a part of a pattern means a hidden name and does not match it by the way."""
    return part == name or (part[0] == name[0] and not name[0].isalnum())


def sorted_names(folder: str) -> Iterator[tuple[str, str]]:
    """Names in a folder, each with ``folder``, ``other`` or ``doubtful``.

    They are sorted by their bytes, which are the same in every locale: a run must find the
    order of the run that it resumes. A folder of 100,000 images must not take more memory than
    one of 1,000: names are kept end to end in sorted runs, a twentieth of a list of paths.
    """
    with os.scandir(folder or os.curdir) as scan:
        names = (os.fsencode(f"{entry.name}\0{_kind(entry)}") for entry in scan)
        runs = []
        while run := sorted(islice(names, _RUN)):  # \0 sorts before all that can follow a name
            runs.append(b"/".join(run))
    for record in heapq.merge(*map(_split, runs)):
        name, _, kind = os.fsdecode(record).partition("\0")
        yield name, kind


def _split(run: bytes) -> Iterable[bytes]:
    """Pieces between slashes, one at a time."""
    start = 0
    while (end := run.find(b"/", start)) >= 0:
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
