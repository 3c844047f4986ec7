"""Scores of networks that tell several labels apart, under any weighting of the cells.

For two labels there is :mod:`edge.statistics.scores`. These, too, are scikit-learn's, which tests
hold them against.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge.errors import DataRefused
from edge.statistics.bootstrap import Basis, basis, draw_people, percentile_interval
from edge.statistics.evaluation import REPLICATES, Estimate
from edge.statistics.reliability import calibration_errors
from edge.statistics.scores import area_under_roc, ratio

SCORES = ("accuracy", "balanced_accuracy", "auroc", "ece", "brier")
"""Names of the scores over all labels."""

SCORES_OF_LABEL = ("precision", "recall", "f1", "auroc")
"""Names of the scores of one label."""


@dataclass(frozen=True)
class LabelScores:
    """Scores of one label against all others.

    Attributes
    ----------
    cells : int
        Cells that are of it: what the numbers rest on.
    precision, recall, f1 : float
        0..1; 0 where nothing was decided so.
    auroc : float
        0..1: of a cell of the label and one of another, how often the first has the higher
        probability of it; ties count half.
    """

    cells: int
    precision: float
    recall: float
    f1: float
    auroc: float


@dataclass(frozen=True)
class SeveralScores:
    """Scores of one system on one test set; decided is the likeliest label.

    Attributes
    ----------
    accuracy : float
        0..1.
    balanced_accuracy : float
        Mean of the labels' recall, 0..1.
    auroc : float
        Mean of the labels' AUROC, 0..1 (one against the rest, macro).
    ece : float
        Expected calibration error of the likeliest label, 0..1 (:func:`likeliest_errors`).
    brier : float
        Mean over the cells of the sum over the labels of ``(is it - probability)**2``, 0..2
        (Brier 1950): for two labels twice :attr:`edge.statistics.scores.Scores.brier`.
    labels : tuple of LabelScores
        In the order of the logits.
    """

    accuracy: float
    balanced_accuracy: float
    auroc: float
    ece: float
    brier: float
    labels: tuple[LabelScores, ...]


@dataclass(frozen=True)
class SeveralEvaluation:
    """A system on a test set.

    Attributes
    ----------
    scores : SeveralScores
        As measured.
    low, high : SeveralScores
        Ends of the 95 % intervals.
    confusion : tuple of tuple of int
        ``confusion[label][decision]``, cells.
    of_labels : tuple of Basis
        What numbers and intervals rest on, per label.
    """

    scores: SeveralScores
    low: SeveralScores
    high: SeveralScores
    confusion: tuple[tuple[int, ...], ...]
    of_labels: tuple[Basis, ...]

    def estimate(self, name: str) -> Estimate:
        """One of :data:`SCORES` with its interval."""
        value, low, high = (getattr(s, name) for s in (self.scores, self.low, self.high))
        return Estimate(value, low, high)

    def estimate_of(self, label: int, name: str) -> Estimate:
        """One of :data:`SCORES_OF_LABEL` of a label, by its number, with its interval."""
        value, low, high = (
            getattr(s.labels[label], name) for s in (self.scores, self.low, self.high)
        )
        return Estimate(value, low, high)


def probabilities_of(
    logits: npt.NDArray[np.floating], temperature: float = 1.0
) -> npt.NDArray[np.float64]:
    """Softmax of ``logits / temperature``: (n, labels) -> (n, labels)."""
    powers = np.exp((logits - logits.max(axis=1, keepdims=True)) / temperature)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float64)


def measure_several(
    logits: npt.NDArray[np.floating], labels: npt.NDArray[np.integer]
) -> SeveralScores:
    """Measure a system, every cell counting once.

    Parameters
    ----------
    logits : ndarray of float, shape (n, labels)
        Finite.
    labels : ndarray of int, shape (n,)
        Numbers of the labels, from 0.

    Raises
    ------
    DataRefused
        If there is no cell of a label.
    """
    _require_every_label(labels, logits.shape[1])
    found = _weighted_scores(logits, labels, np.ones((1, len(labels))))
    return _scores({name: values[0] for name, values in found.items()}, labels)


def evaluate_several(
    logits: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    subjects: npt.NDArray[np.str_],
    replicates: int = REPLICATES,
    seed: int = 0,
) -> SeveralEvaluation:
    """Measure a system, with intervals by a bootstrap over people.

    Parameters
    ----------
    logits, labels
        As for :func:`measure_several`.
    subjects : ndarray of str, shape (n,)
    replicates, seed : int
        Of the bootstrap (:mod:`edge.statistics.bootstrap`).

    Raises
    ------
    DataRefused
        If there is no cell of a label.
    """
    kinds = logits.shape[1]
    _require_every_label(labels, kinds)
    measured = _weighted_scores(logits, labels, np.ones((1, len(labels))))
    parts = [
        _weighted_scores(logits, labels, weights)
        for weights in draw_people(labels, subjects, replicates, seed)
    ]
    low, high = {}, {}
    for name, values in measured.items():
        drawn = np.concatenate([part[name] for part in parts])
        ends = [
            percentile_interval(of_one, float(value))
            for of_one, value in zip(drawn.T, values[0], strict=True)
        ]
        low[name], high[name] = np.array(ends).T
    return SeveralEvaluation(
        _scores({name: values[0] for name, values in measured.items()}, labels),
        _scores(low, labels),
        _scores(high, labels),
        confusion_of(logits, labels),
        tuple(basis(subjects[labels == label]) for label in range(kinds)),
    )


def confusion_of(
    logits: npt.NDArray[np.floating], labels: npt.NDArray[np.integer]
) -> tuple[tuple[int, ...], ...]:
    """Count cells as ``counts[label][decision]``, the likeliest label being decided."""
    kinds = logits.shape[1]
    places = kinds * labels + logits.argmax(axis=1)
    counts = np.bincount(places, minlength=kinds**2).reshape(kinds, kinds)
    return tuple(map(tuple, counts.tolist()))


def likeliest_errors(
    p: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    weights: npt.NDArray[np.floating],
) -> npt.NDArray[np.float64]:
    """Expected calibration error of the likeliest label under several weightings of the cells.

    Equation 3 of Guo et al. 2017, On Calibration of Modern Neural Networks: in ten equal-width
    bins of the likeliest label's probability, how far that is from how often the label is right.

    Parameters
    ----------
    p : ndarray of float, shape (n, labels)
        Probabilities.
    labels : ndarray of int, shape (n,)
    weights : ndarray of float, shape (replicates, n)

    Returns
    -------
    ndarray of float64, shape (replicates,)
        0..1.
    """
    is_right = (p.argmax(axis=1) == labels).astype(np.intp)
    return calibration_errors(p.max(axis=1), is_right, weights)


def squared_errors(
    p: npt.NDArray[np.floating], labels: npt.NDArray[np.integer]
) -> npt.NDArray[np.float64]:
    """Sum over the labels of ``(is it - probability)**2``: (n, labels) -> (n,), each 0..2."""
    is_label = labels[:, None] == np.arange(p.shape[1])
    return np.asarray(((is_label - p) ** 2).sum(axis=1), np.float64)


def _require_every_label(labels: npt.NDArray[np.integer], kinds: int) -> None:
    missing = set(range(kinds)) - set(labels.tolist())
    if missing:
        raise DataRefused(
            f"a test set needs cells of all {kinds} labels; it has none of"
            f" {', '.join(map(str, sorted(missing)))}, counted from 0"
        )


def _weighted_scores(
    logits: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    weights: npt.NDArray[np.float64],
) -> dict[str, npt.NDArray[np.float64]]:
    """Work out every score under several weightings.

    Returns
    -------
    dict
        Name of :data:`SCORES` -> shape (replicates, 1); ``label_`` and a name of
        :data:`SCORES_OF_LABEL` -> shape (replicates, labels).
    """
    p = probabilities_of(logits)
    is_label = labels[:, None] == np.arange(logits.shape[1])
    is_decided = logits.argmax(axis=1)[:, None] == np.arange(logits.shape[1])
    total = weights.sum(axis=1)
    are, decided = weights @ is_label, weights @ is_decided
    right = weights @ (is_label & is_decided)
    recall = right / are
    aurocs = np.stack(
        [
            area_under_roc(odds, is_one, weights)
            for odds, is_one in zip(_log_odds(logits).T, is_label.T, strict=True)
        ],
        axis=1,
    )
    of_all = {
        "accuracy": right.sum(axis=1) / total,
        "balanced_accuracy": recall.mean(axis=1),
        "auroc": aurocs.mean(axis=1),
        "ece": likeliest_errors(p, labels, weights),
        "brier": weights @ squared_errors(p, labels) / total,
    }
    return {
        **{name: values[:, None] for name, values in of_all.items()},
        "label_precision": ratio(right, decided),
        "label_recall": recall,
        "label_f1": ratio(2 * right, are + decided),
        "label_auroc": aurocs,
    }


def _log_odds(logits: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Logit of every label less that of all others together, shape (n, labels).

    Orders cells as the label's probability does, and even where that is rounded to 1.
    """
    shifted = logits - logits.max(axis=1, keepdims=True)
    others = [
        np.logaddexp.reduce(np.delete(shifted, label, axis=1), axis=1)
        for label in range(logits.shape[1])
    ]
    return np.asarray(shifted - np.stack(others, axis=1), np.float64)


def _scores(
    found: dict[str, npt.NDArray[np.float64]], labels: npt.NDArray[np.integer]
) -> SeveralScores:
    """Put the scores of one weighting into words; shapes (1,) and (labels,)."""
    kinds = len(found["label_recall"])
    return SeveralScores(
        **{name: float(found[name][0]) for name in SCORES},
        labels=tuple(
            LabelScores(
                cells=int(np.sum(labels == label)),
                **{name: float(found[f"label_{name}"][label]) for name in SCORES_OF_LABEL},
            )
            for label in range(kinds)
        ),
    )
