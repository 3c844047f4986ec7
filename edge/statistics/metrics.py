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
    from sklearn.metrics import (
        accuracy_score,
        balanced_accuracy_score,
        f1_score,
        recall_score,
        roc_auc_score,
    )

    decided = (p_leukemia >= 0.5).astype(int)
    return Metrics(
        crops=len(labels),
        healthy_subjects=len(set(subjects[labels == 0])),
        leukemia_subjects=len(set(subjects[labels == 1])),
        accuracy=float(accuracy_score(labels, decided)),
        balanced_accuracy=float(balanced_accuracy_score(labels, decided)),
        sensitivity=float(recall_score(labels, decided, pos_label=1, zero_division=0)),
        specificity=float(recall_score(labels, decided, pos_label=0, zero_division=0)),
        weighted_f1=float(f1_score(labels, decided, average="weighted", zero_division=0)),
        auroc=float(roc_auc_score(labels, p_leukemia)),
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
