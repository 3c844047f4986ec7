"""What is told of a smear when it is over: counts and histograms that add up, of nobody by name.

No image leaves the device, no name of a file, and no name of a smear: people put names and
barcodes there. It is made of rows that do not change any more, so it is the same however often it
is made.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from typing import Any

from edge.crops.image_statistics import ImageStatistics
from edge.crops.look import Look
from edge.decisions.decision import Verdict
from edge.drift.people import SUMMARY, People, fields_of, nobody
from edge.drift.smears import Cell, cell_that_looks, smears_of, verdict_of
from edge.reference.drift_reference import no_cells_yet
from edge.reviews.database import RunFacts, run_of
from edge.rows import Result

SCHEMA = 1
"""Version of the schema of a summary."""

MOST_CELLS = 20_000
"""Cells of a smear whose looks are told, the first ones: memory stays bounded."""

_COUNTS = ("cells", "decided", "positive", "referred", "failed")
_SHARES = ("share", "corrected")
_OPTICS = ("fields", "light", "red", "blue", "focus")
_LOOKS = (
    *("red", "green", "blue", "foreground", "focus", "saturation", "area"),
    *("rim_red", "rim_green", "rim_blue"),
)
_OF_SMEAR = """
FROM smear_spans JOIN results ON results.run_id = smear_spans.run_id
  AND results.idx >= first_idx AND results.idx < coalesce(end_idx, 9223372036854775807)
"""
_CELLS = f"""
SELECT {", ".join(f"looks.{name}" for name in _LOOKS)}, results.* {_OF_SMEAR}
JOIN looks ON looks.run_id = results.run_id AND looks.idx = results.idx
WHERE smear_id = ? AND results.model_sha256 = ? AND superseded_by IS NULL
ORDER BY results.run_id, results.idx LIMIT {MOST_CELLS}
"""
_FAILED = f"""
SELECT error, count(*) {_OF_SMEAR}
WHERE smear_id = ? AND error IS NOT NULL AND superseded_by IS NULL GROUP BY error ORDER BY error
"""
_LAST_RUN = "SELECT max(run_id) FROM smear_spans WHERE smear_id = ?"


def key_of(connection: sqlite3.Connection, smear: int) -> str:
    """Name of a smear that no other one of the instrument has, also of an earlier database."""
    (started,) = connection.execute("SELECT started FROM smears WHERE id = ?", [smear]).fetchone()
    return f"{smear}-{''.join(filter(str.isdigit, started.partition('+')[0]))}"


def summary_of(connection: sqlite3.Connection, smear: int, instrument: str) -> str:
    """Make the message about a smear that is over.

    Parameters
    ----------
    connection : sqlite3.Connection
        Of a results database.
    smear : int
    instrument : str
        What the fleet calls this device.

    Returns
    -------
    str
        JSON; docs/fleet.md says what is in it.

    Raises
    ------
    ValueError
        If a row of it is no result.
    """
    found = connection.execute("SELECT * FROM smears WHERE id = ?", [smear])
    row = dict(zip((name for name, *_ in found.description), found.fetchone(), strict=True))
    people = people_of(connection, smear, f"{instrument}-{key_of(connection, smear)}")
    fields: dict[str, Any] = {
        "kind": SUMMARY,
        "schema": SCHEMA,
        "instrument": instrument,
        "sequence": smear,
        "id": f"{instrument}/{key_of(connection, smear)}",
        "started": row["started"],
        "finished": row["finished"],
        **{name: row[name] for name in _COUNTS},
        **{name: [row[name], row[f"{name}_low"], row[f"{name}_high"]] for name in _SHARES},
        "optics": {name: row[name] for name in _OPTICS},
        "errors": dict(connection.execute(_FAILED, [smear]).fetchall()),
        "people": None if people is None else fields_of(people),
    }
    return json.dumps(fields, sort_keys=True, separators=(",", ":"))


def people_of(connection: sqlite3.Connection, smear: int, name: str) -> People | None:
    """Give a smear as data drift takes it: cells that its last model file has seen.

    None of a smear without a run. Cells of runs that kept no looks are left out.

    Raises
    ------
    ValueError
        If a row of it is no result.
    """
    (run_id,) = connection.execute(_LAST_RUN, [smear]).fetchone()
    run = None if run_id is None else run_of(connection, run_id)
    if run is None:
        return None
    cells: list[tuple[str, Cell]] = []
    counted: list[tuple[ImageStatistics, Verdict]] = []
    for result, look in _cells_of(connection, smear, run):
        if cell := cell_that_looks(result, look):
            cells.append((name, cell))
            counted.append((look.statistics, verdict_of(result)))
    contract = run.contract
    smears = tuple(smears_of(cells, contract.diameters))
    counts = no_cells_yet(contract.words).add(counted)
    return nobody(run.model_sha256, contract).add(smears, counts)


def _cells_of(
    connection: sqlite3.Connection, smear: int, run: RunFacts
) -> Iterator[tuple[Result, Look]]:
    found = connection.execute(_CELLS, [smear, run.model_sha256])
    names = [name for name, *_ in found.description][len(_LOOKS) :]
    for row in found:
        given = dict(zip(names, row[len(_LOOKS) :], strict=True))
        result = Result.from_row(given | {"index": given["idx"]}, run.contract)
        yield result, Look.of_numbers(row[: len(_LOOKS)])
