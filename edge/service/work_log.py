"""How long frames took and what was waited for, as counts in the database: others ask for them.

Kept for some seconds and then written: a kill loses those of the last few, never a result.
"""

from __future__ import annotations

import sqlite3
import time
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path

from edge.errors import OutputFailed
from edge.samples import Sample, Source
from edge.service.pulse import Wait
from edge.sinks.schema import LOOK_AGAIN, advice_on, patiently
from edge.sources.changed import Changed

BUCKETS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, float("inf"))
"""Upper ends in seconds of what frames are counted by."""

_WRITE_EVERY = 5.0  # seconds
_ADD_FRAMES = """
INSERT INTO latencies VALUES (?, ?, ?)
ON CONFLICT (at_most) DO UPDATE SET frames = frames + excluded.frames,
  seconds = seconds + excluded.seconds
"""
_ADD_OUTAGE = "INSERT INTO outages (ended, what, seconds) VALUES (?, ?, ?)"


class WorkLog:
    """Counts frames and waits of a service.

    Parameters
    ----------
    path : Path
        A results database whose tables a run has made, once anything is written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._came: list[float] = []
        self._frames: Counter[float] = Counter()
        self._seconds: defaultdict[float, float] = defaultdict(float)
        self._outages: list[tuple[str, str, float]] = []
        self._written = time.monotonic()

    def note_given(self) -> None:
        """The source gave a frame."""
        self._came.append(time.monotonic())

    def note_committed(self) -> None:
        """The results of all frames so far are committed.

        Raises
        ------
        OutputFailed
        """
        now = time.monotonic()
        came, self._came = self._came, []
        for when in came:
            at_most = BUCKETS[bisect_left(BUCKETS, now - when)]
            self._frames[at_most] += 1
            self._seconds[at_most] += now - when
        if now - self._written >= _WRITE_EVERY:
            self.write()

    def note_over(self, wait: Wait) -> None:
        """A wait for something that was away is over."""
        ended = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        self._outages.append((ended, wait.what, wait.seconds))

    def write(self) -> None:
        """Write what was counted since the last time.

        Raises
        ------
        OutputFailed
        """
        self._written = time.monotonic()
        if not self._frames and not self._outages:
            return
        try:
            with closing(
                sqlite3.connect(self._path, timeout=LOOK_AGAIN, isolation_level=None)
            ) as connection:
                patiently(connection, "BEGIN IMMEDIATE")  # rolled back where the connection closes
                connection.executemany(_ADD_FRAMES, self._rows())
                connection.executemany(_ADD_OUTAGE, self._outages)
                connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise OutputFailed(f"cannot write {self._path}: {error}; {advice_on(error)}") from error
        self._frames.clear()
        self._seconds.clear()
        self._outages.clear()

    def _rows(self) -> Iterator[tuple[float, int, float]]:
        for at_most, count in self._frames.items():
            yield at_most, count, self._seconds[at_most]


class Timed(Changed):
    """Another source, whose samples a work log counts.

    Parameters
    ----------
    source : Source
    log : WorkLog
    """

    def __init__(self, source: Source, log: WorkLog) -> None:
        super().__init__(source)
        self._log = log

    def change(self, sample: Sample) -> Sample:
        """Note that a sample came, and give it as it is."""
        if sample.error is None:
            self._log.note_given()
        return sample
