"""How good a system is on crops it was not trained on, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge.statistics.bootstrap import Basis, basis, draw_people, percentile_interval
from edge.statistics.scores import (
    SCORES,
    Scores,
    count_decisions,
    measure_scores,
    weighted_scores,
)

REPLICATES = 1000
"""Bootstrap replicates behind an interval."""


@dataclass(frozen=True)
class Estimate:
    """A score with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Evaluation:
    """A system on a test set.

    Attributes
    ----------
    scores : Scores
        As measured.
    low, high : Scores
        Ends of the 95 % intervals.
    confusion : tuple of tuple of int
        ``confusion[label][decision]``, crops.
    negative, positive : Basis
        What numbers and intervals rest on, per class.
    """

    scores: Scores
    low: Scores
    high: Scores
    confusion: tuple[tuple[int, int], tuple[int, int]]
    negative: Basis
    positive: Basis

    def estimate(self, name: str) -> Estimate:
        """One of :data:`SCORES` with its interval."""
        value, low, high = (getattr(s, name) for s in (self.scores, self.low, self.high))
        return Estimate(value, low, high)


def evaluate(
    margins: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    subjects: npt.NDArray[np.str_],
    replicates: int = REPLICATES,
    seed: int = 0,
) -> Evaluation:
    """Measure a system, with intervals by a bootstrap over subjects.

    Parameters
    ----------
    margins : ndarray of float, shape (n,)
        Logit of the positive label less that of the negative one, finite.
    labels : ndarray of int, shape (n,)
        0 negative, 1 positive.
    subjects : ndarray of str, shape (n,)
    replicates, seed : int
        Of the bootstrap (:mod:`edge.statistics.bootstrap`).

    Raises
    ------
    DataRefused
        If a class is missing.
    """
    scores = measure_scores(margins, labels)
    parts = [
        weighted_scores(margins, labels, weights)
        for weights in draw_people(labels, subjects, replicates, seed)
    ]
    ends = {
        name: percentile_interval(
            np.concatenate([part[name] for part in parts]), getattr(scores, name)
        )
        for name in SCORES
    }
    return Evaluation(
        scores,
        Scores(**{name: low for name, (low, _) in ends.items()}),
        Scores(**{name: high for name, (_, high) in ends.items()}),
        count_decisions(margins, labels),
        basis(subjects[labels == 0]),
        basis(subjects[labels == 1]),
    )
