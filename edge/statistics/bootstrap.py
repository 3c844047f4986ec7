"""Intervals by a bootstrap that resamples people, not cells.

Crops of one person resemble each other, so that n crops say less than n
independent ones: whole subjects are drawn with replacement, within each class
(Davison and Hinkley 1997, Bootstrap Methods and their Application, section 3.8).
How many crops of each class a test set has is its maker's choice and no finding:
what is drawn of a class is weighted to add up to as many crops as the class has.
Otherwise precision, accuracy and Brier score would vary with the class balance
rather than with the people where a few people have most crops.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge.statistics.reliability import calibration_errors, probabilities

_AT_ONCE = 200  # replicates: bounds memory at 200 weights per crop


@dataclass(frozen=True)
class Basis:
    """What the numbers of one class rest on.

    Attributes
    ----------
    crops, subjects : int
    resampled : str
        ``subjects``; ``crops of one subject`` where there is one only, so that the
        interval says nothing about other people; ``crops`` where every crop
        counts as a subject of its own because the files do not say whose it is.
    """

    crops: int
    subjects: int
    resampled: str


def basis(subjects: npt.NDArray[np.str_]) -> Basis:
    """Describe the crops of one class by their subjects, shape (n,)."""
    crops, people = len(subjects), len(set(subjects.tolist()))
    if people == 1:
        return Basis(crops, people, "crops of one subject")
    return Basis(crops, people, "crops" if people == crops else "subjects")


def intervals(
    margins: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    subjects: npt.NDArray[np.str_],
    replicates: int,
    seed: int,
) -> tuple[dict[str, float], dict[str, float]]:
    """Find 95 % percentile intervals of every score.

    Parameters
    ----------
    margins : ndarray of float, shape (n,)
        ``logit_all - logit_hem``.
    labels : ndarray of int, shape (n,)
        0 ``hem``, 1 ``all``; both must be there.
    subjects : ndarray of str, shape (n,)
    replicates, seed : int
        The same seed draws the same people for every system on a test set.

    Returns
    -------
    low, high : dict
        Name of the score -> 2.5th and 97.5th percentile.
    """
    parts = [
        weighted_scores(margins, labels, weights)
        for weights in draw(labels, subjects, replicates, seed)
    ]
    drawn = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return (
        {name: float(np.percentile(values, 2.5)) for name, values in drawn.items()},
        {name: float(np.percentile(values, 97.5)) for name, values in drawn.items()},
    )


def draw(
    labels: npt.NDArray[np.integer],
    subjects: npt.NDArray[np.str_],
    replicates: int,
    seed: int,
) -> Iterator[npt.NDArray[np.float64]]:
    """Draw subjects with replacement, within each class as many as it has.

    Parameters as for :func:`intervals`.

    Yields
    ------
    ndarray of float64, shape (at most 200, n)
        How much each crop counts in each replicate: how often it is drawn, scaled
        so that each class adds up to its number of crops.
    """
    random = np.random.default_rng(seed)
    units = [_units(subjects[labels == label]) for label in (0, 1)]
    for start in range(0, replicates, _AT_ONCE):
        size = min(_AT_ONCE, replicates - start)
        weights = np.empty((size, len(labels)))
        for label, unit in enumerate(units):
            n = int(unit.max()) + 1
            times = random.multinomial(n, np.full(n, 1 / n), size=size)
            drawn = times[:, unit].astype(np.float64)
            drawn *= drawn.shape[1] / drawn.sum(axis=1, keepdims=True)
            weights[:, labels == label] = drawn
        yield weights


def _units(subjects: npt.NDArray[np.str_]) -> npt.NDArray[np.intp]:
    """Number of the unit that each crop is drawn with."""
    unit = np.unique(subjects, return_inverse=True)[1].reshape(-1)
    return np.arange(len(subjects)) if unit.max() == 0 else unit


def weighted_scores(
    margins: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    weights: npt.NDArray[np.float64],
) -> dict[str, npt.NDArray[np.float64]]:
    """Work out every score of :class:`edge.statistics.evaluation.Scores` under several weightings.

    Parameters
    ----------
    margins : ndarray of float, shape (n,)
    labels : ndarray of int, shape (n,)
    weights : ndarray of float, shape (replicates, n)
        Of both classes something must be left in every row.

    Returns
    -------
    dict
        Name of the score -> ndarray of float64, shape (replicates,).
    """
    p_leukemia = probabilities(margins)
    positives, negatives = _at_each_margin(margins, labels, weights)
    return {
        **_of_decisions(margins >= 0, labels == 1, weights),
        "auroc": _auroc(positives, negatives),
        "average_precision": _average_precision(positives, negatives),
        "ece": calibration_errors(p_leukemia, labels, weights),
        "brier": weights @ (labels - p_leukemia) ** 2 / weights.sum(axis=1),
    }


def _of_decisions(
    decided: npt.NDArray[np.bool_],
    leukemic: npt.NDArray[np.bool_],
    weights: npt.NDArray[np.float64],
) -> dict[str, npt.NDArray[np.float64]]:
    """Scores that follow from the confusion matrix."""
    hit, miss = weights @ (leukemic & decided), weights @ (leukemic & ~decided)
    alarm, clear = weights @ (~leukemic & decided), weights @ (~leukemic & ~decided)
    total = weights.sum(axis=1)
    f1_hem = _ratio(2 * clear, 2 * clear + alarm + miss)
    f1_all = _ratio(2 * hit, 2 * hit + alarm + miss)
    recall_hem, recall_all = clear / (clear + alarm), hit / (hit + miss)
    return {
        "accuracy": (hit + clear) / total,
        "balanced_accuracy": (recall_hem + recall_all) / 2,
        "weighted_f1": (f1_hem * (clear + alarm) + f1_all * (hit + miss)) / total,
        "precision_hem": _ratio(clear, clear + miss),
        "recall_hem": recall_hem,
        "f1_hem": f1_hem,
        "precision_all": _ratio(hit, hit + alarm),
        "recall_all": recall_all,
        "f1_all": f1_all,
    }


def _at_each_margin(
    margins: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    weights: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Weight of ``all`` and of ``hem`` crops at each distinct margin, ascending."""
    order = np.argsort(margins, kind="stable")
    starts = np.flatnonzero(np.diff(margins[order], prepend=-np.inf))
    of_all, ordered = labels[order] == 1, weights[:, order]
    return (
        np.add.reduceat(ordered * of_all, starts, axis=1),
        np.add.reduceat(ordered * ~of_all, starts, axis=1),
    )


def _auroc(
    positives: npt.NDArray[np.float64], negatives: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Share of (all, hem) pairs in the right order, ties half (Hanley and McNeil 1982)."""
    below = np.cumsum(negatives, axis=1) - negatives / 2
    pairs = positives.sum(axis=1) * negatives.sum(axis=1)
    return np.asarray((positives * below).sum(axis=1) / pairs)


def _average_precision(
    positives: npt.NDArray[np.float64], negatives: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Sum over the thresholds of precision times gain in recall, as scikit-learn defines it."""
    found = np.cumsum(positives[:, ::-1], axis=1)
    called = found + np.cumsum(negatives[:, ::-1], axis=1)
    gains = positives[:, ::-1] / positives.sum(axis=1, keepdims=True)
    return np.asarray((gains * _ratio(found, called)).sum(axis=1))


def _ratio(
    part: npt.NDArray[np.float64], whole: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Ratio, 0 where there is nothing: scikit-learn's ``zero_division=0``."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
