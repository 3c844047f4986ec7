"""What waits for a person, and which cell comes next."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from edge.contract import NOT_DECIDED, Contract
from edge.models import cnmc
from edge.reviews.audit import AuditRule
from edge.reviews.database import RunFacts
from edge.reviews.review import AUDIT, SECOND, WAITING, CellKey
from edge.reviews.reviewed import ReviewedCells
from edge.sinks.schema import quoted

_AT_ONCE = 500
"""Of so many that wait longest, the least sure comes first: a key is answered at once, however many
wait."""

_REFERRED = f"run_id = :run AND decision = '{NOT_DECIDED}' AND superseded_by IS NULL"
_ALL_REFERRED = f"SELECT count(*) FROM results WHERE {_REFERRED}"  # an index counts them
_SUPERSEDED = "SELECT idx FROM results WHERE run_id = :run AND superseded_by IS NOT NULL"

_NEXT_WAITING = """
SELECT idx FROM (
  SELECT * FROM results WHERE {referred} AND waits(idx) ORDER BY rowid LIMIT :most
) ORDER BY {sureness}, idx
"""


@dataclass(frozen=True)
class Waiting:
    """How many cells of a run wait for a reader.

    Attributes
    ----------
    waiting : int
        Referred, reviewed by nobody, and not drawn for the audit.
    audit, audit_drawn : int
        Drawn at random and not reviewed yet; all that were drawn.
    second : int
        Reviewed by one person, and that was another one.
    """

    waiting: int
    audit: int
    audit_drawn: int
    second: int

    def of(self, queue: str) -> int:
        """How many wait in one of :data:`edge.reviews.review.QUEUES`."""
        return {WAITING: self.waiting, AUDIT: self.audit, SECOND: self.second}[queue]


class DrawnCells:
    """Decided cells of a run that its audit draws, in the order of the draw.

    Looks at what has come since it was last asked. In that order any first part of them is a random
    sample itself: an audit that is not finished is smaller, not askew. So they wait in the audit
    alone: were those that are referred reviewed before others, the sample would be of them.

    Attributes
    ----------
    rule : AuditRule
    reviewed : ReviewedCells
        Of the same run.
    """

    def __init__(self, rule: AuditRule) -> None:
        self.rule = rule
        self.reviewed = ReviewedCells(rule.run_id)
        self._last = -1
        self._drawn: list[tuple[int, int]] = []
        self._referred: set[int] = set()
        self._lock = threading.Lock()

    def look(self, connection: sqlite3.Connection) -> list[int]:
        """Positions of the cells that are drawn by now."""
        with self._lock:
            rows = connection.execute(
                "SELECT idx, decision FROM results"
                " WHERE run_id = ? AND idx > ? AND decision IS NOT NULL",
                [self.rule.run_id, self._last],
            )
            for index, decision in rows:
                self._last = max(self._last, index)
                if self.rule.draws(index):
                    self._drawn.append((self.rule.place(index), index))
                    if decision == NOT_DECIDED:
                        self._referred.add(index)
            self._drawn.sort()
            return [index for _, index in self._drawn]

    def referred(self) -> set[int]:
        """Positions of those that the network refers, as far as was looked."""
        with self._lock:
            return set(self._referred)


def count_waiting(
    connection: sqlite3.Connection, run: RunFacts, drawn: DrawnCells, reader: str
) -> Waiting:
    """Count what waits for a reader."""
    reviewed, superseded = drawn.reviewed.look(connection), _superseded(connection, run)
    (referred,) = connection.execute(_ALL_REFERRED, {"run": run.id}).fetchone()
    waiting = int(referred) - len(reviewed.referred - superseded)
    second = sum(
        first != reader and index not in superseded for index, first in reviewed.once.items()
    )
    rest = [*_audit_in_order(connection, run, drawn)]
    there = set(rest) & drawn.referred() - reviewed.cells  # which the first count has, too
    return Waiting(waiting - len(there), len(rest), len(drawn.look(connection)), second)


def _superseded(connection: sqlite3.Connection, run: RunFacts) -> set[int]:
    return {index for (index,) in connection.execute(_SUPERSEDED, {"run": run.id})}


def next_cell(
    connection: sqlite3.Connection,
    run: RunFacts,
    drawn: DrawnCells,
    queue: str,
    reader: str,
    taken: Collection[CellKey] = (),
    without: Collection[CellKey] = (),
) -> CellKey | None:
    """Give the cell that comes next for a reader; None where none waits.

    Parameters
    ----------
    connection : sqlite3.Connection
    run : RunFacts
    drawn : DrawnCells
        Of the same run.
    queue : str
        One of :data:`edge.reviews.review.QUEUES`.
    reader : str
    taken : collection of CellKey
        Cells that others have before them: they come last.
    without : collection of CellKey
        Cells that nobody can be shown.
    """
    candidates = _in_order(connection, run, drawn, queue, reader, _AT_ONCE + len(without))
    first = None
    for index in candidates:
        cell = CellKey(run.id, index)
        if cell in without:
            continue
        if cell not in taken:
            return cell
        first = first or cell
    return first


def _in_order(
    connection: sqlite3.Connection,
    run: RunFacts,
    drawn: DrawnCells,
    queue: str,
    reader: str,
    most: int,
) -> Iterator[int]:
    if queue == AUDIT:
        yield from _audit_in_order(connection, run, drawn)
    elif queue == SECOND:
        superseded = _superseded(connection, run)
        once = drawn.reviewed.look(connection).once.items()
        others = (i for i, first in once if first != reader and i not in superseded)
        yield from sorted(others, key=drawn.rule.place)
    else:
        yield from (cell.index for cell in waiting_cells(connection, run, drawn, most))


def waiting_cells(
    connection: sqlite3.Connection, run: RunFacts, drawn: DrawnCells, most: int = _AT_ONCE
) -> list[CellKey]:
    """Referred cells that nobody has reviewed: of those that wait longest, the least sure first."""
    elsewhere = drawn.reviewed.look(connection).cells.union(drawn.look(connection))
    connection.create_function("waits", 1, lambda index: index not in elsewhere)
    query = _NEXT_WAITING.format(referred=_REFERRED, sureness=sureness(run.contract))
    rows = connection.execute(query, {"run": run.id, "most": most})
    return [CellKey(run.id, index) for (index,) in rows]


def _audit_in_order(
    connection: sqlite3.Connection, run: RunFacts, drawn: DrawnCells
) -> Iterator[int]:
    audited, superseded = drawn.reviewed.look(connection).audited, _superseded(connection, run)
    yield from (
        index
        for index in drawn.look(connection)
        if index not in audited and index not in superseded
    )


def sureness(contract: Contract) -> str:
    """Probability of the likeliest label, in SQL."""
    if cnmc.is_of_cnmc(contract.names):
        # earlier versions wrote no other column
        return f"max({cnmc.P_COLUMN}, 1 - {cnmc.P_COLUMN})"
    return f"max({', '.join(quoted(f'p_{name}') for name in contract.names)})"
