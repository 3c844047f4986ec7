"""Find labelled crops in a folder or a CSV file and say whose cells they are.

Reads a folder with a folder for each label, C-NMC's published layouts, and CSV files
(:mod:`calibration.cells.label_folders`, :mod:`calibration.cells.label_table`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from calibration.cells.cache import default_cache
from calibration.cells.file_hashes import hash_files
from calibration.cells.label_folders import PRELIMINARY as PRELIMINARY
from calibration.cells.label_folders import list_folder
from calibration.cells.label_table import list_table
from calibration.cells.listed import Listing, refuse
from calibration.cells.readings import plain
from calibration.cells.readings import subject_of as subject_of
from calibration.cells.remarks import remark_on_people, some
from calibration.cells.same_people import merge_people
from edge.contract import make_labels
from edge.errors import DataRefused
from edge.models import cnmc

LABELS = cnmc.NAMES


@dataclass(frozen=True)
class LabelledCrop:
    """One labelled image file.

    Attributes
    ----------
    path : Path
    name : str
        Path below the data folder, with forward slashes.
    label : int
        Class number: place of its label among those of :class:`LabelledCrops`.
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


@dataclass(frozen=True)
class LabelledCrops:
    """Labelled image files, and what their labels are called.

    Attributes
    ----------
    labels : tuple of str
        Names, in class order.
    crops : tuple of LabelledCrop
        Sorted by name.
    """

    labels: tuple[str, ...]
    crops: tuple[LabelledCrop, ...]

    def __len__(self) -> int:
        return len(self.crops)

    def keep(self, crops: Iterable[LabelledCrop]) -> LabelledCrops:
        """Some of these crops, with the same labels."""
        return replace(self, crops=tuple(crops))

    def in_order(self, labels: Sequence[str]) -> LabelledCrops:
        """The same crops, with their labels in another order."""
        place = [labels.index(name) for name in self.labels]
        return LabelledCrops(
            tuple(labels), tuple(replace(crop, label=place[crop.label]) for crop in self.crops)
        )

    def counts(self) -> dict[str, int]:
        """Label -> how many crops have it."""
        found = [crop.label for crop in self.crops]
        return {name: found.count(number) for number, name in enumerate(self.labels)}


def find_labelled_crops(
    data: Path,
    labels: Sequence[str] | None = None,
    keep_twins: bool = False,
    cache: Path | None = None,
    on_remark: Callable[[str], object] = lambda remark: None,
) -> LabelledCrops:
    """Find every labelled crop of a folder or CSV file, byte-identical ones once.

    Subjects that share byte-identical crops are one subject: in C-NMC 2019 the same cells stand
    under several subject numbers (:func:`calibration.cells.same_people.merge_people`).

    Parameters
    ----------
    data : Path
        Folder with a folder for each label, C-NMC in its published layouts, or a CSV file
        ``file,label[,subject]`` above its files.
    labels : sequence of str, optional
        Which labels, in class order; folders are called so at any depth, capitals aside. By
        default all there are, sorted by name; those of C-NMC in its own order.
    keep_twins : bool
        Keep every byte-identical crop, as the paper did.
    cache : Path, optional
        Folder that remembers file hashes; :func:`calibration.cells.cache.default_cache`.
    on_remark : callable
        Given a sentence about each thing a person should know: files left out, crops whose
        person nothing says, contradictions that are none of the label's.

    Returns
    -------
    LabelledCrops

    Raises
    ------
    DataRefused
        If `data` is neither, holds no labelled image, lacks one of the labels, a label's name
        can be none, a name contradicts its label, or one image has two labels; names the file.
    """
    listing = _list(data, labels)
    for label in listing.labels:
        if not any(label == entry.label for entry in listing.entries):
            raise DataRefused(f"{data} holds no image of label {label}")
    for remark in listing.remarks:
        on_remark(remark)
    hashes = hash_files([entry.path for entry in listing.entries], cache or default_cache())
    pairs = sorted(zip(listing.entries, hashes, strict=True), key=lambda pair: pair[0].name)
    people = merge_people(
        [(sha256, entry.subject) for entry, sha256 in pairs], listing.labels, data
    )
    found = LabelledCrops(
        listing.labels,
        tuple(
            LabelledCrop(
                path=entry.path,
                name=entry.name,
                label=listing.labels.index(entry.label),
                subject=subject,
                part=entry.part,
                sha256=sha256,
            )
            for (entry, sha256), subject in zip(pairs, people, strict=True)
        ),
    )
    _refuse_contradictions(found)
    of_people = [(crop.name, crop.subject, crop.label) for crop in found.crops]
    for remark in remark_on_people(of_people, listing.labels, data.is_file()):
        on_remark(remark)
    return found if keep_twins else found.keep(drop_twins(found.crops))


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
        """Class number; None without a label."""


def data_hash(crops: Iterable[Hashed]) -> str:
    """Hash of what a set of crops holds, wherever it lies: sha256 as hex."""
    lines = sorted(f"{crop.sha256} {crop.label}" for crop in crops)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _list(data: Path, labels: Sequence[str] | None) -> Listing:
    """List labelled files; refuse labels that cannot be told apart or written down."""
    if data.is_file():
        listing = list_table(data, labels)
    elif data.is_dir():
        listing = list_folder(data, labels)
    else:
        raise DataRefused(
            f"{data} is not a folder, and no CSV file; give the folder that holds a folder for"
            " each label"
        )
    if len(listing.labels) < 2:
        raise DataRefused(
            f"{data} holds crops of {some(listing.labels) or 'no label'} only; a network tells"
            " two labels or more apart"
        )
    try:
        make_labels(listing.labels)
        if len({plain(label) for label in listing.labels}) < len(listing.labels):
            raise ValueError(f"{some(listing.labels)} are not all different")
    except ValueError as error:
        raise DataRefused(f"{data}: {error}; rename them, or pick some with --labels") from error
    return listing


def _refuse_contradictions(found: LabelledCrops) -> None:
    first: dict[str, LabelledCrop] = {}
    twins = [(first.setdefault(crop.sha256, crop), crop) for crop in found.crops]
    refuse(
        [
            f"{twin.path} and {crop.path} are the same image, labelled"
            f" {' and '.join(found.labels[n] for n in sorted((twin.label, crop.label)))}"
            for twin, crop in twins
            if twin.label != crop.label
        ],
        "leave it where it belongs",
    )
