"""What a stage of the conversion changes in the scores, with paired intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge.statistics.bootstrap import Basis, basis, draw_people, percentile_interval
from edge.statistics.evaluation import REPLICATES
from edge.statistics.mcnemar import McNemar, mcnemar
from edge.statistics.scores import weighted_scores

Margins = npt.NDArray[np.floating]
"""``logit_all - logit_hem`` divided by the temperature, shape (n,)."""

SCORES = {
    "sensitivity": "recall_positive",
    "specificity": "recall_negative",
    "weighted_f1": "weighted_f1",
    "auroc": "auroc",
    "ece": "ece",
}
"""Scores compared -> their names in :class:`edge.statistics.scores.Scores`."""


@dataclass(frozen=True)
class ScoreChange:
    """One score before and after a stage, 0..1.

    Attributes
    ----------
    score : str
        One of :data:`SCORES`.
    before, after : float
    difference : float
        `after` - `before`.
    low, high : float
        95 % interval of the difference; both stages are measured on the same draws of people.
    """

    score: str
    before: float
    after: float
    difference: float
    low: float
    high: float


@dataclass(frozen=True)
class AccuracyChange:
    """All scores before and after a stage.

    Attributes
    ----------
    scores : tuple of ScoreChange
    mcnemar : McNemar
        Cells that only the stage before (`only_first`) or after (`only_second`)
        decides correctly at probability 0.5.
    healthy, leukemic : Basis
        What the intervals rest on, per class.
    """

    scores: tuple[ScoreChange, ...]
    mcnemar: McNemar
    healthy: Basis
    leukemic: Basis

    def __post_init__(self) -> None:
        if tuple(change.score for change in self.scores) != tuple(SCORES):
            raise ValueError(f"accuracy must hold the scores {', '.join(SCORES)}, in this order")

    def of(self, score: str) -> ScoreChange:
        """One of :data:`SCORES`."""
        return next(change for change in self.scores if change.score == score)


def measure_change(
    before: Margins,
    after: Margins,
    labels: npt.NDArray[np.integer],
    subjects: npt.NDArray[np.str_],
    replicates: int = REPLICATES,
    seed: int = 0,
) -> AccuracyChange:
    """Measure how scores change from one stage to the next.

    The bootstrap is paired: in a replicate the same people are drawn for both
    stages, so that the interval is that of the difference and not wider by what
    both share (Efron and Tibshirani 1993, An Introduction to the Bootstrap,
    chapter 8: resample the units that are independent, whole).

    Parameters
    ----------
    before, after : ndarray of float, shape (n,)
    labels : ndarray of int, shape (n,)
        0 ``hem``, 1 ``all``; both must be there.
    subjects : ndarray of str, shape (n,)
    replicates, seed : int
        As for :func:`edge.statistics.bootstrap.draw_people`.

    Returns
    -------
    AccuracyChange
    """
    once = np.ones((1, len(labels)))
    was, now = (weighted_scores(margins, labels, once) for margins in (before, after))
    drawn: dict[str, list[npt.NDArray[np.float64]]] = {name: [] for name in SCORES}
    for weights in draw_people(labels, subjects, replicates, seed):
        first, second = (weighted_scores(margins, labels, weights) for margins in (before, after))
        for name, key in SCORES.items():
            drawn[name].append(second[key] - first[key])
    return AccuracyChange(
        tuple(
            _change(name, float(was[key][0]), float(now[key][0]), np.concatenate(drawn[name]))
            for name, key in SCORES.items()
        ),
        mcnemar((before >= 0) == (labels == 1), (after >= 0) == (labels == 1)),
        basis(subjects[labels == 0]),
        basis(subjects[labels == 1]),
    )


def _change(score: str, before: float, after: float, drawn: npt.NDArray[np.float64]) -> ScoreChange:
    """Percentile interval, widened where it does not hold what was measured."""
    difference = after - before
    return ScoreChange(score, before, after, difference, *percentile_interval(drawn, difference))
