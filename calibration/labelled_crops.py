"""Find labelled crops in a folder and say whose cells they are.

Reads C-NMC's layout and any folder with ``hem`` and ``all`` folders in it, at
any depth. Subjects come from C-NMC's file names, ``UID_<subject>_<image>_<cell>_<label>``.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from edge.errors import DataRefused
from edge.sources import IMAGE_SUFFIXES

LABELS = ("hem", "all")
"""Class names; the position is the class number (``all`` is the positive class)."""

_CNMC_NAME = re.compile(r"UID_(?P<subject>[A-Za-z]?\d+)_\d+_\d+_(?P<label>hem|all)$")


@dataclass(frozen=True)
class LabelledCrop:
    """One labelled image file.

    Attributes
    ----------
    path : Path
    label : int
        0 ``hem``, 1 ``all``.
    subject : str
        The person the cell comes from: ``H10``, ``51``; the file's own name
        where the name does not say, so that it counts as a subject of its own.
    sha256 : str
        Of the file's bytes, as hex.
    """

    path: Path
    label: int
    subject: str
    sha256: str


def find_labelled_crops(data: Path) -> list[LabelledCrop]:
    """Find every labelled crop below a folder, byte-identical ones once.

    Subjects that share byte-identical crops are one subject: in C-NMC 2019 the
    same cells stand under several subject numbers. A C-NMC ``manifest.csv``
    (columns ``path``, ``sha256``) in `data` adds the ties of files that are not there.

    Parameters
    ----------
    data : Path
        Folder with ``hem`` and ``all`` folders at any depth.

    Returns
    -------
    list of LabelledCrop
        Sorted by path.

    Raises
    ------
    DataRefused
        If `data` is no folder, holds no labelled image, lacks one of the
        classes, or a file name contradicts its folder.
    """
    if not data.is_dir():
        raise DataRefused(f"{data} is not a folder; give the folder that holds hem/ and all/")
    crops = [
        _read(path) for path in sorted(data.rglob("*")) if _is_image(path) and _folder_label(path)
    ]
    for number, label in enumerate(LABELS):
        if not any(crop.label == number for crop in crops):
            raise DataRefused(f"{data} holds no image in a folder named {label}/")
    ties = [(crop.sha256, crop.subject) for crop in crops]
    return _drop_twins(_merge_subjects(crops, [*ties, *_manifest_ties(data)]))


def subject_of(name: str) -> str | None:
    """Subject in a C-NMC file name (``h3`` is ``H3``), or None."""
    match = _CNMC_NAME.match(name)
    return match["subject"].upper() if match else None


def data_hash(crops: Iterable[LabelledCrop]) -> str:
    """Hash of what a set of crops holds, wherever it lies: sha256 as hex."""
    lines = sorted(f"{crop.sha256} {crop.label}" for crop in crops)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()


def _folder_label(path: Path) -> str | None:
    return path.parent.name if path.parent.name in LABELS else None


def _read(path: Path) -> LabelledCrop:
    folder = path.parent.name
    named = _CNMC_NAME.match(path.stem)
    if named and named["label"] != folder:
        raise DataRefused(f"{path} is named {named['label']} but lies in {folder}/; move it")
    try:
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise DataRefused(f"{path} cannot be read: {error.strerror}") from error
    return LabelledCrop(path, LABELS.index(folder), subject_of(path.stem) or path.stem, sha256)


def _manifest_ties(data: Path) -> list[tuple[str, str]]:
    manifest = data / "manifest.csv"
    if not manifest.is_file():
        return []
    with manifest.open(newline="", encoding="utf-8") as file:
        rows = [(row["sha256"], subject_of(Path(row["path"]).stem)) for row in csv.DictReader(file)]
    return [(sha256, subject) for sha256, subject in rows if subject]


def _merge_subjects(crops: list[LabelledCrop], ties: list[tuple[str, str]]) -> list[LabelledCrop]:
    """Give subjects that share a hash one name: the first in sorting order."""
    same_hash = defaultdict(set)
    for sha256, subject in ties:
        same_hash[sha256].add(subject)
    representative: dict[str, str] = {}

    def find(subject: str) -> str:
        while subject in representative:
            subject = representative[subject]
        return subject

    for subjects in same_hash.values():
        first, *others = sorted({find(subject) for subject in subjects})
        for other in others:
            representative[other] = first
    return [LabelledCrop(crop.path, crop.label, find(crop.subject), crop.sha256) for crop in crops]


def _drop_twins(crops: list[LabelledCrop]) -> list[LabelledCrop]:
    by_hash: dict[str, LabelledCrop] = {}
    for crop in crops:
        twin = by_hash.setdefault(crop.sha256, crop)
        if twin.label != crop.label:
            raise DataRefused(
                f"{twin.path} and {crop.path} are the same image, labelled hem and all"
            )
    return list(by_hash.values())
