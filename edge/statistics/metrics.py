"""The few scores that a training record and a model file keep, and what they rest on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge.statistics.scores import measure_scores


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
    margins: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    subjects: npt.NDArray[np.str_],
) -> Metrics:
    """Measure a system on labelled crops.

    Parameters
    ----------
    margins : ndarray of float, shape (n,)
        ``logit_all - logit_hem``, finite.
    labels : ndarray of int, shape (n,)
    subjects : ndarray of str, shape (n,)

    Raises
    ------
    DataRefused
        If a class is missing.
    """
    scores = measure_scores(margins, labels)
    return Metrics(
        crops=len(labels),
        healthy_subjects=len(set(subjects[labels == 0])),
        leukemia_subjects=len(set(subjects[labels == 1])),
        accuracy=scores.accuracy,
        balanced_accuracy=scores.balanced_accuracy,
        sensitivity=scores.recall_all,
        specificity=scores.recall_hem,
        weighted_f1=scores.weighted_f1,
        auroc=scores.auroc,
    )


def per_healthy_subject(
    margins: npt.NDArray[np.floating],
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
        subject: measure(margins[mask], labels[mask], subjects[mask])
        for subject, mask in masks.items()
    }
