"""From folders and tables of crops to the data of a training, and the contract they make."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from calibration.cells.backgrounds import find_background
from calibration.cells.crop_set import CropSet, load_crops
from calibration.cells.labelled_crops import LabelledCrops, find_labelled_crops
from calibration.cells.readings import are_of_cnmc
from edge.contract import Contract, make_labels
from edge.errors import DataRefused
from edge.models import cnmc
from train.data.near_duplicates import SMALLEST_TOLD

FEWEST = 10
"""Crops of a label to train on: with fewer it is not learned, but for luck."""

Remark = Callable[[str], object]


@dataclass(frozen=True)
class Wanted:
    """What somebody wants to be trained on.

    Attributes
    ----------
    data : Path
        As for :func:`calibration.cells.labelled_crops.find_labelled_crops`.
    labels : tuple of str
        Which, in class order; empty for all there are.
    positive : str
        Label that is not to be missed; empty for that of C-NMC in its own data, and none in others.
    words : tuple of str
        What people read, in the order of `labels`; empty for the labels themselves.
    side : int
        Of the crops, in pixels.
    background : str
        One of :data:`edge.contract.BACKGROUNDS`; empty to find it out.
    um_per_pixel : float or None
        Micrometres that a pixel of a crop of this side spans.
    """

    data: Path
    labels: tuple[str, ...] = ()
    positive: str = ""
    words: tuple[str, ...] = ()
    side: int = cnmc.SIDE
    background: str = ""
    um_per_pixel: float | None = None


@dataclass(frozen=True)
class Prepared:
    """Crops, and the contract of a network that is trained on them.

    Attributes
    ----------
    crops : CropSet
    contract : Contract
        But for the diameters of the cells.
    pictures : CropSet
        The same, as large as near-duplicates can be told at: small crops of other cells look alike.
    """

    crops: CropSet
    contract: Contract
    pictures: CropSet


def prepare(wanted: Wanted, keep_twins: bool, on_remark: Remark) -> Prepared:
    """Find and decode the crops, and say what was found out about them.

    Parameters
    ----------
    wanted : Wanted
    keep_twins : bool
        Keep every byte-identical crop.
    on_remark : callable
        Given a sentence about each thing a person should know.

    Raises
    ------
    DataRefused
        If they cannot be used, or make no contract.
    """
    given = find_labelled_crops(wanted.data, wanted.labels or None, keep_twins, on_remark=on_remark)
    found, positive = _in_order(given, wanted.positive)
    of_cnmc = are_of_cnmc(found.labels)
    background = wanted.background or (cnmc.CONTRACT.background if of_cnmc else "")
    if not background:
        background = find_background(found)
        on_remark(f"background: {background}, as the borders of the crops show")
    contract = _contract(wanted, given.labels, found.labels, positive, background)
    if not of_cnmc:
        counted = [f"{name} ({count})" for name, count in found.counts().items()]
        on_remark(f"labels, with their crops: {', '.join(counted)}")
    crops = load_crops(found, wanted.side, background)
    large = wanted.side >= SMALLEST_TOLD
    pictures = crops if large else load_crops(found, SMALLEST_TOLD, background)
    return Prepared(crops, contract, pictures)


def prepare_other(test: Path, wanted: Wanted, prepared: Prepared, on_remark: Remark) -> CropSet:
    """Find and decode the crops of another set, for what is trained on the first.

    Their names begin with that of the set's folder, so that they differ from the others'.

    Raises
    ------
    DataRefused
        If they cannot be used, lack a label, or have another background.
    """
    contract = prepared.contract
    found = find_labelled_crops(test, contract.names, on_remark=on_remark)
    known = bool(wanted.background) or are_of_cnmc(contract.names)
    there = contract.background if known else find_background(found)
    if there != contract.background:
        raise DataRefused(
            f"{test} has a {there} background, and what is trained on {contract.background}; cut"
            " the crops of both out alike"
        )
    crops = load_crops(found, contract.side, contract.background)
    folder = (test.parent if test.is_file() else test).absolute().name
    names = np.array([f"{folder}/{name}" for name in crops.names])
    return dataclasses.replace(crops, names=names)


def strangers(other: CropSet, known: CropSet) -> CropSet:
    """Leave out of another set the crops of people of whom there are some in the first."""
    return other.take(~np.isin(other.subjects, np.setdiff1d(known.subjects, [""])))


def remark_on_few(training: CropSet, on_remark: Remark) -> None:
    """Say which labels have too few crops to learn them by."""
    for number, name in enumerate(training.label_names):
        count = int(np.count_nonzero(training.labels == number))
        if count < FEWEST:
            on_remark(
                f"label {name} has {count} crops to train on, fewer than {FEWEST}: it cannot be"
                " learned; give more, or leave it out with --labels"
            )


def _in_order(found: LabelledCrops, positive: str) -> tuple[LabelledCrops, str | None]:
    """Make the positive one of two labels the second; name the positive one."""
    if not positive and are_of_cnmc(found.labels):
        positive = cnmc.POSITIVE
    if positive and positive not in found.labels:
        raise DataRefused(
            f"the label not to be missed, {positive}, is none of {', '.join(found.labels)[:150]}"
        )
    if len(found.labels) == 2 and positive == found.labels[0]:
        found = found.in_order(found.labels[::-1])
    return found, positive or None


def _contract(
    wanted: Wanted,
    given: Sequence[str],
    names: Sequence[str],
    positive: str | None,
    background: str,
) -> Contract:
    if wanted.words and len(wanted.words) != len(given):
        raise DataRefused(
            f"{len(wanted.words)} words for {len(given)} labels: {', '.join(given)[:150]}; give one"
            " for each, in this order"
        )
    usual = dict(zip(cnmc.NAMES, cnmc.CONTRACT.words, strict=True)) if are_of_cnmc(names) else {}
    words = dict(zip(given, wanted.words, strict=True)) if wanted.words else usual
    try:
        labels = make_labels(names, positive, [words.get(name, name) for name in names])
        return Contract(wanted.side, labels, positive, background, um_per_pixel=wanted.um_per_pixel)
    except ValueError as error:
        raise DataRefused(f"no contract can be made of {wanted.data}: {error}") from error
