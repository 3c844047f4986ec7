"""Tells a broker of each smear that is over, by a thread of its own: classification never waits.

What was not acknowledged is told again, after a restart, too: a message may come twice, and its
topic and id are the same then. Only one message is under way, and none is kept in memory.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from edge.errors import BrokerAway, NoInputs, OutputFailed
from edge.fleet.broker import Broker
from edge.fleet.connection import Connection
from edge.fleet.deliveries import next_smear, note_delivered
from edge.fleet.summary import key_of, summary_of
from edge.reviews.database import ReviewDatabase

WAITS = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
"""Seconds before a broker that is away is tried again."""

GRACE = 5.0
"""Seconds that are left at the end for what the broker has not yet."""

_LOOK_EVERY = 0.5  # seconds between two looks at the database


class Publisher:
    """Publishes the smears of a database; a context manager.

    Parameters
    ----------
    database : Path
        Results database; it need not be there yet.
    broker : Broker
    instrument : str
        What the fleet calls this device.
    say : callable
        Takes lines of what happens, for the log.
    """

    def __init__(
        self, database: Path, broker: Broker, instrument: str, say: Callable[[str], object]
    ) -> None:
        self._path = database
        self._broker = broker
        self._instrument = instrument
        self._receiver = f"{broker.name}/{instrument}"
        self._say = say
        self._database: ReviewDatabase | None = None
        self._refused = 0  # smears up to here that cannot be told
        self._told = ""
        self._away_since: float | None = None
        self._tries = 0
        self._ended = threading.Event()
        # a daemon: the search for a name in the network can take longer than the grace
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)

    def __enter__(self) -> Publisher:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join(GRACE + 1)

    def _run(self) -> None:
        while True:
            try:
                with Connection(self._broker, self._instrument) as connection:
                    self._note_there()
                    self._publish(connection)
            except (BrokerAway, OutputFailed) as error:
                self._note_away(str(error))
            wait = WAITS[min(self._tries, len(WAITS)) - 1] if self._tries else WAITS[0]
            if self._ended.wait(wait):
                return

    def _publish(self, connection: Connection) -> None:
        """Publish until this ends, and what is left then for a little while more."""
        until: float | None = None
        while until is None or time.monotonic() < until:
            is_ending = self._ended.is_set()
            is_more = self._publish_next(connection)
            self._tries = 0  # it is there, and takes what it is told
            if not is_more and is_ending:
                return
            if not is_more:
                connection.wait(_LOOK_EVERY)
            if is_ending and until is None:
                until = time.monotonic() + GRACE / 2

    def _publish_next(self, connection: Connection) -> bool:
        """Publish a smear, if there is one that the broker has not."""
        database = self._open()
        if database is None:
            return False
        with database.reading() as reading:
            smear = next_smear(reading, self._receiver, self._refused)
            if smear is None:
                return False
            try:
                key, message = key_of(reading, smear), summary_of(reading, smear, self._instrument)
            except ValueError as error:
                self._say(f"smear {smear} is not published: {error}; its rows are damaged")
                self._refused = smear
                return True
        connection.send_smear(key, message)
        note_delivered(database, smear, self._receiver)
        return True

    def _open(self) -> ReviewDatabase | None:
        if self._database is None:
            with contextlib.suppress(NoInputs):  # no run has begun yet
                self._database = ReviewDatabase(self._path)
        return self._database

    def _note_there(self) -> None:
        if self._away_since is not None:
            away = time.monotonic() - self._away_since
            self._say(f"{self._broker.name}: there again after {away:.1f} s")
        self._away_since, self._told = None, ""

    def _note_away(self, why: str) -> None:
        self._tries += 1
        if self._away_since is None:
            self._away_since = time.monotonic()
        if why != self._told and not self._ended.is_set():
            self._told = why
            self._say(f"{self._broker.name}: {why}; smears wait in {self._path}")
