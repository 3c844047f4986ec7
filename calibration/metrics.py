"""How good a model is on crops it never saw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Metrics:
    """Accuracy of probabilities against labels; ``all`` is the positive class.

    Attributes
    ----------
    crops, healthy_subjects, leukemia_subjects : int
        What the numbers rest on.
    accuracy, balanced_accuracy, sensitivity, specificity, weighted_f1, auroc : float
        0..1, decided at probability 0.5.
    """

    crops: int
    healthy_subjects: int
    leukemia_subjects: int
    accuracy: float
    balanced_accuracy: float
    sensitivity: float
    specificity: float
    weighted_f1: float
    auroc: float


def measure(
    p_leukemia: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    subjects: npt.NDArray[np.str_],
) -> Metrics:
    """Measure probabilities against labels.

    Parameters
    ----------
    p_leukemia : ndarray of float, shape (n,)
    labels : ndarray of int, shape (n,)
        Both classes must be there.
    subjects : ndarray of str, shape (n,)

    Returns
    -------
    Metrics
    """
    decided, actual = p_leukemia >= 0.5, labels == 1
    accuracy = float(np.mean(decided == actual))
    sensitivity = float(np.mean(decided[actual]))
    specificity = float(np.mean(~decided[~actual]))
    return Metrics(
        crops=len(labels),
        healthy_subjects=len(set(subjects[~actual])),
        leukemia_subjects=len(set(subjects[actual])),
        accuracy=accuracy,
        balanced_accuracy=(sensitivity + specificity) / 2,
        sensitivity=sensitivity,
        specificity=specificity,
        weighted_f1=_weighted_f1(decided, actual),
        auroc=_auroc(p_leukemia, actual),
    )


def per_healthy_subject(
    p_leukemia: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    subjects: npt.NDArray[np.str_],
) -> dict[str, Metrics]:
    """Measure each healthy subject's crops against all leukemia crops.

    Parameters as for :func:`measure`.

    Returns
    -------
    dict
        Healthy subject -> Metrics.
    """
    healthy = sorted(set(subjects[labels == 0]))
    masks = {subject: (labels == 1) | (subjects == subject) for subject in healthy}
    return {
        subject: measure(p_leukemia[mask], labels[mask], subjects[mask])
        for subject, mask in masks.items()
    }


def _weighted_f1(decided: npt.NDArray[np.bool_], actual: npt.NDArray[np.bool_]) -> float:
    """F1 of both classes, weighted by how many crops each has."""
    total = 0.0
    for of_class, as_class in ((actual, decided), (~actual, ~decided)):
        f1 = 2 * np.sum(of_class & as_class) / (np.sum(of_class) + np.sum(as_class))
        total += float(f1 * np.mean(of_class))
    return total


def _auroc(scores: npt.NDArray[np.floating], actual: npt.NDArray[np.bool_]) -> float:
    """Chance that a positive scores above a negative, ties counting half (Mann-Whitney U)."""
    negatives = np.sort(scores[~actual])
    below = np.searchsorted(negatives, scores[actual], "left")
    not_above = np.searchsorted(negatives, scores[actual], "right")
    return float(np.mean(below + not_above) / 2 / len(negatives))
