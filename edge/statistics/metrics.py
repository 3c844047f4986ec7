"""The few scores that a training record and a model file keep, and what they rest on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge.statistics.scores import measure_scores


@dataclass(frozen=True)
class Metrics:
    """Accuracy of probabilities against labels; of two labels.

    Attributes
    ----------
    crops, negative_subjects, positive_subjects : int
        What the numbers rest on.
    accuracy, balanced_accuracy, sensitivity, specificity, weighted_f1, auroc : float
        0..1, decided at probability 0.5.
    """

    crops: int
    negative_subjects: int
    positive_subjects: int
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
        Logit of the positive label less that of the negative one, finite.
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
        negative_subjects=len(set(subjects[labels == 0])),
        positive_subjects=len(set(subjects[labels == 1])),
        accuracy=scores.accuracy,
        balanced_accuracy=scores.balanced_accuracy,
        sensitivity=scores.recall_positive,
        specificity=scores.recall_negative,
        weighted_f1=scores.weighted_f1,
        auroc=scores.auroc,
    )


def per_negative_subject(
    margins: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    subjects: npt.NDArray[np.str_],
) -> dict[str, Metrics]:
    """Measure each negative subject's crops against all positive crops.

    Parameters as for :func:`measure`.

    Returns
    -------
    dict
        Negative subject -> Metrics.
    """
    negative = sorted(set(subjects[labels == 0]))
    masks = {subject: (labels == 1) | (subjects == subject) for subject in negative}
    return {
        subject: measure(margins[mask], labels[mask], subjects[mask])
        for subject, mask in masks.items()
    }
