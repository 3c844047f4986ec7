"""The field that is looked at, with its cells marked: a picture beside the database."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from edge.contract import Contract
from edge.errors import OutputFailed
from edge.fields.cells import Found
from edge.fields.decided import DecidedFields
from edge.rows import Result
from edge.samples import Sample
from edge.whole_file import save_bytes

EVERY = 1.0
"""Seconds between two pictures: to draw all would take the time of cells."""


def live_field_of(database: Path) -> Path:
    """Where the field that is looked at lies: a JPEG file beside the database."""
    return database.with_name(f"{database.name}.live.jpg")


class LiveField:
    """Writes one field at a time, whole, once all its cells are decided.

    Parameters
    ----------
    database : Path
        Beside which it is written.
    contract : Contract
        Of the network that decides.
    every : float
        Seconds between two fields.
    """

    def __init__(self, database: Path, contract: Contract, every: float = EVERY) -> None:
        self._path = live_field_of(database)
        self._fields = DecidedFields(self._path.parent, contract)
        self._every = every
        self._noted: float | None = None  # on the monotonic clock
        self._lock = threading.Lock()

    def note_field(self, sample: Sample, found: Found) -> None:
        """Keep a field until its results come, if one is due; from any thread."""
        now = time.monotonic()
        with self._lock:
            if self._noted is not None and now < self._noted + self._every:
                return
            self._noted = now
        self._fields.note_field(sample, found)

    def add(self, result: Result) -> None:
        """Take a result; its field is written if it was the last one of it.

        A disk without room for a picture has none for results either, and those say so.
        """
        picture = self._fields.picture_after(result)
        if picture is None:
            return
        try:
            save_bytes(self._path, picture)
        except OutputFailed:
            return
