"""What happens, as server-sent events: counts of the last run, and the field that is looked at.

A service writes the field with its cells marked (:mod:`edge.service.live_field`); the page shows it
as it changes.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from starlette.concurrency import run_in_threadpool

from edge.errors import EdgeAllError
from edge.reviews.database import decisions_of, run_of
from edge.reviews.queues import count_waiting
from edge.reviews.review import AUDIT, WAITING
from edge.reviews.smears import running_smear
from edge.service.live_field import live_field_of
from edge.web.desk import Desk

LOOK_SECONDS = 1.0
"""Between two looks at the database."""

_REST = 9  # times what a look takes: counting millions leaves the processor to the run

BEAT_SECONDS = 15.0
"""An event stream on which nothing happens says so, that proxies and phones keep it open."""

MOST_LISTENERS = 200
"""Event streams at a time."""

FAILED = "failed"


def field_version(database: Path) -> int:
    """When the field was written, in nanoseconds; 0 where there is none."""
    try:
        return live_field_of(database).stat().st_mtime_ns
    except OSError:
        return 0


def state_of(desk: Desk) -> dict[str, object]:
    """What the first page says of the last run; counts by the names that its markup gives them."""
    field = str(field_version(desk.database.path))
    with desk.database.reading() as connection:
        run = run_of(connection)
        if run is None:
            return {"run": None, "counts": {}, "field": field, "smear": None}
        decisions = decisions_of(connection, run.id)
        waiting = count_waiting(connection, run, desk.drawn_of(run.id), "")
        smear = running_smear(connection)
    counts = {f"decision {word or FAILED}": count for word, count in decisions.items()}
    counts |= {f"queue {queue}": waiting.of(queue) for queue in (WAITING, AUDIT)}
    said = None if smear is None else {"id": smear.id, "says": smear.says}
    return {"run": run.id, "counts": counts, "field": field, "smear": said}


class Happenings:
    """Tells all listeners of each new state: one look at the database serves them all.

    A slow listener misses states, never holds them up: only the newest is kept.

    Parameters
    ----------
    desk : Desk
    is_ending : callable
        Whether the server was asked to end: it waits for its listeners, who are let go then.
    """

    def __init__(self, desk: Desk, is_ending: Callable[[], bool]) -> None:
        self._desk = desk
        self._is_ending = is_ending
        self._state = ""
        self._news = asyncio.Event()  # of the next state: each has one of its own
        self._listeners = 0
        self._ends = False

    @property
    def is_full(self) -> bool:
        """Whether no listener more is taken."""
        return self._listeners >= MOST_LISTENERS

    async def look_on(self) -> None:
        """Look for changes, as long as somebody listens; ends with the server."""
        while not self._is_ending():
            begun = time.monotonic()
            if self._listeners:
                await self._look()
            await asyncio.sleep(max(LOOK_SECONDS, _REST * (time.monotonic() - begun)))
        self.end()

    async def _look(self) -> None:
        try:
            state = json.dumps(await run_in_threadpool(state_of, self._desk))
        except EdgeAllError:
            return  # who writes it has it for now: next time
        if state != self._state:
            self._state = state
            self._tell()

    def end(self) -> None:
        """Let all listeners go."""
        self._ends = True
        self._tell()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def events(self) -> AsyncIterator[str]:
        """Give events as a browser reads them, until the listener leaves."""
        self._listeners += 1
        said = ""
        try:
            yield "retry: 2000\n\n"
            while not self._ends:
                news = self._news
                if self._state != said:
                    said = self._state
                    yield f"event: state\ndata: {said}\n\n"
                    continue
                try:
                    await asyncio.wait_for(news.wait(), BEAT_SECONDS)
                except asyncio.TimeoutError:
                    yield ": still here\n\n"
        finally:
            self._listeners -= 1
