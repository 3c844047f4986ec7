"""Hold subjects out: no person stands on both sides of a split."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from calibration.crop_set import CropSet
from calibration.labelled_crops import LABELS
from edge.errors import DataRefused


def held_out(data: CropSet, subjects: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Mark the crops of the subjects held out.

    Parameters
    ----------
    data : CropSet
    subjects : sequence of str

    Returns
    -------
    ndarray of bool, shape (n,)

    Raises
    ------
    DataRefused
        If a subject is unknown or a class is missing on either side.
    """
    unknown = sorted(set(subjects) - set(data.subjects))
    if unknown:
        raise DataRefused(
            f"no crop of subject {', '.join(unknown)};"
            f" there are {', '.join(sorted(set(data.subjects)))}"
        )
    mask = np.isin(data.subjects, list(subjects))
    for side, name in ((mask, "held-out"), (~mask, "training")):
        for number, label in enumerate(LABELS):
            if not np.any(data.labels[side] == number):
                raise DataRefused(f"the {name} part has no {label} crop; hold other subjects out")
    return mask


def choose_held_out(data: CropSet, seed: int, share: float = 0.25) -> list[str]:
    """Choose subjects to hold out: of each class about `share` of the crops.

    Subjects are shuffled, then taken while they bring their class closer to the
    share; at least one of each class is taken and one left.

    Parameters
    ----------
    data : CropSet
    seed : int
    share : float
        Of the crops of each class, 0..1.

    Returns
    -------
    list of str
        Sorted.
    """
    random = np.random.default_rng(seed)
    chosen: list[str] = []
    for number in range(len(LABELS)):
        of_class = data.subjects[data.labels == number]
        names, counts = np.unique(of_class, return_counts=True)
        order = random.permutation(len(names))
        taken, target = 0, share * len(of_class)
        picked: list[str] = []
        for i in order:
            if abs(taken + counts[i] - target) < abs(taken - target):
                picked.append(str(names[i]))
                taken += counts[i]
        if not picked:
            picked = [str(names[np.argmin(counts)])]
        chosen += picked
    return sorted(set(chosen))
