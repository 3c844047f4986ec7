"""C-NMC's preliminary test set: images whose labels stand in a CSV file.

Published as ``C-NMC_test_prelim_phase_data/1.bmp`` and on, with
``C-NMC_test_prelim_phase_data_labels.csv`` beside the folder or in it:
``Patient_ID`` (the C-NMC name of the cell), ``new_names`` (the file), ``labels`` (0 or 1).
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from calibration.cells.readings import cell_of
from edge.errors import DataRefused
from edge.models import cnmc
from edge.sources.names import hidden_part

FOLDER = "C-NMC_test_prelim_phase_data"
_CSV = f"{FOLDER}_labels.csv"
_COLUMNS = ("Patient_ID", "new_names", "labels")
_LABELS = {str(number): name for number, name in enumerate(cnmc.NAMES)}


def find_preliminary(data: Path) -> Iterator[tuple[Path, str, str]]:
    """Find the labelled images of the preliminary set below a folder.

    Yields
    ------
    path : Path
    cell : str
        C-NMC name of the cell, without suffix: ``UID_57_29_1_<label>``; empty where the
        table leaves it out.
    label : str
        One of :data:`edge.models.cnmc.NAMES`.

    Raises
    ------
    DataRefused
        If the images are there without their CSV file, or the CSV file names an
        unknown label, an image that is not there, or a file under another cell's name.
    """
    tables = _shown(data, _CSV)
    for folder in filter(Path.is_dir, _shown(data, FOLDER)):
        if any(folder.glob("*.bmp")) and not any(_serves(table, folder) for table in tables):
            raise DataRefused(
                f"{folder} holds images, but {_CSV} is neither in it nor beside it;"
                " put it there: the labels stand in it"
            )
    for table in tables:
        yield from _read(table)


def _shown(data: Path, name: str) -> list[Path]:
    """Paths of a name below a folder, but for those in bins and the like."""
    return sorted(path for path in data.rglob(name) if not hidden_part(str(path.relative_to(data))))


def _serves(table: Path, folder: Path) -> bool:
    return table.parent in (folder, folder.parent)


def _read(table: Path) -> Iterator[tuple[Path, str, str]]:
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            rows = [
                tuple((row[column] or "").strip() for column in _COLUMNS)
                for row in csv.DictReader(file)
            ]
    except (OSError, ValueError, KeyError) as error:
        raise DataRefused(
            f"{table} has no columns Patient_ID, new_names and labels: {error}"
        ) from error
    for cell, name, label in rows:
        if label not in _LABELS:
            known = " and ".join(f"{number} ({of})" for number, of in _LABELS.items())
            raise DataRefused(f"{table}: {name} has label {label!r}; {known} are known")
        if cell_of(name) not in (None, cell_of(cell)):
            raise DataRefused(f"{table} lists {name} as the cell {cell}; correct the one or other")
        yield _image(table, name), Path(cell).stem, _LABELS[label]


def _image(table: Path, name: str) -> Path:
    for folder in (table.parent / FOLDER, table.parent):
        if (folder / name).is_file():
            return folder / name
    raise DataRefused(f"{table} lists {name}, which is in neither {FOLDER}/ nor its own folder")
