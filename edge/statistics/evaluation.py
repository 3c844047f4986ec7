"""How good a system is on crops it was not trained on, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from edge.errors import DataRefused
from edge.statistics.bootstrap import Basis, basis, intervals
from edge.statistics.reliability import calibration_errors, probabilities

REPLICATES = 1000
"""Bootstrap replicates behind an interval."""


@dataclass(frozen=True)
class Scores:
    """Scores of one system on one test set, all 0..1; ``all`` is the positive class.

    Decisions are made at margin 0, probability 0.5. AUROC and average precision
    use the margins, which order crops even where probabilities are rounded to 1.

    Attributes
    ----------
    accuracy, balanced_accuracy : float
    weighted_f1 : float
        Mean of the two F1, weighted by the crops of the class: the C-NMC challenge's score.
    precision_hem, recall_hem, f1_hem, precision_all, recall_all, f1_all : float
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
    precision_hem: float
    recall_hem: float
    f1_hem: float
    precision_all: float
    recall_all: float
    f1_all: float
    auroc: float
    average_precision: float
    ece: float
    brier: float


SCORES = tuple(field.name for field in fields(Scores))
"""Names of all scores."""


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
    healthy, leukemic : Basis
        What numbers and intervals rest on, per class.
    """

    scores: Scores
    low: Scores
    high: Scores
    confusion: tuple[tuple[int, int], tuple[int, int]]
    healthy: Basis
    leukemic: Basis

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

    Intervals are percentile intervals, widened where they do not hold the measured
    value: a resample has fewer different crops, and what is noise counts as
    miscalibration, so that the ECE of resamples lies above that of the sample.

    Parameters
    ----------
    margins : ndarray of float, shape (n,)
        ``logit_all - logit_hem``, finite.
    labels : ndarray of int, shape (n,)
        0 ``hem``, 1 ``all``.
    subjects : ndarray of str, shape (n,)
    replicates, seed : int
        Of the bootstrap (:mod:`edge.statistics.bootstrap`).

    Raises
    ------
    DataRefused
        If a class is missing.
    """
    scores = measure_scores(margins, labels)
    low, high = intervals(margins, labels, subjects, replicates, seed)
    return Evaluation(
        scores,
        Scores(**{name: min(low[name], getattr(scores, name)) for name in SCORES}),
        Scores(**{name: max(high[name], getattr(scores, name)) for name in SCORES}),
        _confusion(margins, labels),
        basis(subjects[labels == 0]),
        basis(subjects[labels == 1]),
    )


def measure_scores(margins: npt.NDArray[np.floating], labels: npt.NDArray[np.integer]) -> Scores:
    """Measure a system without intervals; parameters and errors as for :func:`evaluate`."""
    from sklearn import metrics

    if set(labels.tolist()) != {0, 1}:
        raise DataRefused("a test set needs crops of both classes, hem (0) and all (1)")
    decided, p_leukemia = (margins >= 0).astype(int), probabilities(margins)
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        labels, decided, labels=[0, 1], zero_division=0
    )
    values = {
        "accuracy": metrics.accuracy_score(labels, decided),
        "balanced_accuracy": metrics.balanced_accuracy_score(labels, decided),
        "weighted_f1": metrics.f1_score(labels, decided, average="weighted", zero_division=0),
        "precision_hem": precision[0],
        "recall_hem": recall[0],
        "f1_hem": f1[0],
        "precision_all": precision[1],
        "recall_all": recall[1],
        "f1_all": f1[1],
        "auroc": metrics.roc_auc_score(labels, margins),
        "average_precision": metrics.average_precision_score(labels, margins),
        "ece": calibration_errors(p_leukemia, labels, np.ones((1, len(labels))))[0],
        "brier": metrics.brier_score_loss(labels, p_leukemia),
    }
    return Scores(**{name: float(value) for name, value in values.items()})


def validation_accuracy(test_accuracies: Sequence[float]) -> float | None:
    """What the paper calls validation accuracy: mean of the test accuracy over all epochs.

    Parameters
    ----------
    test_accuracies : sequence of float
        One per epoch.

    Returns
    -------
    float or None
        None for a system that has no epochs.
    """
    return float(np.mean(test_accuracies)) if len(test_accuracies) else None


def _confusion(
    margins: npt.NDArray[np.floating], labels: npt.NDArray[np.integer]
) -> tuple[tuple[int, int], tuple[int, int]]:
    from sklearn.metrics import confusion_matrix

    ((clear, alarm), (miss, hit)) = confusion_matrix(labels, margins >= 0, labels=[0, 1]).tolist()
    return (clear, alarm), (miss, hit)
