"""A split as a file: which crop stands on which side, with hashes, so that it can be audited."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from calibration.cells.crop_set import CropSet
from edge.errors import DataRefused
from edge.models import cnmc
from edge.records.json_text import read_json
from edge.records.typed_json import as_type
from edge.whole_file import save_text

SCHEMA = 1
"""Version of the file; a reader refuses any other."""

PAPER, OTHER = "paper", "other"
"""Protocols that need no people: by image, and trained on one set and tested on another."""

PROTOCOLS = (PAPER, "holdout", "subject", "official", OTHER)
"""Kinds of split, in the order of reports; all but ``paper`` are leak-free."""


@dataclass(frozen=True)
class Member:
    """One crop of a split.

    Attributes
    ----------
    name : str
        Path below the data folder.
    sha256 : str
        Of the file.
    subject : str
        Empty where nothing says whose cell it is; only in ``paper`` and ``other`` then.
    label : int
        Class number: place in the split's labels.
    """

    name: str
    sha256: str
    subject: str
    label: int


@dataclass(frozen=True)
class Split:
    """A training and a test part.

    Attributes
    ----------
    protocol : str
        One of :data:`PROTOCOLS`.
    name : str
        The protocol and what else makes this split.
    seed : int or None
    data_sha256 : str
        Hash of the data it was made on.
    training, test : tuple of Member
        In the order of the data.
    left_out : tuple of str
        Names of crops on neither side: nothing says whose cells they are.
    labels : tuple of str
        Names of the labels, in class order; files of version 0.1.0 are of C-NMC's.
    """

    protocol: str
    name: str
    seed: int | None
    data_sha256: str
    training: tuple[Member, ...]
    test: tuple[Member, ...]
    left_out: tuple[str, ...] = ()
    labels: tuple[str, ...] = cnmc.NAMES

    @property
    def sha256(self) -> str:
        """Hash of what stands on which side, wherever the files lie."""
        sides = [sorted((m.sha256, m.name) for m in side) for side in (self.training, self.test)]
        return hashlib.sha256(json.dumps(sides).encode()).hexdigest()

    @property
    def leak_free(self) -> bool:
        """Whether no person and no image may stand on both sides."""
        return self.protocol != PAPER

    @property
    def needs_people(self) -> bool:
        """Whether it must be known whose cells they are."""
        return self.protocol not in (PAPER, OTHER)

    @property
    def test_subjects(self) -> list[str]:
        """Subjects of the test part, sorted."""
        return sorted({member.subject for member in self.test})


def describe_split(
    data: CropSet, test: npt.NDArray[np.bool_], protocol: str, name: str, seed: int | None
) -> Split:
    """Write a split down, given the mask of its test part, shape (n,).

    Crops whose person is unknown stand on no side of a split by people: they may be of anybody
    on the other.
    """
    unknown = (data.subjects == "") & (protocol not in (PAPER, OTHER))
    members = [
        Member(str(name), str(sha256), str(subject), int(label))
        for name, sha256, subject, label in zip(
            data.names, data.hashes, data.subjects, data.labels, strict=True
        )
    ]
    sides = [
        tuple(m for m, inside in zip(members, side, strict=True) if inside)
        for side in (~test & ~unknown, test & ~unknown)
    ]
    left_out = tuple(data.names[unknown].tolist())
    return Split(protocol, name, seed, data.sha256, sides[0], sides[1], left_out, data.label_names)


def save_split(split: Split, path: Path) -> None:
    """Save a split as JSON."""
    content = {"schema": SCHEMA, "sha256": split.sha256, **asdict(split)}
    save_text(path, json.dumps(content, indent=1) + "\n")


def load_split(path: Path) -> Split:
    """Load a split.

    Raises
    ------
    DataRefused
        If the file is not readable, of another schema, or was changed.
    """
    try:
        fields = read_json(path)
        schema, sha256 = fields.pop("schema"), fields.pop("sha256")
        split: Split = as_type(Split, {"left_out": [], "labels": list(cnmc.NAMES), **fields}, "it")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataRefused(f"{path} is no split of edge-all-train: {error}") from error
    if schema != SCHEMA or split.protocol not in PROTOCOLS:
        raise DataRefused(f"{path} has schema {schema}, protocol {split.protocol}: not known here")
    if split.sha256 != sha256:
        raise DataRefused(f"{path} was changed by hand: its hash differs; make the split again")
    return split


def apply_split(split: Split, data: CropSet) -> tuple[CropSet, CropSet]:
    """Take the training and the test part out of the data.

    Crops are found by hash and name; data with other files of the same split
    must hold every one of them.

    Raises
    ------
    DataRefused
        If a crop of the split is not there, which is named, or the labels are others.
    """
    if split.labels != data.label_names:
        raise DataRefused(
            f"split {split.name} is of the labels {', '.join(split.labels)[:100]}, and the data has"
            f" {', '.join(data.label_names)[:100]}; make the split again"
        )
    place = {(str(sha), str(name)): i for i, (sha, name) in _numbered(data)}
    parts = []
    for side in (split.training, split.test):
        missing = [m.name for m in side if (m.sha256, m.name) not in place]
        if missing:
            raise DataRefused(
                f"{len(missing)} crops of split {split.name} are not in the data, the first is"
                f" {missing[0]}; give the folder the split was made on"
            )
        parts.append(data.take(np.array([place[m.sha256, m.name] for m in side], np.intp)))
    return parts[0], parts[1]


def _numbered(data: CropSet) -> enumerate[tuple[str, str]]:
    return enumerate(zip(data.hashes, data.names, strict=True))
