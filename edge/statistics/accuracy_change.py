"""What one network changes in the scores of another, with paired intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge.statistics.answers import Logits, likeliest_of, margins_of
from edge.statistics.bootstrap import Basis, basis, draw_people, percentile_interval
from edge.statistics.evaluation import REPLICATES
from edge.statistics.mcnemar import McNemar, mcnemar
from edge.statistics.scores import weighted_scores
from edge.statistics.several import weighted_several

SCORES = {
    "sensitivity": "recall_positive",
    "specificity": "recall_negative",
    "weighted_f1": "weighted_f1",
    "auroc": "auroc",
    "ece": "ece",
}
"""Scores compared of two labels -> their names in :class:`edge.statistics.scores.Scores`."""

SEVERAL_SCORES = ("accuracy", "balanced_accuracy", "weighted_f1", "auroc", "ece")
"""Scores compared of more labels, as in :class:`edge.statistics.several.SeveralScores`; F1 is the
mean of the labels', weighted by their cells."""

_Values = Mapping[str, npt.NDArray[np.float64]]
_Measure = Callable[[Logits, npt.NDArray[np.float64]], _Values]
"""Logits and weights, (replicates, n) -> score -> shape (replicates,)."""


@dataclass(frozen=True)
class ScoreChange:
    """One score of a network before and of one after, 0..1.

    Attributes
    ----------
    score : str
        One of :data:`SCORES`, or of :data:`SEVERAL_SCORES`.
    before, after : float
    difference : float
        `after` - `before`.
    low, high : float
        95 % interval of the difference; both are measured on the same draws of people.
    """

    score: str
    before: float
    after: float
    difference: float
    low: float
    high: float


@dataclass(frozen=True)
class AccuracyChange:
    """All scores of a network before and of one after.

    Attributes
    ----------
    scores : tuple of ScoreChange
    mcnemar : McNemar
        Cells of which only the network before (`only_first`) or after (`only_second`) finds the
        right label likeliest.
    of_labels : tuple of Basis
        What the intervals rest on, per label.
    """

    scores: tuple[ScoreChange, ...]
    mcnemar: McNemar
    of_labels: tuple[Basis, ...]

    def __post_init__(self) -> None:
        wanted = tuple(SCORES) if len(self.of_labels) == 2 else SEVERAL_SCORES
        if tuple(change.score for change in self.scores) != wanted:
            raise ValueError(f"accuracy must hold the scores {', '.join(wanted)}, in this order")

    def of(self, score: str) -> ScoreChange:
        """One of the scores by its name."""
        return next(change for change in self.scores if change.score == score)


def measure_change(
    before: Logits,
    after: Logits,
    labels: npt.NDArray[np.integer],
    subjects: npt.NDArray[np.str_],
    temperature: float,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> AccuracyChange:
    """Measure how scores change from one network to the next.

    The bootstrap is paired: in a replicate the same people are drawn for both
    networks, so that the interval is that of the difference and not wider by what
    both share (Efron and Tibshirani 1993, An Introduction to the Bootstrap,
    chapter 8: resample the units that are independent, whole).

    Parameters
    ----------
    before, after : ndarray of float, shape (n, labels)
    labels : ndarray of int, shape (n,)
        Numbers of the labels; every one must be there.
    subjects : ndarray of str, shape (n,)
    temperature : float
        Divides logits before they become probabilities.
    replicates, seed : int
        As for :func:`edge.statistics.bootstrap.draw_people`.

    Returns
    -------
    AccuracyChange
    """
    kinds = before.shape[1]
    make = _measure_two if kinds == 2 else _measure_several
    measure = make(labels, temperature, kinds)
    names = tuple(SCORES) if kinds == 2 else SEVERAL_SCORES
    once = np.ones((1, len(labels)))
    was, now = (measure(logits, once) for logits in (before, after))
    drawn: dict[str, list[npt.NDArray[np.float64]]] = {name: [] for name in names}
    for weights in draw_people(labels, subjects, replicates, seed):
        first, second = (measure(logits, weights) for logits in (before, after))
        for name in names:
            drawn[name].append(second[name] - first[name])
    return AccuracyChange(
        tuple(
            _change(name, float(was[name][0]), float(now[name][0]), np.concatenate(drawn[name]))
            for name in names
        ),
        mcnemar(likeliest_of(before) == labels, likeliest_of(after) == labels),
        tuple(basis(subjects[labels == label]) for label in range(kinds)),
    )


def _measure_two(labels: npt.NDArray[np.integer], temperature: float, kinds: int) -> _Measure:
    def measure(logits: Logits, weights: npt.NDArray[np.float64]) -> _Values:
        found = weighted_scores(margins_of(logits) / temperature, labels, weights)
        return {name: found[key] for name, key in SCORES.items()}

    return measure


def _measure_several(labels: npt.NDArray[np.integer], temperature: float, kinds: int) -> _Measure:
    shares = np.bincount(labels, minlength=kinds) / len(labels)

    def measure(logits: Logits, weights: npt.NDArray[np.float64]) -> _Values:
        found = weighted_several(np.asarray(logits) / temperature, labels, weights)
        # a draw of people weighs as much of each label as there is
        every = {**found, "weighted_f1": found["label_f1"] @ shares}
        return {name: every[name].ravel() for name in SEVERAL_SCORES}

    return measure


def _change(score: str, before: float, after: float, drawn: npt.NDArray[np.float64]) -> ScoreChange:
    """Percentile interval, widened where it does not hold what was measured."""
    difference = after - before
    return ScoreChange(score, before, after, difference, *percentile_interval(drawn, difference))
