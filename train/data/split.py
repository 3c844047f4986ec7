"""Splits into training and test part, by the paper's protocol and by leak-free ones."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from calibration.cells.crop_set import CropSet, join
from calibration.cells.labelled_crops import PRELIMINARY
from calibration.cells.readings import are_of_cnmc
from edge.errors import DataRefused
from train.data.near_duplicates import NearDuplicate, one_name_each
from train.data.split_file import OTHER, PAPER, Split, describe_split

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
    return describe_split(data, test, PAPER, f"paper-seed-{seed}", seed)


def subject_splits(
    data: CropSet, folds: int, seed: int, like: Sequence[NearDuplicate] = ()
) -> list[Split]:
    """Cut the subjects into folds; every fold is the test part once.

    Crops whose person is unknown are left out.

    Parameters
    ----------
    data : CropSet
    folds : int
        At least 2, and no more than any label has subjects.
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
    kinds = range(len(data.label_names))
    fewest = min(len(set(people[labels == number])) for number in kinds)
    if not 2 <= folds <= fewest:
        raise DataRefused(
            f"{folds} folds cannot each hold subjects of every label: one has {fewest};"
            f" give 2 to {fewest}, or hold single people out with --hold-out"
        )
    cut = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    splits = []
    for number, (_, chosen) in enumerate(cut.split(known, labels, people)):
        test = np.zeros(len(data), bool)
        test[known[chosen]] = True
        _need_every_label(data, test)
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


def other_split(data: CropSet, test: CropSet) -> tuple[CropSet, Split]:
    """Train on all of a set, test on all of another: of another laboratory, or another time.

    Nobody need know whose cells they are; where it is known, nobody may be in both.

    Parameters
    ----------
    data, test : CropSet
        With the same labels; names of the second begin otherwise than those of the first.

    Returns
    -------
    CropSet
        Both together.
    Split

    Raises
    ------
    DataRefused
        If a crop of the one is called like one of the other.
    """
    both = join(data, test)
    if twice := set(data.names.tolist()) & set(test.names.tolist()):
        raise DataRefused(
            f"{min(twice)} is in the data and in the test set; give a test set of its own"
        )
    chosen = np.arange(len(both)) >= len(data)
    name = f"other-{test.sha256[:8]}"
    return both, describe_split(both, chosen, OTHER, name, None)


def holdout_split(data: CropSet, subjects: Sequence[str]) -> Split:
    """Test on all crops of the given subjects, train on those of everybody else.

    Crops whose person is unknown are left out.

    Raises
    ------
    DataRefused
        If a subject is unknown or a label is missing on either side.
    """
    _need_people(data)
    unknown = sorted(set(subjects) - (set(data.subjects) - {""}))
    if unknown:
        raise DataRefused(
            f"no crop of subject {', '.join(unknown)};"
            f" there are {', '.join(sorted(set(data.subjects) - {''}))}"
        )
    test = np.isin(data.subjects, list(subjects))
    _need_every_label(data, test)
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
    """Choose subjects that hold about `share` of the crops of each label.

    Subjects are shuffled, then taken while they bring their label closer to the share, with the
    crops of those that were taken for another label; at least one of each label is taken and
    one left.

    Parameters
    ----------
    data : CropSet
    seed : int
    share : float
        Of the crops of each label, 0..1.
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
    for number in range(len(data.label_names)):
        of_label = people[(data.labels == number) & (people != "")]
        names, counts = np.unique(of_label, return_counts=True)
        order = random.permutation(len(names))
        taken, target = int(counts[np.isin(names, chosen)].sum()), share * len(of_label)
        picked: list[str] = []
        for i in order:
            if names[i] in chosen:
                continue
            if abs(taken + counts[i] - target) < abs(taken - target):
                picked.append(str(names[i]))
                taken += counts[i]
        chosen += picked if taken else [str(names[np.argmin(counts)])]
    return sorted(set(data.subjects[np.isin(people, chosen)].tolist()))


def need_every_label(labels: npt.NDArray[np.int32], names: Sequence[str], called: str) -> None:
    """Refuse a part of the data that lacks a label.

    Parameters
    ----------
    labels : ndarray of int32, shape (n,)
    names : sequence of str
        Of all labels, in class order.
    called : str
        ``training`` or ``test``.

    Raises
    ------
    DataRefused
    """
    for number, name in enumerate(names):
        if not np.any(labels == number):
            raise DataRefused(
                f"the {called} part has no {name} crop; split otherwise (--hold-out, --split-seed),"
                " or leave the label out with --labels"
            )


def _need_people(data: CropSet) -> None:
    """Refuse to split by people where nothing says who they are.

    Raises
    ------
    DataRefused
    """
    named = (
        "name them UID_<subject>_<image>_<cell>_<label>, " if are_of_cnmc(data.label_names) else ""
    )
    for number, label in enumerate(data.label_names):
        if not np.any(data.subjects[data.labels == number] != ""):
            raise DataRefused(
                f"nothing says whose cells the {label} crops are, so no person can be held out;"
                f" {named}put them in {label}/<person>/ or give a column subject (--test takes"
                " another set; --protocol paper splits by image, and leaks)"
            )


def _need_every_label(data: CropSet, test: Mask) -> None:
    known = data.subjects != ""
    for side, called in ((test & known, "test"), (~test & known, "training")):
        need_every_label(data.labels[side], data.label_names, called)
