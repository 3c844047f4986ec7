"""The numbers at ``/metrics``: looked up at most a tenth of the time, however often one asks."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator

from edge.drift.monitor import judge_smears
from edge.drift.people import People
from edge.fleet.exposition import Family, text_of
from edge.fleet.metrics import data_drift, families_of, queues
from edge.fleet.summary import people_of
from edge.reviews.database import run_of
from edge.reviews.queues import count_waiting
from edge.reviews.review import QUEUES
from edge.web.desk import Desk

_REST = 9  # times what a look takes: counting millions leaves the processor to the run
_OVER = "SELECT id FROM smears WHERE finished IS NOT NULL ORDER BY id"


class Metrics:
    """Numbers of a database, for several threads.

    Parameters
    ----------
    desk : Desk
    reference : People or None
        Whom the smears of the service are compared with.
    """

    def __init__(self, desk: Desk, reference: People | None) -> None:
        self._desk = desk
        self._reference = reference
        self._smears: dict[int, People | None] = {}  # what is over does not change any more
        self._text = ""
        self._good_until = 0.0
        self._lock = threading.Lock()

    def text(self) -> str:
        """Numbers as Prometheus reads them.

        Raises
        ------
        OutputFailed
            If the database cannot be read.
        """
        with self._lock:
            begun = time.monotonic()
            if begun >= self._good_until:
                self._text = text_of(self._families())
                now = time.monotonic()
                self._good_until = now + _REST * (now - begun)
            return self._text

    def _families(self) -> Iterator[Family]:
        with self._desk.database.reading() as connection:
            run = run_of(connection)
        if run is None:
            return
        drawn = self._desk.drawn_of(run.id)
        with self._desk.database.reading() as connection:
            yield from families_of(connection, run)
            waiting = count_waiting(connection, run, drawn, "")
            yield queues({queue: waiting.of(queue) for queue in QUEUES})
            if self._reference is not None:
                yield from self._data_drift(connection, self._reference)

    def _data_drift(self, connection: sqlite3.Connection, reference: People) -> Iterator[Family]:
        for (smear,) in connection.execute(_OVER).fetchall():
            if smear not in self._smears:
                self._smears[smear] = people_of(connection, smear, str(smear))
        seen = [
            each
            for people in self._smears.values()
            if people is not None and people.model_sha256 == reference.model_sha256
            for each in people.smears
        ]
        yield from data_drift(judge_smears(reference, seen))
