"""What a report says, read from the results that were gathered for it."""

from __future__ import annotations

import base64
import json
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from edge.decisions.decision import HEALTHY, LEUKEMIA, REFER

MAX_CELLS = 20_000
"""Most cells a page shows, with thumbnails some 30 MB: those that most need a look."""

MAX_FAILED = 500
"""Most failed inputs a page names."""

BINS = 50
"""Bars of the histogram over the probability."""

_THUMBNAILS_AT_ONCE = 100

# many cells of one file are told apart by where they were cut out
_NAME = "CASE WHEN parent IS NULL THEN file ELSE sample END"

# refer before the rest, in either nearest to where the decision would be another
_NEED_OF_A_LOOK = """
SELECT idx FROM valid WHERE decision IS NOT NULL
ORDER BY decision <> 'refer',
  CASE WHEN decision = 'refer' THEN abs(p_leukemia - 0.5)
    WHEN p_leukemia < :low THEN :low - p_leukemia ELSE p_leukemia - :high END,
  idx
LIMIT :limit
"""


@dataclass(frozen=True)
class Origin:
    """Where cells come from, and what was decided about them.

    Attributes
    ----------
    name : str
        The source; the folder of a file that was named itself.
    healthy, leukemia, refer, failed : int
        Inputs.
    """

    name: str
    healthy: int
    leukemia: int
    refer: int
    failed: int


class Gathered:
    """Results of one run in a database, read for a page; nothing is held in memory.

    Parameters
    ----------
    connection : sqlite3.Connection
        A results database of one run, with the thumbnails.

    Attributes
    ----------
    run : dict
        The row of table ``runs``.
    network : str
    refer_band : tuple of float
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        connection.create_function("origin", 2, origin, deterministic=True)
        connection.execute(
            "CREATE TEMP VIEW valid AS SELECT * FROM results WHERE superseded_by IS NULL"
        )
        runs = connection.execute(
            "SELECT * FROM runs JOIN models ON models.sha256 = runs.model_sha256"
        )
        names = [column[0] for column in runs.description]
        self.run = dict(zip(names, runs.fetchone(), strict=True))
        self.network = str(self.run["network"])
        low, high = json.loads(self.run["metadata"])["refer_band"]
        self.refer_band = (float(low), float(high))

    def origins(self) -> list[Origin]:
        """Count decisions by origin, in the order of the inputs."""
        counts = ", ".join(f"sum(decision = '{word}')" for word in (HEALTHY, LEUKEMIA, REFER))
        rows = self._connection.execute(
            f"SELECT origin(source, file) AS name, {counts}, sum(decision IS NULL)"
            " FROM valid GROUP BY name ORDER BY min(idx)"
        )
        return [Origin(name, *(count or 0 for count in counts)) for name, *counts in rows]

    def histogram(self) -> list[int]:
        """Count cells in :data:`BINS` equal bins of the probability of leukemia."""
        bins = [0] * BINS
        for at, count in self._connection.execute(
            f"SELECT min(cast(p_leukemia * {BINS} AS INTEGER), {BINS - 1}) AS bin, count(*)"
            " FROM valid WHERE decision IS NOT NULL GROUP BY bin"
        ):
            bins[at] = count
        return bins

    def in_need_of_a_look(self) -> list[int]:
        """Index of every cell the page shows, at most :data:`MAX_CELLS`, in order of need.

        Cells to refer come first, nearest to 0.5 before others; then those that
        were decided, nearest to the refer band before others.
        """
        low, high = self.refer_band
        rows = self._connection.execute(
            _NEED_OF_A_LOOK, {"low": low, "high": high, "limit": MAX_CELLS}
        )
        return [index for (index,) in rows]

    def cells(self, indices: list[int]) -> Iterator[list[object]]:
        """Yield what the page shows of each cell: as its script reads it."""
        for index in indices:
            yield list(
                self._connection.execute(
                    f"SELECT idx, origin(source, file), {_NAME}, decision, p_leukemia, quality"
                    " FROM results WHERE run_id = ? AND idx = ?",
                    [self.run["id"], index],
                ).fetchone()
            )

    def thumbnails(self, indices: list[int]) -> Iterator[list[str]]:
        """Yield JPEG files of the cells, some at a time, as base64; empty where there is none."""
        rest = iter(indices)
        while some := list(islice(rest, _THUMBNAILS_AT_ONCE)):
            yield [self._thumbnail(index) for index in some]

    def _thumbnail(self, index: int) -> str:
        row = self._connection.execute(
            "SELECT jpeg FROM thumbnails WHERE idx = ?", [index]
        ).fetchone()
        return base64.b64encode(row[0]).decode() if row else ""

    def superseded(self) -> int:
        """Count the results that no longer count: the file was written again."""
        (count,) = self._connection.execute("SELECT count(superseded_by) FROM results").fetchone()
        return int(count)

    def failed(self) -> list[tuple[str, str]]:
        """Name and reason code of the first :data:`MAX_FAILED` failed inputs."""
        return self._connection.execute(
            f"SELECT {_NAME}, error FROM valid WHERE decision IS NULL ORDER BY idx LIMIT ?",
            [MAX_FAILED],
        ).fetchall()


def origin(source: str, file: str) -> str:
    """Name of where a cell comes from: a shell makes of ``crops/*.png`` a source a file."""
    return source if source != file else os.path.dirname(file) or "."
