"""What is on somebody's screen: a review is taken only of what was really shown."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from edge.reviews.review import CellKey, Item, Shown

MOST = 4000
"""Showings that are remembered; older ones are loaded again."""

MOST_PICTURES = 64
"""Pictures that are held for the browser to fetch; others are made again."""

TAKEN_SECONDS = 60.0
"""So long a cell that one reader was shown comes last for others."""


@dataclass(frozen=True)
class Showing:
    """A cell as one reader is shown it.

    Attributes
    ----------
    reader : str
    item : CellKey or ControlKey
    run_id : int
        Of the page it is on; that of a control cell is the run among whose cells it hides.
    queue : str
    blind : bool
    audit_probability : float or None
    shown : Shown
    labels : tuple of str
        What can be said of it.
    """

    reader: str
    item: Item
    run_id: int
    queue: str
    blind: bool
    audit_probability: float | None
    shown: Shown
    labels: tuple[str, ...]


@dataclass
class _Entry:
    showing: Showing
    since: float
    is_seen: bool = False
    is_answered: bool = False


class Showings:
    """All showings of a server, under names nobody can guess or read anything from.

    A control cell has a name like any other. Names are of this process: after a restart a page is
    loaded again.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._pictures: OrderedDict[str, bytes] = OrderedDict()
        self._clock = clock
        self._lock = threading.Lock()

    def add(self, showing: Showing, png: bytes) -> str:
        """Remember what a page shows; returns its name."""
        name = secrets.token_urlsafe(12)
        with self._lock:
            self._entries[name] = _Entry(showing, self._clock())
            self._pictures[name] = png
            while len(self._entries) > MOST:
                self._entries.popitem(last=False)
            while len(self._pictures) > MOST_PICTURES:
                self._pictures.popitem(last=False)
        return name

    def find(self, name: str) -> Showing | None:
        """Give a showing by its name."""
        with self._lock:
            entry = self._entries.get(name)
            return None if entry is None else entry.showing

    def picture(self, name: str) -> bytes | None:
        """Give the picture of a showing, if it is still held."""
        with self._lock:
            return self._pictures.get(name)

    def note_seen(self, name: str) -> None:
        """Note that the browser has the picture."""
        with self._lock:
            if name in self._entries:
                self._entries[name].is_seen = True

    def take_answer(self, name: str, reader: str) -> Showing | None:
        """Give a showing to be answered, once: by whom it was shown to, and who has the picture."""
        with self._lock:
            entry = self._entries.get(name)
            if (
                entry is None
                or entry.is_answered
                or not entry.is_seen
                or entry.showing.reader != reader
            ):
                return None
            entry.is_answered = True
            return entry.showing

    def give_back(self, name: str) -> None:
        """Let a showing be answered again: its review could not be stored."""
        with self._lock:
            if name in self._entries:
                self._entries[name].is_answered = False

    def taken(self, reader: str) -> set[CellKey]:
        """Cells that other readers have had before them for less than a minute."""
        now, found = self._clock(), set()
        with self._lock:
            for entry in reversed(self._entries.values()):
                if now - entry.since > TAKEN_SECONDS:
                    break
                item = entry.showing.item
                if entry.showing.reader != reader and isinstance(item, CellKey):
                    found.add(item)
        return found
