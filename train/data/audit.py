"""Look for leaks in a split: people and images that stand on both sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np

from calibration.cells.readings import person, read_path
from calibration.cells.remarks import some
from edge.documents.words import counted
from edge.errors import LeakFound
from train.data.near_duplicates import NearDuplicate
from train.data.sampling import CROP, SAMPLINGS, shares
from train.data.split_file import OTHER, Member, Split


@dataclass(frozen=True)
class Audit:
    """What stands on both sides of a split.

    Attributes
    ----------
    subjects : tuple of str
        People with crops in the training and the test part.
    test_crops_of_them : int
        Crops of the test part that come from those people.
    duplicates : tuple of str
        Names of test crops whose bytes are also in the training part.
    test_crops : int
        Size of the test part.
    unknown : tuple of str
        Names of crops on either side of which nothing says whose they are.
    left_out : int
        Crops left out of the split for that reason.
    near_duplicates : tuple of NearDuplicate, or None
        With one crop on either side, and other bytes; None if they were not looked for.
    near_on_one_side : int
        Pairs of near-duplicates that do not leak.
    """

    subjects: tuple[str, ...]
    test_crops_of_them: int
    duplicates: tuple[str, ...]
    test_crops: int
    unknown: tuple[str, ...] = ()
    left_out: int = 0
    near_duplicates: tuple[NearDuplicate, ...] | None = None
    near_on_one_side: int = 0

    @property
    def clean(self) -> bool:
        """Whether nothing leaks, as far as was looked."""
        return not (self.subjects or self.duplicates or self.unknown or self.near_duplicates)


def audit(split: Split, like: Sequence[NearDuplicate] | None = None) -> Audit:
    """Compare the two sides of a split.

    People are those that the split names and those that the crops' names say: a split
    made when a copy counted as a person of its own is found out.

    Parameters
    ----------
    split : Split
    like : sequence of NearDuplicate, optional
        Of the data it was made on (:func:`train.data.near_duplicates.find_near_duplicates`).
    """
    people = {member: _people(member, split.labels) for member in (*split.training, *split.test)}
    known_people = {name for member in split.training for name in people[member]}
    known_images = {member.sha256 for member in split.training}
    of_known = [member for member in split.test if people[member] & known_people]
    across, beside = _near(split, like or ())
    return Audit(
        subjects=tuple(sorted({min(people[m] & known_people) for m in of_known})),
        test_crops_of_them=len(of_known),
        duplicates=tuple(sorted(m.name for m in split.test if m.sha256 in known_images)),
        test_crops=len(split.test),
        unknown=tuple(sorted(member.name for member, who in people.items() if not who))
        if split.protocol != OTHER
        else (),
        left_out=len(split.left_out),
        near_duplicates=None if like is None else across,
        near_on_one_side=beside,
    )


def refuse_leaks(split: Split, like: Sequence[NearDuplicate] | None = None) -> None:
    """Fail if a split that promises to be leak-free is not.

    Raises
    ------
    LeakFound
        Names the people or images on both sides.
    """
    found = audit(split, like)
    if split.leak_free and not found.clean:
        raise LeakFound(f"split {split.name} leaks: {sentence(found)}")


def sentence(found: Audit) -> str:
    """Say what an audit found."""
    parts = _leaks(found) or [
        f"no person and no image of its {found.test_crops} test crops is in training"
    ]
    if found.left_out:
        parts.append(f"{found.left_out} crops of unknown people are left out")
    if found.near_duplicates is None:
        parts.append("near-duplicates were not looked for")
    elif found.near_on_one_side:
        parts.append(f"{found.near_on_one_side} pairs of near-duplicates stand on one side")
    return "; ".join(parts)


def whose(split: Split) -> list[str]:
    """Say for each label how many people its training crops come from, and whose most are.

    A line for each label with, of each sampling, the share of its part of an epoch that is one
    person's, the most of anyone's.
    """
    labels = np.array([member.label for member in split.training], np.int32)
    people = np.array([member.subject for member in split.training], str)
    of = {name: shares(name, labels, people, len(split.labels)) for name in SAMPLINGS}
    lines = []
    for number, label in enumerate(split.labels):
        found = of[CROP][number]
        most = ", ".join(f"{100 * of[name][number].largest:.0f} % by {name}" for name in SAMPLINGS)
        lines.append(
            f"{label}: {counted(found.crops, 'crop')} to train on, people: {found.people}; most of"
            f" an epoch that one of them has: {most}"
        )
    return lines


def _leaks(found: Audit) -> list[str]:
    parts = []
    if found.subjects:
        shown = ", ".join(found.subjects[:12]) + (" ..." if len(found.subjects) > 12 else "")
        parts.append(
            f"{len(found.subjects)} people stand on both sides ({shown}):"
            f" {found.test_crops_of_them} of {found.test_crops} test crops are theirs"
        )
    if found.duplicates:
        parts.append(f"{len(found.duplicates)} test crops are byte-identical to training crops")
    if found.near_duplicates:
        first = found.near_duplicates[0]
        pair = f"{_short(first.first)} and {_short(first.second)}"
        parts.append(f"{len(found.near_duplicates)} near-duplicates across the sides, as {pair}")
    if found.unknown:
        parts.append(f"nothing says whose {len(found.unknown)} crops are ({some(found.unknown)})")
    return parts


def _near(split: Split, like: Sequence[NearDuplicate]) -> tuple[tuple[NearDuplicate, ...], int]:
    """Pairs across the sides, and how many stand on one; those with the same bytes aside."""
    side = {member.name: (False, member.sha256) for member in split.training}
    side |= {member.name: (True, member.sha256) for member in split.test}
    across, beside = [], 0
    for pair in like:
        if pair.first not in side or pair.second not in side:
            continue
        (one, one_hash), (other, other_hash) = side[pair.first], side[pair.second]
        if one_hash == other_hash:
            continue
        if one != other:
            across.append(pair)
        else:
            beside += 1
    return tuple(across), beside


def _people(member: Member, labels: Sequence[str]) -> set[str]:
    """Names of a member's person; none where nobody knows.

    Splits of earlier versions name such a cell after its file.
    """
    read = read_path(member.name, "", labels).subject
    if read:
        return {member.subject, person(read, labels)} - {""}
    return {member.subject} - {"", PurePosixPath(member.name).stem}


def _short(name: str) -> str:
    return PurePosixPath(name).name
