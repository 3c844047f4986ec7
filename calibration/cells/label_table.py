"""Labels from a CSV file: ``file,label[,subject]``, the files beside or below it."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from calibration.cells.listed import Entry, Listing, refuse
from calibration.cells.readings import are_of_cnmc, canonical_subject, subject_of
from calibration.cells.remarks import some
from edge.errors import DataRefused
from edge.models import cnmc

_NEEDED, _POSSIBLE = {"file", "label"}, {"file", "label", "subject"}


def list_table(table: Path, labels: Sequence[str] | None = None) -> Listing:
    """Read the labelled files of a CSV file.

    Rows without a label are left out and counted, as are those of other labels than `labels`.

    Parameters
    ----------
    table : Path
    labels : sequence of str, optional
        Which labels to take, in class order. By default all, sorted by name; those of C-NMC in
        its own order.

    Returns
    -------
    Listing

    Raises
    ------
    DataRefused
        If it cannot be read, has other columns, lists a file twice and not alike, or one that is
        not there or lies outside its folder.
    """
    rows = _rows(table)
    wanted = tuple(labels or _labels_in(rows))
    entries = [_entry(table, row, wanted) for row in rows if row["label"] in wanted]
    if missing := sorted(entry.name for entry in entries if not entry.path.is_file()):
        raise DataRefused(
            f"{table} lists {len(missing)} files that are not there: {some(missing)}; paths in it"
            " begin at its own folder"
        )
    return Listing(wanted, _each_once(table, entries), _remarks(table, rows, wanted))


def _rows(table: Path) -> list[dict[str, str]]:
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            columns = [(column or "").strip() for column in reader.fieldnames or ()]
            reader.fieldnames = columns
            rows = list(reader)
    except (OSError, ValueError, csv.Error) as error:
        raise DataRefused(f"{table} is no CSV file that can be read: {error}") from error
    unknown = sorted(set(columns) - _POSSIBLE)
    if unknown or not set(columns) >= _NEEDED or len(set(columns)) < len(columns):
        raise DataRefused(
            f"{table} has the columns {some(columns) or 'of no name'}; it needs file and label,"
            " may have subject, and nothing else"
        )
    ragged = [row for row in rows if None in row or None in row.values()]
    if ragged:
        raise DataRefused(
            f"{table} has {len(ragged)} rows of another length than its first line; correct them"
        )
    return [{column: row[column].strip() for column in columns} for row in rows]


def _labels_in(rows: Sequence[dict[str, str]]) -> tuple[str, ...]:
    found = tuple(sorted({row["label"] for row in rows} - {""}))
    return cnmc.NAMES if are_of_cnmc(found) else found


def _entry(table: Path, row: dict[str, str], labels: Sequence[str]) -> Entry:
    name = row["file"].replace("\\", "/")
    parts = PurePosixPath(name).parts
    if not parts or parts[0].endswith(("/", ":")) or ".." in parts or "\0" in name:
        raise DataRefused(
            f"{table} lists {name[:80] or 'a file without a name'}, which does not lie below its"
            " own folder; put the table above the crops"
        )
    name = "/".join(parts)
    named = subject_of(parts[-1]) if are_of_cnmc(labels) else None
    subject = canonical_subject(row.get("subject", "")) or named or ""
    return Entry(table.parent / name, name, row["label"], subject)


def _each_once(table: Path, entries: Sequence[Entry]) -> tuple[Entry, ...]:
    first: dict[str, Entry] = {}
    for entry in entries:
        first.setdefault(entry.name, entry)
    refuse(
        [
            f"{table} lists {entry.name} twice, and with another label or subject"
            for entry in entries
            if first[entry.name] != entry
        ],
        "leave one row to each crop",
    )
    return tuple(first.values())


def _remarks(table: Path, rows: Sequence[dict[str, str]], labels: Sequence[str]) -> tuple[str, ...]:
    without = [row["file"] for row in rows if not row["label"]]
    others = [row["label"] for row in rows if row["label"] and row["label"] not in labels]
    remarks = []
    if without:
        remarks.append(f"{len(without)} rows of {table.name} have no label: {some(without)}")
    if others:
        counted = [f"{label} ({others.count(label)})" for label in sorted(set(others))]
        remarks.append(f"{len(others)} crops of other labels are left out: {some(counted)}")
    return tuple(remarks)
