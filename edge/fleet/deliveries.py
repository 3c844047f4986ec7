"""Which smears a receiver has: the results database is the spool, and nothing is copied."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timezone

from edge.reviews.database import ReviewDatabase

_NEXT = """
SELECT min(id) FROM smears WHERE finished IS NOT NULL AND id > ?2
  AND id NOT IN (SELECT smear_id FROM deliveries WHERE receiver = ?1)
"""


def next_smear(connection: sqlite3.Connection, receiver: str, behind: int = 0) -> int | None:
    """Give the first smear, behind a number, that is over and that a receiver has not."""
    (found,) = connection.execute(_NEXT, [receiver, behind]).fetchone()
    return None if found is None else int(found)


def note_delivered(database: ReviewDatabase, smear: int, receiver: str) -> None:
    """Note, on the disk, that a receiver has a smear.

    Raises
    ------
    OutputFailed
    """
    now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
    with database.writing() as connection:
        connection.execute(
            "INSERT OR IGNORE INTO deliveries VALUES (?, ?, ?)", [smear, receiver, now]
        )
