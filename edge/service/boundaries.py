"""When a smear begins: at a key, at another name in the file names, on request, or after a rest."""

from __future__ import annotations

import os
import queue
import re
import time
from dataclasses import dataclass

from edge.rows import Result

START, KEY, NAME, GAP, REQUEST = "start", "key", "name", "gap", "request"
"""What began a smear, as column ``begun_by`` has it."""


@dataclass(frozen=True)
class Boundary:
    """A smear begins.

    Attributes
    ----------
    first_index : int
        Of its first cell, among the results of the run.
    begun_by, name : str
        The name may be empty.
    request : int or None
        Id of the request that it meets.
    """

    first_index: int
    begun_by: str
    name: str = ""
    request: int | None = None


class Boundaries:
    """Decides at each result whether a smear begins with it.

    Parameters
    ----------
    gap : float
        Seconds without a cell, by the monotonic clock, after which the next one begins a smear.
    names : re.Pattern, optional
        Its first group, or else all of it, in the name of a file is the name of the smear.
    has_begun : bool
        Whether a smear goes on already.
    name : str
        What that is called.
    """

    def __init__(
        self, gap: float, names: re.Pattern[str] | None, has_begun: bool, name: str = ""
    ) -> None:
        self._gap = gap
        self._names = names
        self._has_begun = has_begun
        self._name = name
        self._last_cell = time.monotonic()
        self._asked: queue.SimpleQueue[tuple[str, str, int | None]] = queue.SimpleQueue()

    def ask(self, begun_by: str, name: str = "", request: int | None = None) -> None:
        """Let the next result begin a smear; from any thread."""
        self._asked.put((begun_by, name, request))

    def of(self, result: Result) -> Boundary | None:
        """The smear that begins with a result, if one does."""
        found = self._found(result)
        if result.decision is not None:
            self._last_cell = time.monotonic()
        if found:
            self._has_begun = True
            self._name = found.name
        return found

    def _found(self, result: Result) -> Boundary | None:
        name = self._name_in(result.file)
        asked = None
        while not self._asked.empty():
            asked = self._asked.get()
        if asked:
            begun_by, given, request = asked
            return Boundary(result.index, begun_by, given or name, request)
        if name and name != self._name:
            return Boundary(result.index, NAME, name)
        if not self._has_begun:
            return Boundary(result.index, START, name)
        rested = time.monotonic() - self._last_cell
        if result.decision is not None and rested > self._gap:
            return Boundary(result.index, GAP, name)
        return None

    def _name_in(self, file: str) -> str:
        if self._names is None:
            return ""
        # of a folder that is watched, names come with their path
        found = self._names.search(os.path.basename(file)) or self._names.search(file)
        if found is None:
            return ""
        return (found[1] if found.re.groups else found[0]) or ""
