"""Choose the representative set: the cells int8 ranges are calibrated on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from calibration.labelled_crops import LabelledCrop
from edge.errors import DataRefused

FEWEST = 100
"""Fewer cells do not show the ranges of a network's tensors."""


def select_stratified(crops: Sequence[LabelledCrop], n: int, seed: int = 0) -> list[LabelledCrop]:
    """Choose cells in turn from every class and every subject in it.

    Both classes get the same share, and within a class every subject that has
    cells left, so that neither one person's stain nor one class sets the ranges.

    Parameters
    ----------
    crops : sequence of LabelledCrop
    n : int
        How many; at least :data:`FEWEST`.
    seed : int
        Of the order within a subject.

    Returns
    -------
    list of LabelledCrop
        `n` cells, or all if there are fewer.

    Raises
    ------
    DataRefused
        If there are fewer than :data:`FEWEST` cells or one class only.
    """
    if min(n, len(crops)) < FEWEST:
        raise DataRefused(
            f"a representative set needs at least {FEWEST} cells, got {min(n, len(crops))}"
        )
    strata: dict[int, dict[str, list[LabelledCrop]]] = defaultdict(lambda: defaultdict(list))
    for crop in sorted(crops, key=lambda crop: crop.sha256):
        strata[crop.label][crop.subject].append(crop)
    if len(strata) < 2:
        raise DataRefused("a representative set needs cells of both classes, hem and all")
    random = np.random.default_rng(seed)
    queues = [_in_turn(subjects, random) for _, subjects in sorted(strata.items())]
    return _alternate(queues)[:n]


def _in_turn(
    subjects: dict[str, list[LabelledCrop]], random: np.random.Generator
) -> list[LabelledCrop]:
    """Put the crops of a class in an order that takes every subject in turn."""
    shuffled = [
        [crops[i] for i in random.permutation(len(crops))] for _, crops in sorted(subjects.items())
    ]
    return _alternate(shuffled)


def _alternate(queues: Sequence[Sequence[LabelledCrop]]) -> list[LabelledCrop]:
    """Take the first of every queue, then the second, while there are any."""
    longest = max(map(len, queues))
    return [queue[i] for i in range(longest) for queue in queues if i < len(queue)]
