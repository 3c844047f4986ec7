"""The smears of a results database: which cells are whose, what each amounted to, who asks for one.

A smear is rows of ``smear_spans``: cells of a run from ``first_idx`` up to ``end_idx``, which is
null while it goes on. A restart makes a run of its own, so a smear may have several.

The page (or anybody who may write the database) begins a smear by a row in ``smear_requests``, by
:func:`edge.reviews.smears.ask_for_smear`; the service looks at it whenever it has committed
results, and notes in ``smear_id`` what it made of it. No socket is needed, and a request outlives a
restart.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime, timezone
from pathlib import Path

from edge.contract import Contract
from edge.errors import OutputFailed
from edge.reasons import CAMERA_FAULTS, SCALE_SHIFT
from edge.service.optics import TREND, Optics
from edge.service.smear_result import SmearCounts, SmearResult
from edge.sinks.schema import LOOK_AGAIN, advice_on, patiently

_FAULTS = ", ".join(f"'{code}'" for code in (*CAMERA_FAULTS, "no-cells"))
_COUNT = f"""
SELECT count(decision), sum(decision <> 'refer'), sum(decision = :words),
  sum(decision IS NOT NULL AND label = :label), sum(error NOT IN ({_FAULTS})),
  sum(error = 'no-cells'), sum(' ' || quality || ' ' LIKE '% blurred %'),
  sum(' ' || quality || ' ' LIKE '% {SCALE_SHIFT} %')
FROM smear_spans JOIN results ON results.run_id = smear_spans.run_id
  AND idx >= first_idx AND idx < coalesce(end_idx, 9223372036854775807)
WHERE smear_id = :smear AND superseded_by IS NULL
"""


class SmearLog:
    """Writes the smears of one service; a context manager.

    Parameters
    ----------
    path : Path
        A results database whose tables a run has made.
    contract : Contract

    Attributes
    ----------
    smear : int or None
        Id of the smear that goes on.
    name : str
        What people call it.
    """

    def __init__(self, path: Path, contract: Contract) -> None:
        self._path = path
        self._contract = contract
        self.smear: int | None = None
        self.name = ""
        with self._failing():
            self._connection = sqlite3.connect(path, timeout=LOOK_AGAIN, isolation_level=None)
        self.run_id: int | None = None

    def __enter__(self) -> SmearLog:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    @property
    def positive_words(self) -> str | None:
        """What people call the positive label, if there is one."""
        return self._contract.positive_words

    def go_on(self, sources: Sequence[str], gap: float) -> int | None:
        """Begin the work of a run: go on with the smear that was cut off, if it is not too old.

        Parameters
        ----------
        sources : sequence of str
            Of the run that has just begun.
        gap : float
            Seconds of rest after which a smear is over. Clocks may have been set meanwhile: what
            seems to come from the future goes on.

        Returns
        -------
        int or None
            Id of an earlier smear that is over, and is still to be summed up.
        """
        with self._writing() as connection:
            (self.run_id,) = connection.execute(
                "SELECT max(id) FROM runs WHERE sources = ?",
                [json.dumps(sources, ensure_ascii=False)],
            ).fetchone()
            open_one = connection.execute(
                "SELECT id, name, seen FROM smears WHERE finished IS NULL ORDER BY id DESC LIMIT 1"
            ).fetchone()
            self._close_spans(connection)
            if open_one is None:
                return None
            self.smear, self.name, seen = open_one
            rested = datetime.now(timezone.utc) - datetime.fromisoformat(seen)
            if rested.total_seconds() > gap:
                over, self.smear = self.smear, None
                return over
            self._add_span(connection, self._next_index(connection))
        return None

    def begin(self, first_index: int, begun_by: str, name: str = "") -> None:
        """Begin a smear with the cell at this index of the run."""
        with self._writing() as connection:
            now = _now()
            added = connection.execute(
                "INSERT INTO smears (name, begun_by, started, seen) VALUES (?, ?, ?, ?)",
                [name, begun_by, now, now],
            )
            self.smear = added.lastrowid
            self.name = name or f"smear {self.smear}"
            connection.execute("UPDATE smears SET name = ? WHERE id = ?", [self.name, self.smear])
            self._add_span(connection, first_index)

    def end(self, end_index: int | None) -> int | None:
        """Let the smear have no cells from this index of the run on; give its id."""
        over = self.smear
        if over is not None:
            with self._writing() as connection:
                connection.execute(
                    "UPDATE smear_spans SET end_idx = coalesce(?, first_idx)"
                    " WHERE smear_id = ? AND end_idx IS NULL",
                    [self._next_index(connection) if end_index is None else end_index, over],
                )
        self.smear = None
        return over

    def count(self, smear: int) -> SmearCounts:
        """Count the cells of a smear that are in the database."""
        words, label = self._contract.positive_words, self._contract.positive
        with self._failing():
            row = patiently(
                self._connection,
                _COUNT.replace(":words", "?1").replace(":label", "?2").replace(":smear", "?3"),
                [words, label, smear],
            ).fetchone()
        return SmearCounts(*(int(number or 0) for number in row))

    def name_of(self, smear: int) -> str:
        """What a smear is called."""
        with self._failing():
            (name,) = patiently(
                self._connection, "SELECT name FROM smears WHERE id = ?", [smear]
            ).fetchone()
        return str(name)

    def earlier_optics(self) -> list[Optics]:
        """What the fields of the last smears looked like, the newest first."""
        with self._failing():
            rows = patiently(
                self._connection,
                "SELECT fields, light, red, blue, focus FROM smears WHERE focus IS NOT NULL"
                f" ORDER BY id DESC LIMIT {TREND}",
            ).fetchall()
        return [Optics(*row) for row in rows]

    def finish(self, smear: int, result: SmearResult, o: Optics | None, says: str) -> None:
        """Note what a smear amounts to, and what its fields looked like."""
        counts, share, corrected = result.counts, result.share, result.corrected
        with self._writing() as connection:
            connection.execute(
                "UPDATE smears SET finished = ?, cells = ?, decided = ?, positive = ?,"
                " referred = ?, failed = ?, share = ?, share_low = ?, share_high = ?,"
                " corrected = ?, corrected_low = ?, corrected_high = ?, says = ?, fields = ?,"
                " light = ?, red = ?, blue = ?, focus = ? WHERE id = ?",
                [
                    _now(),
                    counts.cells,
                    counts.decided,
                    counts.positive,
                    counts.referred,
                    counts.failed,
                    *((share.value, share.low, share.high) if share else (None,) * 3),
                    *(
                        (corrected.value, corrected.low, corrected.high)
                        if corrected
                        else (None,) * 3
                    ),
                    says,
                    *((o.fields, o.light, o.red, o.blue, o.focus) if o else (None,) * 5),
                    smear,
                ],
            )

    def note_seen(self) -> None:
        """Note that the smear goes on now: a restart soon after goes on with it."""
        with self._writing() as connection:
            connection.execute("UPDATE smears SET seen = ? WHERE id = ?", [_now(), self.smear])

    def asked(self) -> tuple[int, str] | None:
        """The newest request for a smear that was not met: its id, and what to call the smear."""
        with self._failing():
            found: tuple[int, str] | None = patiently(
                self._connection,
                "SELECT id, name FROM smear_requests WHERE smear_id IS NULL"
                " ORDER BY id DESC LIMIT 1",
            ).fetchone()
        return found

    def meet(self, request: int) -> None:
        """Note that a request, and all before it, are met by the smear that has begun."""
        with self._writing() as connection:
            connection.execute(
                "UPDATE smear_requests SET smear_id = ? WHERE smear_id IS NULL AND id <= ?",
                [self.smear, request],
            )

    def _close_spans(self, connection: sqlite3.Connection) -> None:
        """End what an earlier run left open, by what it has committed."""
        connection.execute(
            "UPDATE smear_spans SET end_idx = max(first_idx, coalesce((SELECT max(idx) + 1"
            " FROM results WHERE results.run_id = smear_spans.run_id), 0)) WHERE end_idx IS NULL"
        )

    def _add_span(self, connection: sqlite3.Connection, first_index: int) -> None:
        connection.execute(
            "INSERT INTO smear_spans (smear_id, run_id, first_idx) VALUES (?, ?, ?)",
            [self.smear, self.run_id, first_index],
        )

    def _next_index(self, connection: sqlite3.Connection) -> int:
        (found,) = connection.execute(
            "SELECT coalesce(max(idx) + 1, 0) FROM results WHERE run_id = ?", [self.run_id]
        ).fetchone()
        return int(found)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._failing():
            patiently(self._connection, "BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise OutputFailed(f"cannot write {self._path}: {error}; {advice_on(error)}") from error


def is_same_work(path: Path, sources: Sequence[str], model_sha256: str) -> bool:
    """Whether the last run of a database had these sources and this model: it may go on.

    Raises
    ------
    OutputFailed
        If it cannot be read.
    """
    if not path.exists():
        return False
    try:
        with closing(sqlite3.connect(path, timeout=LOOK_AGAIN, isolation_level=None)) as connection:
            tables = "SELECT count(*) FROM sqlite_master WHERE name = 'runs'"
            if patiently(connection, tables).fetchone() == (0,):
                return False
            last = patiently(
                connection, "SELECT sources, model_sha256 FROM runs ORDER BY id DESC LIMIT 1"
            ).fetchone()
    except sqlite3.Error as error:
        raise OutputFailed(f"cannot read {path}: {error}; {advice_on(error)}") from error
    return bool(last == (json.dumps(sources, ensure_ascii=False), model_sha256))


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")
