"""Find the cells in a folder, labelled or not, and read those that can be used."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from calibration.cells.crop_set import decode_crop
from calibration.cells.label_folders import is_laid_out_as_cnmc
from calibration.cells.labelled_crops import find_labelled_crops
from calibration.cells.readings import read_path
from edge.contract import BLACK
from edge.crops.image_statistics import image_statistics
from edge.crops.preprocess import UInt8Image
from edge.errors import CropUnreadable, DataRefused
from edge.files import read_bytes
from edge.sources.folders import search_folder
from edge.sources.left_out import LeftOut


@dataclass(frozen=True)
class FoundCell:
    """An image file of one cell, not read yet.

    Attributes
    ----------
    path : Path
    name : str
        Path below the data folder, with forward slashes.
    label : int or None
        Class number; None in a folder without labels.
    subject : str or None
        The person, where the name or the folder's layout says.
    part : str
        As in :class:`calibration.cells.labelled_crops.LabelledCrop`.
    error : CropUnreadable or None
        Set where the path alone is refused: a link to nothing.
    label_name : str or None
        What its label is called.
    """

    path: Path
    name: str
    label: int | None
    subject: str | None
    part: str = ""
    error: CropUnreadable | None = None
    label_name: str | None = None


@dataclass(frozen=True)
class ReadCell:
    """A cell that was read.

    Attributes
    ----------
    found : FoundCell
    sha256 : str
        Of the file's bytes, as hex.
    crop : ndarray of uint8, shape (side, side, 3)
    """

    found: FoundCell
    sha256: str
    crop: UInt8Image

    @property
    def label(self) -> int | None:
        """As found."""
        return self.found.label


@dataclass(frozen=True)
class RefusedCell:
    """A cell that cannot be used.

    Attributes
    ----------
    name : str
    reason : str
        A code of :data:`edge.reasons.REASONS`, ``black`` (no cell on it) or
        ``duplicate`` (the same crop as one before it).
    message : str
        What is wrong, for people.
    """

    name: str
    reason: str
    message: str


def find_cells(
    data: Path,
    on_remark: Callable[[str], object] = lambda remark: None,
    labels: Sequence[str] | None = None,
) -> list[FoundCell]:
    """Find the cells of a folder or a CSV file, sorted by name.

    A CSV file, a folder laid out like C-NMC, and any for which `labels` are given are labelled;
    of any other folder every image is taken, and nothing says what it shows.

    Parameters
    ----------
    data, on_remark, labels
        As for :func:`calibration.cells.labelled_crops.find_labelled_crops`.

    Raises
    ------
    DataRefused
        If `data` is no folder, holds no image, or its labels contradict one another.
    """
    if not data.exists():
        raise DataRefused(f"{data} is not a folder; give the folder that holds the crops")
    if labels or data.is_file():
        return _labelled(data, on_remark, labels)
    left_out = LeftOut()
    inputs = list(search_folder(str(data), left_out))
    names = [Path(entry.path).relative_to(data).as_posix() for entry in inputs]
    if is_laid_out_as_cnmc(names, data.name):
        return _labelled(data, on_remark, None)
    for line in left_out.lines():
        on_remark(line)
    if not inputs:
        raise DataRefused(f"{data} holds no image; give the folder that holds the crops")
    cells = [
        FoundCell(Path(entry.path), name, None, read_path(name).subject, error=entry.error)
        for entry, name in zip(inputs, names, strict=True)
    ]
    return sorted(cells, key=lambda cell: cell.name)


def _labelled(
    data: Path, on_remark: Callable[[str], object], labels: Sequence[str] | None
) -> list[FoundCell]:
    found = find_labelled_crops(data, labels, keep_twins=True, on_remark=on_remark)
    return [
        FoundCell(
            crop.path,
            crop.name,
            crop.label,
            crop.subject or None,
            crop.part,
            label_name=found.labels[crop.label],
        )
        for crop in found.crops
    ]


def read_cells(
    found: Sequence[FoundCell], side: int, background: str = BLACK
) -> tuple[list[ReadCell], list[RefusedCell]]:
    """Read cells and set aside, by name and reason, those that cannot be used.

    Parameters
    ----------
    found : sequence of FoundCell
    side, background : int, str
        As for :func:`edge.crops.preprocess.to_crop`.

    Returns
    -------
    read : list of ReadCell
        In the order they were found.
    refused : list of RefusedCell
    """
    with ThreadPoolExecutor() as pool:  # OpenCV and hashlib release the GIL
        results = list(pool.map(partial(_read, side=side, background=background), found))
    return (
        [result for result in results if isinstance(result, ReadCell)],
        [result for result in results if isinstance(result, RefusedCell)],
    )


def set_twins_aside(cells: Sequence[ReadCell]) -> tuple[list[ReadCell], list[RefusedCell]]:
    """Keep the first of several cells that are the same crop; name the others."""
    first: dict[bytes, ReadCell] = {}
    twins = []
    for cell in cells:
        kept = first.setdefault(cell.crop.tobytes(), cell)
        if kept is not cell:
            message = f"the same crop as {kept.found.name}"
            twins.append(RefusedCell(cell.found.name, "duplicate", message))
    return list(first.values()), twins


def _read(found: FoundCell, side: int, background: str) -> ReadCell | RefusedCell:
    try:
        if found.error:
            raise found.error
        data = read_bytes(found.path)
        crop = decode_crop(data, found.part, side, background)
    except CropUnreadable as error:
        return RefusedCell(found.name, error.reason, error.message)
    if image_statistics(crop).foreground == 0:
        return RefusedCell(found.name, "black", "black throughout: there is no cell on it")
    return ReadCell(found, hashlib.sha256(data).hexdigest(), crop)
