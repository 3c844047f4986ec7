"""Which cells of a run people have reviewed, kept up with as reviews are added."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from edge.contract import NOT_DECIDED

_ADDED = f"""
SELECT reviews.id, reader, idx, undoes, audit_probability IS NOT NULL, decision = '{NOT_DECIDED}'
FROM reviews CROSS JOIN results USING (run_id, idx)
WHERE reviews.id > ? AND run_id = ? ORDER BY reviews.id
"""


@dataclass(frozen=True)
class Reviewed:
    """Cells of a run by position, as far as somebody's review of them stands.

    Attributes
    ----------
    cells : frozenset of int
        All of them.
    referred : frozenset of int
        Those that the network refers.
    audited : frozenset of int
        Those that were reviewed as drawn at random.
    once : mapping
        Those that one person has reviewed -> who.
    """

    cells: frozenset[int] = frozenset()
    referred: frozenset[int] = frozenset()
    audited: frozenset[int] = frozenset()
    once: Mapping[int, str] = field(default_factory=dict)


class ReviewedCells:
    """Reviewed cells of a run; looks at what has come since it was last asked.

    Reviews are only ever added, so that nothing is read twice: the view ``valid_reviews`` says the
    same, but reads all there are each time, and a page asks with each key that is pressed.

    Parameters
    ----------
    run_id : int
    """

    def __init__(self, run_id: int) -> None:
        self._run_id = run_id
        self._last = 0
        self._standing: dict[int, dict[int, tuple[str, bool]]] = {}  # cell -> review -> by whom
        self._cells: set[int] = set()
        self._referred: set[int] = set()
        self._audited: set[int] = set()
        self._once: dict[int, str] = {}
        self._known = Reviewed()
        self._lock = threading.Lock()

    def look(self, connection: sqlite3.Connection) -> Reviewed:
        """Give the cells that are reviewed by now."""
        with self._lock:
            rows = connection.execute(_ADDED, [self._last, self._run_id]).fetchall()
            for review, reader, index, undoes, is_audit, is_referred in rows:
                self._last = review
                standing = self._standing.setdefault(index, {})
                if undoes is None:
                    standing[review] = reader, bool(is_audit)
                else:
                    standing.pop(undoes, None)
                self._settle(index, bool(is_referred))
            if rows:
                self._known = Reviewed(
                    frozenset(self._cells),
                    frozenset(self._referred),
                    frozenset(self._audited),
                    dict(self._once),
                )
            return self._known

    def _settle(self, index: int, is_referred: bool) -> None:
        """Note what holds for a cell by the last standing review of each reader."""
        last_of = dict(self._standing[index].values())
        _keep(self._cells, index, bool(last_of))
        _keep(self._referred, index, bool(last_of) and is_referred)
        _keep(self._audited, index, any(last_of.values()))
        self._once.pop(index, None)
        if len(last_of) == 1:
            (self._once[index],) = last_of


def _keep(cells: set[int], index: int, holds: bool) -> None:
    if holds:
        cells.add(index)
    else:
        cells.discard(index)
