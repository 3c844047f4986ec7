"""Deal labelled crops out to what they are needed for, so that no person is in two parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from calibration.cells.labelled_crops import LabelledCrop, LabelledCrops
from edge.errors import DataRefused

PEOPLE, CELLS = "people", "cells"
"""By what crops are dealt out."""


@dataclass(frozen=True)
class Dealt:
    """Crops in parts.

    Attributes
    ----------
    parts : tuple of LabelledCrops
        Each with crops of every label.
    by : str
        :data:`PEOPLE`, or :data:`CELLS` where too few people are known: the same person may be in
        several parts then.
    """

    parts: tuple[LabelledCrops, ...]
    by: str


def deal(crops: LabelledCrops, shares: Sequence[int]) -> Dealt:
    """Deal crops out, the same whatever their order is.

    Whole people are dealt out where every part gets some of every label; single cells elsewhere.

    Parameters
    ----------
    crops : LabelledCrops
        Byte-identical ones once.
    shares : sequence of int
        How much each part is to get, in proportion.

    Returns
    -------
    Dealt

    Raises
    ------
    DataRefused
        If there are fewer crops of a label than parts.
    """
    places = _by_people(crops, shares)
    if places is not None:
        return Dealt(_in_parts(crops, places, len(shares)), PEOPLE)
    for name, count in crops.counts().items():
        if count < sum(shares):
            raise DataRefused(
                f"{count} crops of label {name} are too few to measure on some and set ranges and"
                f" probabilities by others: give {sum(shares)} or more"
            )
    return Dealt(_in_parts(crops, _by_cells(crops, shares), len(shares)), CELLS)


def _by_people(crops: LabelledCrops, shares: Sequence[int]) -> dict[LabelledCrop, int] | None:
    """Part of each crop; None where people are not known, or some part would lack a label."""
    if any(not crop.subject for crop in crops.crops):
        return None
    people = [sorted({c.subject for c in crops.crops if c.label == n}) for n in _numbers(crops)]
    part_of: dict[str, int] = {}
    for group in sorted(people, key=len):  # who is rare is dealt out first
        counts = [0] * len(shares)
        for person in group:
            if person in part_of:
                counts[part_of[person]] += 1
        for person in group:
            if person not in part_of:
                part = min(_numbers_of(shares), key=lambda p: (counts[p] / shares[p], shares[p], p))
                part_of[person] = part
                counts[part] += 1
        if not all(counts):
            return None
    return {crop: part_of[crop.subject] for crop in crops.crops}


def _by_cells(crops: LabelledCrops, shares: Sequence[int]) -> dict[LabelledCrop, int]:
    turns = [part for part in _numbers_of(shares) for _ in range(shares[part])]
    found: dict[LabelledCrop, int] = {}
    for number in _numbers(crops):
        of_label = sorted((c for c in crops.crops if c.label == number), key=lambda c: c.sha256)
        found |= {crop: turns[place % len(turns)] for place, crop in enumerate(of_label)}
    return found


def _in_parts(
    crops: LabelledCrops, places: dict[LabelledCrop, int], parts: int
) -> tuple[LabelledCrops, ...]:
    return tuple(
        crops.keep(crop for crop in crops.crops if places[crop] == part) for part in range(parts)
    )


def _numbers(crops: LabelledCrops) -> range:
    return range(len(crops.labels))


def _numbers_of(shares: Sequence[int]) -> range:
    return range(len(shares))
