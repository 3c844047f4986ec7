"""The smears of a database, where a service has cut its runs into some."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime, timezone

from edge.reviews.database import ReviewDatabase
from edge.reviews.review import CellKey

_OF_CELL = """
SELECT smears.id, name FROM smear_spans JOIN smears ON smears.id = smear_id
WHERE run_id = ? AND first_idx <= ? AND (end_idx IS NULL OR end_idx > ?)
ORDER BY first_idx DESC LIMIT 1
"""


_GOES_ON = """
SELECT smears.id, name, count(decision), coalesce(sum(decision <> 'refer'), 0)
FROM smears JOIN smear_spans ON smear_id = smears.id
LEFT JOIN results ON results.run_id = smear_spans.run_id
  AND idx >= first_idx AND idx < coalesce(end_idx, 9223372036854775807)
  AND superseded_by IS NULL
WHERE smears.id = (SELECT max(id) FROM smears) AND finished IS NULL
GROUP BY smears.id
"""


@dataclass(frozen=True)
class SmearFacts:
    """A smear.

    Attributes
    ----------
    id : int
    name : str
    started : str
        UTC, ISO 8601.
    finished : str or None
        None while it goes on.
    says : str or None
        What it amounted to, in words, when it was finished.
    cells, decided, referred : int or None
        Counts, when it was finished.
    share : float or None
        Of the decided that look like the positive label; None where there is none.
    """

    id: int
    name: str
    started: str
    finished: str | None
    says: str | None
    cells: int | None = None
    decided: int | None = None
    referred: int | None = None
    share: float | None = None


@dataclass(frozen=True)
class RunningSmear:
    """The smear that goes on, as far as its results are stored."""

    id: int
    name: str
    cells: int
    decided: int

    @property
    def says(self) -> str:
        """How far it has come, in a sentence."""
        referred = self.cells - self.decided
        return (
            f"{self.name} goes on: {self.cells:,} cells, {self.decided:,} decided,"
            f" {referred:,} referred (a person looks)"
        )


def running_smear(connection: sqlite3.Connection) -> RunningSmear | None:
    """Give the last smear, if it goes on."""
    row = connection.execute(_GOES_ON).fetchone()
    return None if row is None else RunningSmear(*row)


def last_smears(connection: sqlite3.Connection, most: int) -> list[SmearFacts]:
    """Smears of a database, the last one first; none where no service has written it."""
    rows = connection.execute(
        "SELECT id, name, started, finished, says, cells, decided, referred, share"
        " FROM smears ORDER BY id DESC LIMIT ?",
        [most],
    )
    return [SmearFacts(*row) for row in rows]


def smear_of_cell(connection: sqlite3.Connection, cell: CellKey) -> str | None:
    """Name of the smear of a cell, with its number: two may be called alike; None without one."""
    row = connection.execute(_OF_CELL, [cell.run_id, cell.index, cell.index]).fetchone()
    return None if row is None else f"{row[1]}-{row[0]}"


def ask_for_smear(database: ReviewDatabase, name: str) -> bool:
    """Ask the service that writes a database to begin a smear with the next cell.

    Parameters
    ----------
    database : ReviewDatabase
    name : str
        What people call it; empty for the service to name it.

    Returns
    -------
    bool
        Whether a service has written this database at all.

    Raises
    ------
    OutputFailed
    """
    now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
    with database.writing() as connection:
        if connection.execute("SELECT 1 FROM smears LIMIT 1").fetchone() is None:
            return False
        connection.execute("INSERT INTO smear_requests (asked, name) VALUES (?, ?)", [now, name])
    return True
