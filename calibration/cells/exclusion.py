"""Which cells must not be chosen: those that something is measured on."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from calibration.cells.found_cells import ReadCell
from calibration.cells.readings import canonical_subject, cell_of, person
from edge.errors import DataRefused
from edge.records.json_text import MOST_JSON_FILE, parse_json

_FILES = (".csv", ".json")


def without_excluded(
    exclude: Sequence[str], cells: Sequence[ReadCell], data: Path
) -> list[ReadCell]:
    """Leave out every cell that must not be chosen, and every copy of it.

    A copy has the same bytes, decodes into the same crop, or bears the name of the same
    cell of C-NMC. With a subject, the cells go too of which nothing says whose they
    are: they may be that person's.

    Parameters
    ----------
    exclude : sequence of str
        Each a list, separated by commas, of subjects, of ``.csv`` files with a column
        ``sha256`` or ``name`` (as ``NETWORK-held-out.csv`` of edge-all-train), and of
        manifests (``.json``).
    cells : sequence of ReadCell
        What there is. A name stands for the cell of that name; where it is one of
        C-NMC's, folder, suffix and what else was added to it do not matter.
    data : Path
        Where they come from, for messages.

    Returns
    -------
    list of ReadCell

    Raises
    ------
    DataRefused
        If a file is not readable, or a subject or a file matches no cell: then it is
        not the list, or not the folder, that was meant.
    """
    given = [word.strip() for text in exclude for word in text.split(",") if word.strip()]
    files = [Path(word) for word in given if Path(word).suffix.lower() in _FILES]
    known = {cell.found.subject for cell in cells if cell.found.subject}
    subjects = {
        person(canonical_subject(word)) for word in given if Path(word).suffix.lower() not in _FILES
    }
    if unknown := sorted(subjects - set(map(person, known))):
        there_are = ", ".join(sorted(known)) or "no cells whose subject is known"
        raise DataRefused(
            f"{data} has no cell of subject {', '.join(unknown)}; there are {there_are}"
        )
    hashes = {cell.sha256 for cell in cells if subjects and _may_be_of(subjects, cell)}
    for file in files:
        hashes |= _listed(file, cells, data)
    crops = {cell.crop.tobytes() for cell in cells if cell.sha256 in hashes}
    return [cell for cell in cells if cell.crop.tobytes() not in crops]


def _may_be_of(subjects: set[str], cell: ReadCell) -> bool:
    return not cell.found.subject or person(cell.found.subject) in subjects


def _listed(file: Path, cells: Sequence[ReadCell], data: Path) -> set[str]:
    try:
        text = file.read_text(encoding="utf-8-sig")
        is_manifest = file.suffix.lower() == ".json"
        rows = parse_json(text, MOST_JSON_FILE)["cells"] if is_manifest else _rows(text)
        hashes = {row["sha256"] for row in rows if "sha256" in row}
        names = {_identity(row["name"]) for row in rows if "sha256" not in row}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataRefused(
            f"{file} lists no cells (a column name or sha256, or a manifest): {error}"
        ) from error
    found = {
        cell.sha256
        for cell in cells
        if cell.sha256 in hashes or _identity(cell.found.name) in names
    }
    if not found:
        raise DataRefused(
            f"none of the {len(rows)} cells that {file} lists is in {data};"
            " give the folder they come from, or leave the file out"
        )
    return found


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


def _identity(name: str) -> str:
    """Name of the cell where C-NMC gave it one, the file's name elsewhere."""
    return cell_of(Path(name).name) or name
