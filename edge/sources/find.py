"""Sources on the command line to the inputs they stand for."""

from __future__ import annotations

import glob
import os
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO

from edge.errors import CropUnreadable, NoInputs
from edge.files import file_name, open_file, unreadable
from edge.samples import Sample
from edge.secrets import is_url, without_secrets
from edge.sources.content import Found, WholeFile
from edge.sources.folders import search_folder, search_glob
from edge.sources.left_out import LeftOut
from edge.sources.names import USUAL_SUFFIXES, has_facts, is_archive, may_be_tiff
from edge.sources.path_lists import read_paths, refuse_to_search

if TYPE_CHECKING:
    from edge.rows import Result

STANDARD_INPUT = "-"
"""The source that stands for paths on standard input."""


class Inputs:
    """The inputs of a run, found while they are asked for; to iterate over once.

    A context manager that gives them as one batch, as a watch gives many
    (:class:`edge.sources.watching.watch.Watch`).

    Parameters
    ----------
    sources : sequence of str
    found : iterator of Sample
    left_out : LeftOut

    Attributes
    ----------
    names : tuple of str
        The sources as results name them.
    left_out : LeftOut
        What was left out of them so far.
    """

    how = ""  # nothing that people need to know

    def __init__(self, sources: Sequence[str], found: Iterator[Sample], left_out: LeftOut) -> None:
        self.names = tuple(map(file_name, sources))
        self.left_out = left_out
        self._sources = sources
        self._found = found

    @property
    def is_live(self) -> bool:
        """Whether a list of paths may still be written: standard input, or a pipe."""
        return any(
            source == STANDARD_INPUT or (source.startswith("@") and not os.path.isfile(source[1:]))
            for source in self._sources
        )

    @property
    def left(self) -> list[str]:
        """What was left out so far, a line each, for people."""
        return self.left_out.lines()

    def __iter__(self) -> Iterator[Sample]:
        return self._found

    def __enter__(self) -> Iterable[Iterable[Sample]]:
        return [self]

    def __exit__(self, *_: object) -> None:
        """Nothing is left open."""

    def go_on_after(self, rows: Iterable[Result]) -> None:
        """Nothing to learn: it gives the same inputs again, and those with results are passed."""

    def count(self) -> int | None:
        """Count the inputs by searching once more; None where that cannot or need not be done.

        Standard input can be read once only, and a tar must be read whole.
        """
        if any(source == STANDARD_INPUT or _is_tar(source) for source in self._sources):
            return None
        return sum(1 for _ in find_inputs(self._sources))


def open_sources(sources: Sequence[str], left_out: LeftOut | None = None) -> Inputs:
    """Open sources, making sure that they hold anything at all.

    Parameters
    ----------
    sources : sequence of str
    left_out : LeftOut, optional
        As for :func:`find_inputs`.

    Returns
    -------
    Inputs

    Raises
    ------
    NoInputs
        If none exists, or there is no image in them.
    """
    names = ", ".join(map(file_name, sources))
    if not any(map(_exists, sources)):
        raise NoInputs(f"no such file or folder: {names}")
    left_out = LeftOut() if left_out is None else left_out
    found = find_inputs(sources, left_out)
    first = next(found, None)
    if first is None:
        raise NoInputs(f"no image in {names}: none of {', '.join(USUAL_SUFFIXES)}")
    return Inputs(sources, chain([first], found), left_out)


def find_inputs(sources: Iterable[str], left_out: LeftOut | None = None) -> Iterator[Sample]:
    """Find the inputs that sources stand for, in order.

    Parameters
    ----------
    sources : iterable of str
        Files, of which zip and tar archives and multi-page TIFFs hold several inputs;
        folders, searched to any depth by suffix, but not within archives; globs, for paths
        that do not exist as they stand; ``@list`` and ``-``, a file and standard input with a
        path a line (relative to the current folder; files, folders and addresses, but no
        globs and lists again); ``http://`` and ``https://`` addresses of a snapshot.
    left_out : LeftOut, optional
        Counts what is left out of folders, globs and archives. What is named itself, here
        or in a list, is taken whatever its name.

    Yields
    ------
    Sample
        Including broken links, link loops and folders that cannot be read.
    """
    left_out = LeftOut() if left_out is None else left_out
    for source in sources:
        shown = without_secrets(source) if is_url(source) else source
        for found in _expand(source, left_out):
            if not found.is_folder:
                sample = Sample(shown, found.path, error=found.error, content=found.content)
                yield _with_facts(sample) if has_facts(found.path) else sample


def open_path(
    path: str, left_out: LeftOut | None = None, listed_in: str | None = None
) -> Iterator[Found]:
    """Find the inputs of one path or address: itself, or the images in it.

    Parameters
    ----------
    path : str
        Whatever characters are in it, it is no glob and no list.
    left_out : LeftOut, optional
        Counts what is left out of it.
    listed_in : str, optional
        Folder of the list that names the path: a list does not have everything searched.
    """
    if is_url(path):
        yield _snapshot(path)
        return
    try:
        is_folder = stat.S_ISDIR(os.stat(path).st_mode)
    except OSError as error:
        yield Found(path, error=unreadable(error))
        return
    except ValueError as error:  # a null byte in the name
        yield Found(path, error=CropUnreadable("not-found", str(error)))
        return
    refusal = None if listed_in is None or not is_folder else refuse_to_search(path, listed_in)
    if refusal:
        yield Found(path, error=refusal)
    elif is_folder:
        for found in search_folder(path, left_out):
            yield from _pages(found)
    elif is_archive(path):
        yield from _members(path, left_out)
    else:
        yield from _pages(Found(path))


def _expand(source: str, left_out: LeftOut) -> Iterator[Found]:
    if source == STANDARD_INPUT:
        yield from _listed(source, sys.stdin.buffer, os.curdir, left_out)
    elif source.startswith("@"):
        yield from _list_file(source, left_out)
    elif is_url(source) or not _is_glob(source):
        yield from open_path(source, left_out)
    else:
        yield from _matched(source, left_out)


def _matched(pattern: str, left_out: LeftOut) -> Iterator[Found]:
    found = None
    before = left_out.total
    for found in search_glob(pattern, left_out):
        if is_archive(found.path) and not found.error and not found.is_folder:
            yield from _members(found.path, left_out)
        else:
            yield from _pages(found)
    if found is None and left_out.total == before:
        yield Found(pattern, error=CropUnreadable("not-found", "nothing has such a name"))


# Imported where they are needed: a run over plain files starts without them.


def _with_facts(sample: Sample) -> Sample:
    from edge.sources.field_facts import with_facts

    return with_facts(sample)


def _snapshot(url: str) -> Found:
    from edge.sources.snapshot import Snapshot

    return Found(without_secrets(url), Snapshot(url))


def _members(path: str, left_out: LeftOut | None) -> Iterator[Found]:
    from edge.sources.archives import each_member

    yield from each_member(path, left_out)


def _pages(found: Found) -> Iterator[Found]:
    if found.error or found.is_folder or not may_be_tiff(found.path):
        yield found
    else:
        from edge.sources.tiff_pages import each_page

        yield from each_page(found.path, WholeFile(found.path))


def _list_file(source: str, left_out: LeftOut) -> Iterator[Found]:
    try:
        with open_file(source[1:]) as file:
            yield from _listed(source, file, os.path.dirname(source[1:]), left_out)
    except CropUnreadable as error:
        yield Found(source, error=error)


def _listed(source: str, file: BinaryIO, folder: str, left_out: LeftOut) -> Iterator[Found]:
    try:
        for path in read_paths(file):
            yield from open_path(path, left_out, folder)
    except OSError as error:
        yield Found(source, error=unreadable(error))
    except CropUnreadable as error:
        yield Found(source, error=error)


def _is_glob(source: str) -> bool:
    return glob.has_magic(source) and not os.path.lexists(source)


def _is_tar(source: str) -> bool:
    return is_archive(source) and not source.lower().endswith(".zip")


def _exists(source: str) -> bool:
    if source == STANDARD_INPUT or is_url(source):
        return True
    if source.startswith("@"):
        return os.path.lexists(source[1:])
    if _is_glob(source):
        left_out = LeftOut()
        return any(search_glob(source, left_out)) or left_out.total > 0
    return os.path.lexists(source)
