"""Find labelled crops in a folder and say whose cells they are.

Reads C-NMC's published layouts and any folder with ``hem`` and ``all`` folders in it,
at any depth, and all folders below those. :mod:`calibration.cells.readings` reads the paths.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from calibration.cells.cache import default_cache
from calibration.cells.file_hashes import hash_files
from calibration.cells.found_images import find_images
from calibration.cells.preliminary import find_preliminary
from calibration.cells.readings import LABELS as LABELS
from calibration.cells.readings import person, read_path
from calibration.cells.readings import subject_of as subject_of
from calibration.cells.remarks import remark_on
from edge.errors import DataRefused
from edge.sources.left_out import LeftOut

PRELIMINARY = "preliminary"
"""Part of C-NMC's preliminary test set."""

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
        The person the cell comes from: ``H10``, ``51``; empty where nothing says.
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
    same cells stand under several subject numbers
    (:func:`calibration.cells.readings.person`). A C-NMC ``manifest.csv``
    (columns ``path``, ``sha256``) in `data` adds the ties of files that are not there.

    Parameters
    ----------
    data : Path
        Folder with ``hem`` and ``all`` folders, C-NMC's preliminary set, or both, at any depth.
    keep_twins : bool
        Keep every byte-identical crop, as the paper did.
    cache : Path, optional
        Folder that remembers file hashes; :func:`calibration.cells.cache.default_cache`.
    on_remark : callable
        Given a sentence about each thing a person should know: files left out, crops whose
        person nothing says, contradictions that are none of the label's.

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
    found, unlabelled = _find(data, left_out)
    for label in LABELS:
        if not any(label == entry.label for entry in found):
            raise DataRefused(f"{data} holds no image in a folder named {label}/")
    hashes = hash_files([entry.path for entry in found], cache or default_cache())
    crops = sorted(
        (_crop(data, entry, sha256) for entry, sha256 in zip(found, hashes, strict=True)),
        key=lambda crop: crop.name,
    )
    _refuse_contradictions(crops)
    for line in left_out.lines():
        on_remark(line)
    merged = _merge_subjects(crops, _ties(data, crops))
    for remark in remark_on([(crop.name, crop.subject, crop.label) for crop in merged], unlabelled):
        on_remark(remark)
    return merged if keep_twins else drop_twins(merged)


def drop_twins(crops: Iterable[LabelledCrop]) -> list[LabelledCrop]:
    """Keep the first of byte-identical crops."""
    first: dict[str, LabelledCrop] = {}
    for crop in crops:
        first.setdefault(crop.sha256, crop)
    return list(first.values())


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


@dataclass(frozen=True)
class _Entry:
    """A labelled file: `label` as its folder or table gives it, `cell` as it is called there."""

    path: Path
    cell: str
    label: str
    part: str


def _find(data: Path, left_out: LeftOut) -> tuple[list[_Entry], list[str]]:
    """Find labelled files, and the names of images that have no label."""
    listed = [_Entry(*entry, PRELIMINARY) for entry in find_preliminary(data)]
    labels = {entry.path: entry.label for entry in listed}
    found, unlabelled, wrong = [], [], []
    for path in find_images(data, left_out):
        name = path.relative_to(data).as_posix()
        reading = read_path(name, data.name)
        if path in labels:
            if reading.label not in (None, labels[path]):
                wrong.append(f"{path} is labelled {labels[path]} in its table and {reading.label}")
        elif reading.label is None:
            unlabelled.append(name)
        elif len(set(reading.labels_above)) > 1 and reading.named_label != reading.label:
            wrong.append(f"{path} stands in a folder {' in a folder '.join(reading.labels_above)}")
        else:
            found.append(_Entry(path, path.name, reading.label, _fold(name)))
    _refuse(wrong, "leave one label to each crop")
    found += listed
    _refuse(
        [
            f"{entry.path} is labelled {entry.label}, but its cell is named {Path(entry.cell).stem}"
            for entry in found
            if read_path(entry.cell).named_label not in (None, entry.label)
        ],
        "correct one",
    )
    return found, unlabelled


def _refuse(wrong: Sequence[str], remedy: str) -> None:
    """Refuse labels that contradict one another: the first by name, the others by number."""
    if wrong:
        more = f" ({len(wrong)} crops are so)" if len(wrong) > 1 else ""
        raise DataRefused(f"{min(wrong)}; {remedy}{more}")


def _crop(data: Path, entry: _Entry, sha256: str) -> LabelledCrop:
    name = entry.path.relative_to(data).as_posix()
    # the preliminary set's files are numbered: the table names the cell
    subject = subject_of(entry.cell) if entry.part == PRELIMINARY else read_path(name).subject
    return LabelledCrop(
        path=entry.path,
        name=name,
        label=LABELS.index(entry.label),
        subject=subject or "",
        part=entry.part,
        sha256=sha256,
    )


def _fold(name: str) -> str:
    return next((folder for folder in name.split("/")[-2::-1] if _FOLD.match(folder)), "")


def _ties(data: Path, crops: Sequence[LabelledCrop]) -> list[tuple[str, str]]:
    named = {crop.subject for crop in crops if crop.subject}
    return [
        *((crop.sha256, crop.subject) for crop in crops if crop.subject),
        *((f"one person: {person(subject)}", subject) for subject in named),
        *_manifest_ties(data),
    ]


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
    """Give subjects that share a hash one name, the first in sorting order.

    A crop of nobody that has the bytes of somebody's is theirs.
    """
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
    owners = {sha256: find(min(subjects)) for sha256, subjects in same_hash.items()}
    return [
        replace(crop, subject=find(crop.subject) if crop.subject else owners.get(crop.sha256, ""))
        for crop in crops
    ]


def _refuse_contradictions(crops: Iterable[LabelledCrop]) -> None:
    first: dict[str, LabelledCrop] = {}
    twins = [(first.setdefault(crop.sha256, crop), crop) for crop in crops]
    _refuse(
        [
            f"{twin.path} and {crop.path} are the same image, labelled hem and all"
            for twin, crop in twins
            if twin.label != crop.label
        ],
        "leave it where it belongs",
    )
