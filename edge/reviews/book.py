"""The reviews of a database: rows are added, and taken back by a further row."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Sequence
from datetime import datetime, timezone

from edge.errors import ReviewRefused
from edge.reviews.audit import AuditRule
from edge.reviews.database import ReviewDatabase
from edge.reviews.review import CellKey, ControlKey, Item, Review

_INSERT = (
    "INSERT INTO reviews (time, reader, run_id, idx, control_id, label, undoes, queue, blind,"
    " audit_probability, shown) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_LAST_STANDING = """
SELECT id, run_id, idx, control_id, queue, blind FROM reviews
WHERE reader = ? AND undoes IS NULL
  AND NOT EXISTS (SELECT 1 FROM reviews AS undone WHERE undone.undoes = reviews.id)
ORDER BY id DESC LIMIT 1
"""


def add_reviews(database: ReviewDatabase, reviews: Sequence[Review]) -> None:
    """Add reviews, all or none; when this returns they are on the disk.

    Raises
    ------
    ReviewRefused
        If a cell is not there.
    OutputFailed
    """
    now = _now()
    rows = [
        [
            *(now, review.reader, *_places(review.item), review.label, None, review.queue),
            *(int(review.blind), review.audit_probability, review.shown.to_json()),
        ]
        for review in reviews
    ]
    with database.writing() as connection:
        try:
            connection.executemany(_INSERT, rows)
        except sqlite3.IntegrityError as error:
            raise ReviewRefused(
                f"a cell of this review is not in {database.path} ({error}); load the page again"
            ) from error


def undo_last(database: ReviewDatabase, reader: str) -> Item | None:
    """Take back the last review of a reader that still stands, by a further row.

    Returns
    -------
    CellKey or ControlKey or None
        What it was of; None where nothing stands.

    Raises
    ------
    OutputFailed
    """
    with database.writing() as connection:
        last = connection.execute(_LAST_STANDING, [reader]).fetchone()
        if last is None:
            return None
        review_id, run_id, index, control_id, queue, blind = last
        connection.execute(
            _INSERT,
            [_now(), reader, run_id, index, control_id, None, review_id, queue, blind, None, "{}"],
        )
    return ControlKey(control_id) if run_id is None else CellKey(run_id, index)


def set_audit_rule(
    database: ReviewDatabase, run_id: int, probability: float, seed: int | None = None
) -> AuditRule:
    """Give the rule by which cells of a run are drawn; the first one of a run stays.

    Parameters
    ----------
    database : ReviewDatabase
    run_id : int
    probability : float
        Of each cell, 0..1, if the run has no rule yet.
    seed : int, optional
        Drawn by default.
    """
    with database.reading() as connection:
        found = audit_rule_of(connection, run_id)
    if found is not None:
        return found
    drawn = secrets.randbits(32) if seed is None else seed
    with database.writing() as connection:
        connection.execute(
            "INSERT OR IGNORE INTO audits VALUES (?, ?, ?, ?)", [run_id, drawn, probability, _now()]
        )
        found = audit_rule_of(connection, run_id)
    assert found is not None
    return found


def audit_rule_of(connection: sqlite3.Connection, run_id: int) -> AuditRule | None:
    """Read the rule by which cells of a run are drawn, if it has one."""
    row = connection.execute(
        "SELECT run_id, seed, probability FROM audits WHERE run_id = ?", [run_id]
    ).fetchone()
    return None if row is None else AuditRule(*row)


def _places(item: Item) -> tuple[int | None, int | None, int | None]:
    if isinstance(item, ControlKey):
        return None, None, item.control_id
    return item.run_id, item.index, None


def _now() -> str:
    """Time in UTC, to the millisecond, as ISO 8601."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
