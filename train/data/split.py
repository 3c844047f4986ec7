"""Splits into training and test part, by the paper's protocol and by leak-free ones."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from calibration.cells.crop_set import CropSet
from calibration.cells.labelled_crops import LABELS, PRELIMINARY
from edge.errors import DataRefused
from train.data.near_duplicates import NearDuplicate, one_name_each
from train.data.split_file import Split, describe_split

Mask = npt.NDArray[np.bool_]

PAPER_TEST_SHARE = 0.2
"""Of all images, drawn at random: the paper's protocol."""

_MOST_NAMED = 8


def paper_split(data: CropSet, seed: int) -> Split:
    """Split by image, 80 to 20, whoever the cells come from.

    The protocol of the paper: the same person stands on both sides, so what is
    measured on the test part flatters. Kept to reproduce it, never to judge by.

    Parameters
    ----------
    data : CropSet
        With its byte-identical crops, which the paper kept.
    seed : int

    Returns
    -------
    Split
    """
    test = np.zeros(len(data), bool)
    order = np.random.default_rng(seed).permutation(len(data))
    test[order[: round(PAPER_TEST_SHARE * len(data))]] = True
    return describe_split(data, test, "paper", f"paper-seed-{seed}", seed)


def subject_splits(
    data: CropSet, folds: int, seed: int, like: Sequence[NearDuplicate] = ()
) -> list[Split]:
    """Cut the subjects into folds; every fold is the test part once.

    Crops whose person is unknown are left out.

    Parameters
    ----------
    data : CropSet
    folds : int
        At least 2, and no more than either class has subjects.
    seed : int
    like : sequence of NearDuplicate
        People who share some go into the same fold.

    Returns
    -------
    list of Split

    Raises
    ------
    DataRefused
        If there are too few subjects for that many folds.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    _need_people(data)
    known = np.flatnonzero(data.subjects != "")
    people, labels = one_name_each(data, like)[known], data.labels[known]
    fewest = min(len(set(people[labels == number])) for number in range(len(LABELS)))
    if not 2 <= folds <= fewest:
        raise DataRefused(
            f"{folds} folds cannot each hold subjects of both classes: one has {fewest};"
            f" give 2 to {fewest}, or hold single people out with --hold-out"
        )
    cut = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    splits = []
    for number, (_, chosen) in enumerate(cut.split(known, labels, people)):
        test = np.zeros(len(data), bool)
        test[known[chosen]] = True
        _need_both_classes(data, test)
        name = f"subject-{number + 1}-of-{folds}-seed-{seed}"
        splits.append(describe_split(data, test, "subject", name, seed))
    return splits


def official_split(data: CropSet) -> Split:
    """Train on C-NMC's folds, test on its preliminary set.

    Crops whose person is unknown are left out.

    Raises
    ------
    DataRefused
        If one of them is missing.
    """
    test = data.parts == PRELIMINARY
    if not test.any() or not np.any(~test):
        there = "training folds" if not test.any() else "preliminary set"
        raise DataRefused(
            f"only C-NMC's {there} is there; give the folder above both, or another protocol"
        )
    return describe_split(data, test, "official", "official", None)


def holdout_split(data: CropSet, subjects: Sequence[str]) -> Split:
    """Test on all crops of the given subjects, train on those of everybody else.

    Crops whose person is unknown are left out.

    Raises
    ------
    DataRefused
        If a subject is unknown or a class is missing on either side.
    """
    _need_people(data)
    unknown = sorted(set(subjects) - (set(data.subjects) - {""}))
    if unknown:
        raise DataRefused(
            f"no crop of subject {', '.join(unknown)};"
            f" there are {', '.join(sorted(set(data.subjects) - {''}))}"
        )
    test = np.isin(data.subjects, list(subjects))
    _need_both_classes(data, test)
    return describe_split(data, test, "holdout", f"holdout-{_short(sorted(subjects))}", None)


def _short(subjects: Sequence[str]) -> str:
    """Name subjects in a way that fits into a file name."""
    if len(subjects) <= _MOST_NAMED:
        return "-".join(subjects)
    sha256 = hashlib.sha256("\n".join(subjects).encode()).hexdigest()
    return f"{len(subjects)}-subjects-{sha256[:8]}"


def validation_part(training: CropSet, share: float, by_subject: bool, seed: int) -> Mask:
    """Choose the part of the training crops that early stopping looks at.

    Parameters
    ----------
    training : CropSet
        The training part of a split; the test part has no say.
    share : float
        Of the crops, 0..1; none at 0.
    by_subject : bool
        Whole subjects, so that the choice of the epoch does not lean on people the
        network was trained on.
    seed : int

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    if by_subject and share > 0:
        return np.isin(training.subjects, choose_subjects(training, seed, share))
    random = np.random.default_rng([seed, 1])
    chosen = np.zeros(len(training), bool)
    chosen[random.permutation(len(training))[: round(share * len(training))]] = True
    return chosen


def choose_subjects(
    data: CropSet, seed: int, share: float = 0.25, like: Sequence[NearDuplicate] = ()
) -> list[str]:
    """Choose subjects that hold about `share` of the crops of each class.

    Subjects are shuffled, then taken while they bring their class closer to the
    share; at least one of each class is taken and one left.

    Parameters
    ----------
    data : CropSet
    seed : int
    share : float
        Of the crops of each class, 0..1.
    like : sequence of NearDuplicate
        People who share some are chosen together.

    Returns
    -------
    list of str
        Sorted; never the crops whose person is unknown.
    """
    _need_people(data)
    people = one_name_each(data, like)
    random = np.random.default_rng(seed)
    chosen: list[str] = []
    for number in range(len(LABELS)):
        of_class = people[(data.labels == number) & (people != "")]
        names, counts = np.unique(of_class, return_counts=True)
        order = random.permutation(len(names))
        taken, target = 0, share * len(of_class)
        picked: list[str] = []
        for i in order:
            if abs(taken + counts[i] - target) < abs(taken - target):
                picked.append(str(names[i]))
                taken += counts[i]
        chosen += picked or [str(names[np.argmin(counts)])]
    return sorted(set(data.subjects[np.isin(people, chosen)].tolist()))


def _need_people(data: CropSet) -> None:
    """Refuse to split by people where nothing says who they are.

    Raises
    ------
    DataRefused
    """
    for number, label in enumerate(LABELS):
        if not np.any(data.subjects[data.labels == number] != ""):
            raise DataRefused(
                f"nothing says whose cells the {label} crops are, so no person can be held out;"
                " name them UID_<subject>_<image>_<cell>_<label> or put them in"
                f" {label}/<person>/ (--protocol paper splits by image, and leaks)"
            )


def _need_both_classes(data: CropSet, test: Mask) -> None:
    known = data.subjects != ""
    for side, name in ((test & known, "test"), (~test & known, "training")):
        for number, label in enumerate(LABELS):
            if not np.any(data.labels[side] == number):
                raise DataRefused(f"the {name} part has no {label} crop; hold other subjects out")
