"""Labels from folders: ``DIR/<label>/...``, and C-NMC's layouts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from calibration.cells.found_images import find_images
from calibration.cells.listed import Entry, Listing, refuse
from calibration.cells.preliminary import FOLDER, find_preliminary
from calibration.cells.readings import are_of_cnmc, is_part, plain, read_path, subject_of
from calibration.cells.remarks import remark_on_paths
from edge.errors import DataRefused
from edge.models import cnmc
from edge.sources.left_out import LeftOut

PRELIMINARY = "preliminary"
"""Part of C-NMC's preliminary test set."""

_FOLD = re.compile(r"fold_\d+$")


def list_folder(data: Path, labels: Sequence[str] | None = None) -> Listing:
    """Find the labelled files below a folder.

    Parameters
    ----------
    data : Path
    labels : sequence of str, optional
        Names of the folders that are labels, at any depth. By default C-NMC's where the folder
        is laid out like C-NMC, and else the folders in `data` itself.

    Returns
    -------
    Listing

    Raises
    ------
    DataRefused
        If no folder is a label, a file stands below two of them, or a name contradicts its label.
    """
    left_out = LeftOut()
    paths = {path.relative_to(data).as_posix(): path for path in find_images(data, left_out)}
    tables = {path: (cell, label) for path, cell, label in find_preliminary(data)}
    known = tuple(labels or (cnmc.NAMES if tables else _labels_in(data, paths)))
    entries, unlabelled = _read(data, paths, known, tables if are_of_cnmc(known) else {})
    remarks = [*left_out.lines(), *remark_on_paths(paths, unlabelled, known)]
    return Listing(known, tuple(entries), tuple(remarks))


def is_laid_out_as_cnmc(names: Iterable[str], data: str = "") -> bool:
    """Whether paths lie as in C-NMC: below both its labels, or nothing but them, or in a test set.

    Parameters
    ----------
    names : iterable of str
        Paths of images below the data folder.
    data : str
        Name of the data folder.
    """
    wanted = {plain(name) for name in cnmc.NAMES}
    above = [{plain(part) for part in PurePosixPath(name).parts[:-1]} for name in names]
    folders = set().union(*above)
    if wanted <= folders or plain(FOLDER) in folders | {plain(data)}:
        return True
    return bool(above) and all(wanted & each for each in above)


def _labels_in(data: Path, names: Iterable[str]) -> tuple[str, ...]:
    """Names of the labels of a folder, where nobody names them."""
    if is_laid_out_as_cnmc(names, data.name):
        return cnmc.NAMES
    found = sorted({name.partition("/")[0] for name in names if "/" in name})
    if not found:
        raise DataRefused(
            f"{data} holds no image in a folder of a label; put the crops into a folder for each"
            " label, or give a CSV file with the columns file and label"
        )
    if parts := [folder for folder in found if is_part(folder)]:
        raise DataRefused(
            f"{data / parts[0]} is called like a part of a data set, not like a label; give the"
            " folder that holds the folders of the labels, or name them with --labels"
        )
    return tuple(found)


def _read(
    data: Path, paths: dict[str, Path], labels: Sequence[str], tables: dict[Path, tuple[str, str]]
) -> tuple[list[Entry], list[str]]:
    """Read the paths of images: labelled files, and the names of those without a label."""
    of_cnmc = are_of_cnmc(labels)
    found, unlabelled, wrong = [], [], []
    for name, path in paths.items():
        reading = read_path(name, data.name, labels)
        if path in tables:
            if reading.label not in (None, tables[path][1]):
                label = tables[path][1]
                wrong.append(f"{path} is labelled {label} in its table and {reading.label}")
        elif reading.label is None:
            unlabelled.append(name)
        elif len(set(reading.labels_above)) > 1 and reading.named_label != reading.label:
            wrong.append(f"{path} stands in a folder {' in a folder '.join(reading.labels_above)}")
        else:
            part = _fold(name) if of_cnmc else ""
            found.append((path.name, Entry(path, name, reading.label, reading.subject or "", part)))
    refuse(wrong, "leave one label to each crop")
    # the preliminary set's files are numbered: the table names the cell
    for path, (cell, label) in tables.items():
        name, subject = path.relative_to(data).as_posix(), subject_of(cell) or ""
        found.append((cell, Entry(path, name, label, subject, PRELIMINARY)))
    refuse(
        [
            f"{entry.path} is labelled {entry.label}, but its cell is named {Path(cell).stem}"
            for cell, entry in found
            if read_path(cell, "", labels).named_label not in (None, entry.label)
        ],
        "correct one",
    )
    return [entry for _, entry in found], unlabelled


def _fold(name: str) -> str:
    return next((folder for folder in name.split("/")[-2::-1] if _FOLD.match(folder)), "")
