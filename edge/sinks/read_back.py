"""Outputs that are inputs: results would replace them, or be read as images."""

from __future__ import annotations

import contextlib
import fnmatch
import glob
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from edge.errors import CropUnreadable, OutputFailed
from edge.files import file_name, open_file
from edge.secrets import is_url
from edge.sources.cameras.registry import CAMERAS
from edge.sources.content import Found
from edge.sources.folders import search_folder, search_glob
from edge.sources.names import IMAGE_SUFFIXES, suffix_of
from edge.sources.path_lists import read_paths

_Identity = tuple[int, int]  # device and number of a file


def refuse_inputs(outputs: Sequence[Path], sources: Sequence[str]) -> None:
    """Refuse an output that is one of the inputs, under whatever name or link.

    Folders, globs and lists are searched for outputs that are there already, and asked
    whether they would take one that is not.

    Parameters
    ----------
    outputs : sequence of Path
    sources : sequence of str
        As for :func:`edge.sources.find.find_inputs`.

    Raises
    ------
    OutputFailed
    """
    search = _Search(outputs)
    for source in sources:
        if is_url(source) or source.partition(":")[0] in CAMERAS:
            continue
        output = search.in_source(source)
        if output:
            raise OutputFailed(
                f"cannot write {output}: it is an input of this run, of {file_name(source)}; name"
                " another file, elsewhere"
            )


class _Search:
    def __init__(self, outputs: Sequence[Path]) -> None:
        self._by_path = {os.path.realpath(path): path for path in outputs}
        self._by_identity: dict[_Identity, Path] = {}
        for path in outputs:
            with contextlib.suppress(OSError):
                status = path.stat()
                if stat.S_ISREG(status.st_mode):
                    self._by_identity[status.st_dev, status.st_ino] = path

    def in_source(self, source: str) -> Path | None:
        """The output that a source takes for an input, if it does."""
        if source == "-":
            with contextlib.suppress(OSError, ValueError, AttributeError):
                return self._identified(os.fstat(sys.stdin.fileno()))
            return None
        if source.startswith("@"):
            return self._file(source[1:]) or self._first(map(self._path, _listed(source[1:])))
        if glob.has_magic(source) and not os.path.lexists(source):
            return self._matched(source) or self._any(search_glob(source))
        return self._path(source)

    def _path(self, path: str) -> Path | None:
        if not os.path.isdir(path):
            return self._file(path)
        for real, output in self._by_path.items():  # a link may lead to an image in the folder
            if _names_below(path, real) and suffix_of(real) in IMAGE_SUFFIXES:
                return output
        return self._any(search_folder(path))

    def _matched(self, pattern: str) -> Path | None:
        """The output that a pattern would match, were it there."""
        parts = pattern.split(os.sep)
        literal = next(n for n, part in enumerate(parts) if glob.has_magic(part))
        top = os.sep.join([*parts[:literal], ""])
        rest = [part for part in parts[literal:] if part]
        for real, output in self._by_path.items():
            if _match(rest, _names_below(top, real)):
                return output
        return None

    def _any(self, found: Iterator[Found]) -> Path | None:
        if not self._by_identity:  # nothing is there yet: no need to search
            return None
        return self._first(self._file(each.path) for each in found if not each.is_folder)

    def _first(self, found: Iterator[Path | None]) -> Path | None:
        return next((path for path in found if path), None)

    def _file(self, path: str) -> Path | None:
        try:
            return self._identified(os.stat(path))
        except (OSError, ValueError):  # not there yet, or no name of a file
            with contextlib.suppress(OSError, ValueError):
                return self._by_path.get(os.path.realpath(path))
        return None

    def _identified(self, status: os.stat_result) -> Path | None:
        return self._by_identity.get((status.st_dev, status.st_ino))


def _listed(path: str) -> Iterator[str]:
    """Paths of a list; whoever reads it for the run says what is wrong with it."""
    with contextlib.suppress(OSError, CropUnreadable), open_file(path) as file:
        yield from (listed for listed in read_paths(file) if not is_url(listed))


def _names_below(folder: str, real: str) -> list[str]:
    """Names that lead from a folder to a path in it; none if it is not in it."""
    top = os.path.join(os.path.realpath(folder or os.curdir), "")
    return real[len(top) :].split(os.sep) if real.startswith(top) else []


def _match(pattern: Sequence[str], names: Sequence[str]) -> bool:
    """Whether the parts of a glob match names; ``**`` stands for any number of them."""
    if not pattern or not names:
        return not pattern and not names
    if pattern[0] == "**":
        return _match(pattern[1:], names) or _match(pattern, names[1:]) or len(names) == 1
    return fnmatch.fnmatchcase(names[0], pattern[0]) and _match(pattern[1:], names[1:])
