"""Find labelled crops in a folder and say whose cells they are.

Reads C-NMC's published layouts and any folder with ``hem`` and ``all`` folders in it,
at any depth. Subjects come from C-NMC's names, ``UID_<subject>_<image>_<cell>_<label>``.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from calibration.cache import default_cache
from calibration.file_hashes import hash_files
from calibration.found_images import find_images
from calibration.preliminary import find_preliminary
from edge.errors import DataRefused
from edge.left_out import LeftOut

LABELS = ("hem", "all")
"""Class names; the position is the class number (``all`` is the positive class)."""

PRELIMINARY = "preliminary"
"""Part of C-NMC's preliminary test set."""

_CNMC_NAME = re.compile(r"UID_(?P<subject>[A-Za-z]?\d+)_\d+_\d+_(?P<label>hem|all)$")
_FOLD = re.compile(r"fold_\d+$")


@dataclass(frozen=True)
class LabelledCrop:
    """One labelled image file.

    Attributes
    ----------
    path : Path
    name : str
        Path below the data folder, with forward slashes.
    label : int
        0 ``hem``, 1 ``all``.
    subject : str
        The person the cell comes from: ``H10``, ``51``; the file's own name
        where the name does not say, so that it counts as a subject of its own.
    part : str
        ``fold_0`` and so on, :data:`PRELIMINARY`, or empty outside C-NMC's layout.
    sha256 : str
        Of the file's bytes, as hex.
    """

    path: Path
    name: str
    label: int
    subject: str
    part: str
    sha256: str


def find_labelled_crops(
    data: Path,
    keep_twins: bool = False,
    cache: Path | None = None,
    on_remark: Callable[[str], object] = lambda remark: None,
) -> list[LabelledCrop]:
    """Find every labelled crop below a folder, byte-identical ones once.

    Subjects that share byte-identical crops are one subject: in C-NMC 2019 the
    same cells stand under several subject numbers. A C-NMC ``manifest.csv``
    (columns ``path``, ``sha256``) in `data` adds the ties of files that are not there.

    Parameters
    ----------
    data : Path
        Folder with ``hem`` and ``all`` folders, C-NMC's preliminary set, or both, at any depth.
    keep_twins : bool
        Keep every byte-identical crop, as the paper did.
    cache : Path, optional
        Folder that remembers file hashes; :func:`calibration.cache.default_cache`.
    on_remark : callable
        Given a sentence about each thing a person should know: files that were left out.

    Returns
    -------
    list of LabelledCrop
        Sorted by name.

    Raises
    ------
    DataRefused
        If `data` is no folder, holds no labelled image, lacks one of the classes, a
        name contradicts its label, or one image has both labels; names the file.
    """
    if not data.is_dir():
        raise DataRefused(f"{data} is not a folder; give the folder that holds hem/ and all/")
    left_out = LeftOut()
    found = [*_in_folders(data, left_out), *find_preliminary(data)]
    for label in LABELS:
        if not any(label == given for _, _, given in found):
            raise DataRefused(f"{data} holds no image in a folder named {label}/")
    hashes = hash_files([path for path, _, _ in found], cache or default_cache())
    crops = sorted(
        (_crop(data, *entry, sha256) for entry, sha256 in zip(found, hashes, strict=True)),
        key=lambda crop: crop.name,
    )
    _refuse_contradictions(crops)
    for line in left_out.lines():
        on_remark(line)
    merged = _merge_subjects(crops, _ties(data, crops))
    return merged if keep_twins else drop_twins(merged)


def drop_twins(crops: Iterable[LabelledCrop]) -> list[LabelledCrop]:
    """Keep the first of byte-identical crops."""
    first: dict[str, LabelledCrop] = {}
    for crop in crops:
        first.setdefault(crop.sha256, crop)
    return list(first.values())


def subject_of(name: str) -> str | None:
    """Subject in a C-NMC file name (``h3`` is ``H3``), or None."""
    match = _CNMC_NAME.match(name)
    return match["subject"].upper() if match else None


class Hashed(Protocol):
    """What :func:`data_hash` needs to know of a cell."""

    @property
    def sha256(self) -> str:
        """Of the file's bytes, as hex."""

    @property
    def label(self) -> int | None:
        """0 ``hem``, 1 ``all``; None without a label."""


def data_hash(crops: Iterable[Hashed]) -> str:
    """Hash of what a set of crops holds, wherever it lies: sha256 as hex."""
    lines = sorted(f"{crop.sha256} {crop.label}" for crop in crops)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _in_folders(data: Path, left_out: LeftOut) -> Iterator[tuple[Path, str, str]]:
    """Yield path, cell and label of the images in folders named after a label."""
    for path in find_images(data, left_out):
        if path.parent.name in LABELS:
            yield path, path.stem, path.parent.name


def _crop(data: Path, path: Path, cell: str, label: str, sha256: str) -> LabelledCrop:
    named = _CNMC_NAME.match(cell)
    if named and named["label"] != label:
        raise DataRefused(f"{path} is labelled {label}, but its cell is named {cell}; correct one")
    return LabelledCrop(
        path=path,
        name=path.relative_to(data).as_posix(),
        label=LABELS.index(label),
        subject=subject_of(cell) or cell,
        part=_part(path, cell),
        sha256=sha256,
    )


def _part(path: Path, cell: str) -> str:
    if path.stem != cell:  # only the preliminary set renames its cells
        return PRELIMINARY
    return next((folder for folder in reversed(path.parts) if _FOLD.match(folder)), "")


def _ties(data: Path, crops: Sequence[LabelledCrop]) -> list[tuple[str, str]]:
    return [*((crop.sha256, crop.subject) for crop in crops), *_manifest_ties(data)]


def _manifest_ties(data: Path) -> list[tuple[str, str]]:
    manifest = data / "manifest.csv"
    if not manifest.is_file():
        return []
    with manifest.open(newline="", encoding="utf-8") as file:
        rows = [(row["sha256"], subject_of(Path(row["path"]).stem)) for row in csv.DictReader(file)]
    return [(sha256, subject) for sha256, subject in rows if subject]


def _merge_subjects(
    crops: Sequence[LabelledCrop], ties: Iterable[tuple[str, str]]
) -> list[LabelledCrop]:
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
    return [replace(crop, subject=find(crop.subject)) for crop in crops]


def _refuse_contradictions(crops: Iterable[LabelledCrop]) -> None:
    first: dict[str, LabelledCrop] = {}
    for crop in crops:
        twin = first.setdefault(crop.sha256, crop)
        if twin.label != crop.label:
            raise DataRefused(
                f"{twin.path} and {crop.path} are the same image, labelled hem and all"
            )
