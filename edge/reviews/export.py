"""Reviewed cells as labelled crops: ``FOLDER/LABEL/SMEAR/cell.png``, ready to train on."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from edge.errors import CropUnreadable, DataRefused, OutputFailed
from edge.reviews.database import ReviewDatabase, RunFacts, result_of, run_of
from edge.reviews.images import CellImage, cell_image, kept_crop
from edge.reviews.labels import NOT_A_CELL, UNCLEAR
from edge.reviews.review import CellKey
from edge.reviews.smears import smear_of_cell
from edge.rows import Result
from edge.whole_file import save_bytes, save_text

LIST = "reviews.csv"
"""Beside the folders of labels: where each crop comes from, and who said what it is."""

LEFT_OUT = {
    UNCLEAR: "a person could not tell",
    NOT_A_CELL: "it is none",
    "readers": "readers disagree",
    "other-label": "it is no label of the network",
    "superseded": "its file was written again, and decided again",
    "changed": "its file is not what was shown any more",
    "gone": "its picture is nowhere any more; --keep-crops keeps it",
}
"""Why a reviewed cell is not written -> in words."""

_COLUMNS = ("file", "label", "subject", "run", "index", "sample", "model_sha256", "readers")
_COLUMNS_LAST = ("blind", "audit_probability")
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST = 60


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes
    ----------
    labels : mapping
        Label -> crops.
    smears : int
    left_out : mapping
        Code of :data:`LEFT_OUT` -> cells.
    """

    labels: Mapping[str, int]
    smears: int
    left_out: Mapping[str, int]


@dataclass(frozen=True)
class _Said:
    """One review that counts, as it is exported."""

    cell: CellKey
    reader: str
    label: str
    blind: bool
    audit_probability: float | None
    image_sha256: str


class _LeftOut(Exception):
    """A cell is not written; the argument is a code of LEFT_OUT."""


def export_reviews(database: ReviewDatabase, folder: Path) -> Exported:
    """Write reviewed cells as labelled crops.

    A cell has a label if everybody who reviewed it gave it that one. Control cells are no results
    and are not written. Whole images are written as they were shown; cells of fields as the
    network was shown them, from the crops that the database keeps.

    Parameters
    ----------
    database : ReviewDatabase
    folder : Path
        Made; must be empty if it is there: a label that was taken back must not stay in it.

    Raises
    ------
    DataRefused
        If no cell has a label.
    OutputFailed
        If the folder is not empty or cannot be written.
    """
    _check_empty(folder)
    written: Counter[str] = Counter()
    left: Counter[str] = Counter()
    rows: list[Sequence[object]] = []
    smears = set()
    with database.reading() as connection:
        for said in _by_cell(connection):
            try:
                run, result, image = _cell(connection, said)
            except _LeftOut as why:
                left[str(why)] += 1
                continue
            smear = smear_of_cell(connection, said[0].cell) or result.smear
            label, subject = said[0].label, subject_of(smear)
            file = f"{label}/{subject}/run{run.id}-{result.index}.png"
            save_bytes(folder / file, image.png)
            rows.append(_row(file, subject, result, said))
            written[label] += 1
            smears.add(subject)
    if not rows:
        reasons = "; ".join(f"{n} left out: {LEFT_OUT[why]}" for why, n in sorted(left.items()))
        raise DataRefused(
            f"{database.path} has no reviewed cell to train on ({reasons or 'no review'});"
            " review some with edge-all serve"
        )
    save_text(folder / LIST, _table(rows))
    return Exported(dict(written), len(smears), dict(left))


def subject_of(smear: str) -> str:
    """Name of a smear as that of a folder; two smears never share one."""
    plain = _NOT_IN_NAMES.sub("_", smear).strip("._-")[:_LONGEST]
    if plain and plain == smear:
        return plain
    short = hashlib.sha256(smear.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{plain}-{short}" if plain else short


def _by_cell(connection: sqlite3.Connection) -> Iterator[list[_Said]]:
    """Reviews that count, those of a cell together; none of a control cell."""
    rows = connection.execute(
        "SELECT run_id, idx, reader, label, blind, audit_probability, shown FROM valid_reviews"
        " WHERE run_id IS NOT NULL ORDER BY run_id, idx, id"
    ).fetchall()
    said = (
        _Said(CellKey(run, index), reader, label, bool(blind), p, _shown_sha256(shown))
        for run, index, reader, label, blind, p, shown in rows
    )
    for _, some in groupby(said, key=lambda each: each.cell):
        yield list(some)


def _shown_sha256(shown: str) -> str:
    return str(json.loads(shown).get("image_sha256", ""))


def _cell(
    connection: sqlite3.Connection, said: Sequence[_Said]
) -> tuple[RunFacts, Result, CellImage]:
    """Give the run, result and picture of a cell that has a label."""
    labels = {each.label for each in said}
    if len(labels) > 1:
        raise _LeftOut("readers")
    (label,) = labels
    cell = said[0].cell
    run = run_of(connection, cell.run_id)
    assert run is not None
    if label not in run.contract.names:
        raise _LeftOut(label if label in LEFT_OUT else "other-label")
    result = result_of(connection, run, cell)
    if result is None:
        raise _LeftOut("superseded")
    return run, result, _image(connection, result, said)


def _image(connection: sqlite3.Connection, result: Result, said: Sequence[_Said]) -> CellImage:
    cell, kept = said[0].cell, kept_crop(connection, said[0].cell)
    if result.parent is not None:
        if kept is None:
            raise _LeftOut("gone")
        return kept
    try:
        image = cell_image(connection, cell, result)
    except CropUnreadable:
        raise _LeftOut("gone") from None
    shown = {each.image_sha256 for each in said}
    if shown == {image.sha256}:
        return image
    if kept is not None and shown == {kept.sha256}:
        return kept
    raise _LeftOut("changed")


def _row(file: str, subject: str, result: Result, said: Sequence[_Said]) -> Sequence[object]:
    readers = "; ".join(dict.fromkeys(each.reader for each in said))
    drawn = next((p for each in said if (p := each.audit_probability) is not None), "")
    return [
        *(file, said[0].label, subject, said[0].cell.run_id, result.index),
        *(result.sample or result.file, result.model_sha256, readers),
        *(int(all(each.blind for each in said)), drawn),
    ]


def _table(rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*_COLUMNS, *_COLUMNS_LAST])
    writer.writerows(rows)
    return text.getvalue()


def _check_empty(folder: Path) -> None:
    try:
        if folder.exists() and any(folder.iterdir()):
            raise OutputFailed(
                f"cannot write {folder}: it is not empty, and labels that were taken back since"
                " would stay; name another folder"
            )
    except NotADirectoryError as error:
        raise OutputFailed(f"cannot write {folder}: it is a file; name a folder") from error
