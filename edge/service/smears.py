"""The smears of a service: begun, gone on with after a restart, summed up when they end."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.rows import Result
from edge.service.boundaries import REQUEST, Boundaries, Boundary
from edge.service.optics import Meter, trend_of
from edge.service.smear_log import SmearLog
from edge.service.smear_result import FEWEST_CELLS, lines_of, sum_up

_SEEN_EVERY = 5.0  # seconds


@dataclass(frozen=True)
class Settings:
    """What a service is asked to do.

    Attributes
    ----------
    database : Path
        Results database; made if it is not there.
    command : str
        What started it, for the record.
    gap : float
        Seconds without a cell after which a smear is over.
    names : re.Pattern or None
        Finds the name of a smear in the name of a file.
    fewest : int
        Decided cells of a smear below which they are too few.
    resumes : bool
        Whether what the source gives again is to be passed over: files. Frames never come again.
    are_fields : bool
        Whether light, white and focus of the images are those of fields.
    keeps_crops : bool
        Whether the database takes the crops, for reviews: those of a camera lie nowhere else.
    """

    database: Path
    command: str
    gap: float
    names: re.Pattern[str] | None = None
    fewest: int = FEWEST_CELLS
    resumes: bool = False
    are_fields: bool = True
    keeps_crops: bool = False


class Smears:
    """Cuts the results of one run into smears; a context manager.

    What is noted of smears comes behind the results that it is about: they are committed first.

    Parameters
    ----------
    log : SmearLog
        Closed at the end.
    settings : Settings
    accuracy : mapping
        That of the metadata of the model file.
    show : callable
        Takes lines for people.
    meter : Meter
        Has looked at the fields.
    """

    def __init__(
        self,
        log: SmearLog,
        settings: Settings,
        accuracy: Mapping[str, Any],
        show: Callable[[str], object],
        meter: Meter,
    ) -> None:
        self._log = log
        self._meter = meter
        self._settings = settings
        self._accuracy = accuracy
        self._show = show
        self._pending: list[Boundary] = []
        self._seen = time.monotonic()
        self._asked: int | None = None
        self._results = 0
        self._boundaries = Boundaries(settings.gap, settings.names, False)

    def __enter__(self) -> Smears:
        return self

    def __exit__(self, *_: object) -> None:
        self._log.__exit__()

    @property
    def status(self) -> str:
        """Which smear goes on, for people."""
        return f"{self._log.name}: {self._results} results stored since the start"

    def go_on(self, sources: Sequence[str]) -> None:
        """Take up the smear that a cut-off run left, or sum it up.

        Raises
        ------
        OutputFailed
        """
        over = self._log.go_on(sources, self._settings.gap)
        if over is not None:
            self._sum_up(over)
        has_begun = self._log.smear is not None
        self._boundaries = Boundaries(
            self._settings.gap, self._settings.names, has_begun, self._log.name
        )

    def ask(self, begun_by: str, name: str) -> None:
        """Let the next result begin a smear; from any thread."""
        self._boundaries.ask(begun_by, name)

    def add(self, result: Result) -> None:
        """Take a result; it is committed by the next :meth:`settle`."""
        self._results += 1
        if found := self._boundaries.of(result):
            self._pending.append(found)

    def settle(self) -> None:
        """Note the smears that have begun and ended; all results so far are committed.

        Raises
        ------
        OutputFailed
        """
        while self._pending:
            boundary = self._pending[0]
            self._end(boundary.first_index)
            self._log.begin(boundary.first_index, boundary.begun_by, boundary.name)
            if boundary.request is not None:
                self._log.meet(boundary.request)
            self._pending.pop(0)
        if time.monotonic() - self._seen >= _SEEN_EVERY and self._log.smear is not None:
            self._seen = time.monotonic()
            self._log.note_seen()
        request = self._log.asked()
        if request and request[0] != self._asked:
            self._asked = request[0]
            self._boundaries.ask(REQUEST, request[1], request[0])

    def end(self) -> None:
        """End the smear that goes on, as the source has ended.

        Raises
        ------
        OutputFailed
        """
        self.settle()
        self._end(None)

    def _end(self, index: int | None) -> None:
        over = self._log.end(index)
        if over is not None:
            self._sum_up(over)

    def _sum_up(self, smear: int) -> None:
        """Sum a smear up by what the database has of it: nothing else outlives a crash."""
        positive = self._log.positive_words
        result = sum_up(self._log.count(smear), self._accuracy, positive, self._settings.fewest)
        lines = list(lines_of(result, self._log.name_of(smear), positive))
        optics = self._meter.take()
        earlier = self._log.earlier_optics()
        lines += [f"  {line}" for line in trend_of(optics, earlier, self._meter.level)]
        self._log.finish(smear, result, optics, "\n".join(lines))
        for line in lines:
            self._show(line)
