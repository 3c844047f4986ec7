"""What a report says, read from the results that were gathered for it."""

from __future__ import annotations

import base64
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from edge.contract import NOT_DECIDED
from edge.models import cnmc
from edge.models.metadata import Metadata, parse_metadata
from edge.reasons import SCALE_SHIFT
from edge.rows import smear_of
from edge.sinks.schema import quoted

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
ORDER BY decision <> 'refer', {distance}, idx
LIMIT :limit
"""
_FROM_BAND = """
  CASE WHEN decision = 'refer' THEN abs({p} - 0.5)
    WHEN {p} < :low THEN :low - {p} ELSE {p} - :high END
"""
_FROM_THRESHOLD = "CASE WHEN decision = 'refer' THEN {p} ELSE {p} - CASE label {cases} END END"


@dataclass(frozen=True)
class Origin:
    """Where cells come from, and what was decided about them.

    Attributes
    ----------
    name : str
        The source; the folder of a file that was named itself.
    decisions : dict
        Decision, ``refer`` first, -> cells.
    failed : int
        Inputs.
    """

    name: str
    decisions: dict[str, int]
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
    metadata : Metadata
        Of the model file.
    refer_band : tuple of float or None
        None for more than two labels.
    decisions : tuple of str
        All there can be, ``refer`` first.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        connection.create_function("origin", 2, smear_of, deterministic=True)
        connection.execute(
            "CREATE TEMP VIEW valid AS SELECT * FROM results WHERE superseded_by IS NULL"
        )
        runs = connection.execute(
            "SELECT * FROM runs JOIN models ON models.sha256 = runs.model_sha256"
        )
        names = [column[0] for column in runs.description]
        self.run = dict(zip(names, runs.fetchone(), strict=True))
        self.network = str(self.run["network"])
        self.metadata: Metadata = parse_metadata(self.run["metadata"])
        self.refer_band = self.metadata.refer_band
        self.decisions = (NOT_DECIDED, *self.metadata.contract.words)
        self._p = _probability_in_sql(self.metadata.contract.names)

    def origins(self) -> list[Origin]:
        """Count decisions by origin, in the order of the inputs."""
        counts = ", ".join("sum(decision = ?)" for _ in self.decisions)
        rows = self._connection.execute(
            f"SELECT origin(source, file) AS name, sum(decision IS NULL), {counts}"
            " FROM valid GROUP BY name ORDER BY min(idx)",
            self.decisions,
        )
        return [
            Origin(
                name,
                {word: n or 0 for word, n in zip(self.decisions, counts, strict=True)},
                failed or 0,
            )
            for name, failed, *counts in rows
        ]

    def histogram(self) -> list[int]:
        """Count cells in :data:`BINS` equal bins of the probability that the page shows.

        Of two labels that is the probability of the second, of more that of the likeliest.
        """
        bins = [0] * BINS
        for at, count in self._connection.execute(
            f"SELECT min(cast({self._p} * {BINS} AS INTEGER), {BINS - 1}) AS bin, count(*)"
            " FROM valid WHERE decision IS NOT NULL GROUP BY bin"
        ):
            bins[at] = count
        return bins

    def in_need_of_a_look(self) -> list[int]:
        """Index of every cell the page shows, at most :data:`MAX_CELLS`, in order of need.

        Cells to refer come first, the least sure before others; then those that were decided,
        nearest to where they would be referred before others.
        """
        values: dict[str, object] = {"limit": MAX_CELLS}
        if self.refer_band is not None:
            distance = _FROM_BAND.format(p=self._p)
            values |= dict(zip(("low", "high"), self.refer_band, strict=True))
        else:
            cases = ""
            thresholds = self.metadata.thresholds or ()
            names = self.metadata.contract.names
            for n, (name, threshold) in enumerate(zip(names, thresholds, strict=True)):
                cases += f" WHEN :name{n} THEN :threshold{n}"
                values |= {f"name{n}": name, f"threshold{n}": threshold}
            distance = _FROM_THRESHOLD.format(p=self._p, cases=cases)
        rows = self._connection.execute(_NEED_OF_A_LOOK.format(distance=distance), values)
        return [index for (index,) in rows]

    def cells(self, indices: list[int]) -> Iterator[list[object]]:
        """Yield what the page shows of each cell: as its script reads it."""
        for index in indices:
            yield list(
                self._connection.execute(
                    f"SELECT idx, origin(source, file), {_NAME}, decision, {self._p}, quality"
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

    def shifted(self) -> list[str]:
        """Origins of cells that are marked as shown at another scale."""
        rows = self._connection.execute(
            "SELECT origin(source, file) AS name FROM valid"
            " WHERE ' ' || quality || ' ' LIKE ? GROUP BY name ORDER BY min(idx)",
            [f"% {SCALE_SHIFT} %"],
        )
        return [name for (name,) in rows]

    def failed(self) -> list[tuple[str, str]]:
        """Name and reason code of the first :data:`MAX_FAILED` failed inputs."""
        return self._connection.execute(
            f"SELECT {_NAME}, error FROM valid WHERE decision IS NULL ORDER BY idx LIMIT ?",
            [MAX_FAILED],
        ).fetchall()


def _probability_in_sql(labels: tuple[str, ...]) -> str:
    """Of the second of two labels; of more, that of the likeliest."""
    if cnmc.is_of_cnmc(labels):
        return cnmc.P_COLUMN  # earlier versions wrote no other
    columns = [quoted(f"p_{name}") for name in labels]
    return columns[1] if len(columns) == 2 else f"max({', '.join(columns)})"
