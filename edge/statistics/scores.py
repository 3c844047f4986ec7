"""Scores of decisions and probabilities, under any weighting of the crops.

Every score of the project is worked out here, once: plain ones with all weights 1, intervals
with the weights of a bootstrap. They are those of scikit-learn, which tests hold them against.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from edge.errors import DataRefused
from edge.statistics.reliability import calibration_errors, probabilities


@dataclass(frozen=True)
class Scores:
    """Scores of one system on one test set, all 0..1, of two labels: negative and positive.

    Decisions are made at margin 0, probability 0.5. AUROC and average precision
    use the margins, which order crops even where probabilities are rounded to 1.

    Attributes
    ----------
    accuracy, balanced_accuracy : float
    weighted_f1 : float
        Mean of the two F1, weighted by the crops of the class: the C-NMC challenge's score.
    precision_negative, recall_negative, f1_negative : float
    precision_positive, recall_positive, f1_positive : float
        0 where nothing was decided so.
    auroc, average_precision : float
    ece : float
        :func:`edge.statistics.reliability.calibration_errors`.
    brier : float
        Mean of ``(label - probability)**2`` (Brier 1950, for one class).
    """

    accuracy: float
    balanced_accuracy: float
    weighted_f1: float
    precision_negative: float
    recall_negative: float
    f1_negative: float
    precision_positive: float
    recall_positive: float
    f1_positive: float
    auroc: float
    average_precision: float
    ece: float
    brier: float


SCORES = tuple(field.name for field in fields(Scores))
"""Names of all scores."""


def measure_scores(margins: npt.NDArray[np.floating], labels: npt.NDArray[np.integer]) -> Scores:
    """Measure a system, every crop counting once.

    Parameters
    ----------
    margins : ndarray of float, shape (n,)
        Logit of the positive label less that of the negative one, finite.
    labels : ndarray of int, shape (n,)
        0 negative, 1 positive.

    Raises
    ------
    DataRefused
        If a class is missing.
    """
    if set(labels.tolist()) != {0, 1}:
        raise DataRefused("a test set needs crops of both classes, 0 and 1")
    found = weighted_scores(margins, labels, np.ones((1, len(labels))))
    return Scores(**{name: float(values[0]) for name, values in found.items()})


def count_decisions(
    margins: npt.NDArray[np.floating], labels: npt.NDArray[np.integer]
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Count crops as ``counts[label][decision]``, decided at margin 0: the confusion matrix."""
    counts = np.bincount(2 * labels + (margins >= 0), minlength=4).reshape(2, 2)
    (clear, alarm), (miss, hit) = counts.tolist()
    return (clear, alarm), (miss, hit)


def roc_curve(
    margins: npt.NDArray[np.floating], labels: npt.NDArray[np.integer]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Share of negative and of positive crops called positive, at every threshold that differs.

    Parameters
    ----------
    margins : ndarray of float, shape (n,)
    labels : ndarray of int, shape (n,)
        Both classes must be there.

    Returns
    -------
    false_alarms, found : ndarray of float64, shape (distinct margins + 1,)
        From (0, 0) to (1, 1).
    """
    positives, negatives = _at_each_margin(margins, labels, np.ones((1, len(labels))))
    curves = (np.cumsum(each[0, ::-1]) for each in (negatives, positives))
    false_alarms, found = (np.r_[0.0, curve / curve[-1]] for curve in curves)
    return false_alarms, found


def weighted_scores(
    margins: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    weights: npt.NDArray[np.float64],
) -> dict[str, npt.NDArray[np.float64]]:
    """Work out every score of :class:`Scores` under several weightings.

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
    p_positive = probabilities(margins)
    positives, negatives = _at_each_margin(margins, labels, weights)
    return {
        **_of_decisions(margins >= 0, labels == 1, weights),
        "auroc": _auroc(positives, negatives),
        "average_precision": _average_precision(positives, negatives),
        "ece": calibration_errors(p_positive, labels, weights),
        "brier": weights @ (labels - p_positive) ** 2 / weights.sum(axis=1),
    }


def area_under_roc(
    values: npt.NDArray[np.floating],
    is_positive: npt.NDArray[np.bool_],
    weights: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Share of pairs that a value puts in order, under several weightings; ties count half.

    Parameters
    ----------
    values : ndarray of float, shape (n,)
        Higher where a cell is more likely positive.
    is_positive : ndarray of bool, shape (n,)
    weights : ndarray of float, shape (replicates, n)

    Returns
    -------
    ndarray of float64, shape (replicates,)
    """
    return _auroc(*_at_each_margin(values, is_positive.astype(np.intp), weights))


def _of_decisions(
    decided: npt.NDArray[np.bool_],
    is_positive: npt.NDArray[np.bool_],
    weights: npt.NDArray[np.float64],
) -> dict[str, npt.NDArray[np.float64]]:
    """Scores that follow from the confusion matrix."""
    hit, miss = weights @ (is_positive & decided), weights @ (is_positive & ~decided)
    alarm, clear = weights @ (~is_positive & decided), weights @ (~is_positive & ~decided)
    total = weights.sum(axis=1)
    f1_negative = ratio(2 * clear, 2 * clear + alarm + miss)
    f1_positive = ratio(2 * hit, 2 * hit + alarm + miss)
    recall_negative, recall_positive = clear / (clear + alarm), hit / (hit + miss)
    return {
        "accuracy": (hit + clear) / total,
        "balanced_accuracy": (recall_negative + recall_positive) / 2,
        "weighted_f1": (f1_negative * (clear + alarm) + f1_positive * (hit + miss)) / total,
        "precision_negative": ratio(clear, clear + miss),
        "recall_negative": recall_negative,
        "f1_negative": f1_negative,
        "precision_positive": ratio(hit, hit + alarm),
        "recall_positive": recall_positive,
        "f1_positive": f1_positive,
    }


def _at_each_margin(
    margins: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    weights: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Weight of positive and of negative crops at each distinct margin, ascending."""
    order = np.argsort(margins, kind="stable")
    starts = np.flatnonzero(np.diff(margins[order], prepend=-np.inf))
    are_positive, ordered = labels[order] == 1, weights[:, order]
    return (
        np.add.reduceat(ordered * are_positive, starts, axis=1),
        np.add.reduceat(ordered * ~are_positive, starts, axis=1),
    )


def _auroc(
    positives: npt.NDArray[np.float64], negatives: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Share of (positive, negative) pairs in order, ties half (Hanley and McNeil 1982)."""
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
    return np.asarray((gains * ratio(found, called)).sum(axis=1))


def ratio(part: npt.NDArray[np.float64], whole: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Divide, element by element; 0 where there is nothing: scikit-learn's ``zero_division=0``."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
