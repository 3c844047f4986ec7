"""Scores in which every label weighs the same, as if all were equally common."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edge.statistics.reliability import calibration_errors
from edge.statistics.several import likeliest_errors, squared_errors


def cross_entropy(
    margins: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    weights: npt.NDArray[np.floating] | None = None,
) -> float:
    """Mean over two labels of their mean ``-log p(label)``, in nats.

    Parameters
    ----------
    margins : ndarray of float, shape (n,)
        Logit of the second label less that of the first.
    labels : ndarray of int, shape (n,)
        Every label must be there.
    weights : ndarray of float, shape (n,), optional
        How much a cell counts within its label; all alike by default.
    """
    losses = np.logaddexp(0, np.where(labels == 1, -margins, margins))
    return float(np.mean([mean_of(losses, labels == label, weights) for label in (1, 0)]))


def calibration_error(
    p_positive: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    weights: npt.NDArray[np.floating] | None = None,
) -> float:
    """Expected calibration error of two labels, both weighing the same.

    :func:`edge.statistics.reliability.calibration_errors`, for a prevalence of one half.

    Parameters
    ----------
    p_positive : ndarray of float, shape (n,)
    labels : ndarray of int, shape (n,)
    weights : ndarray of float, shape (n,), optional
        As for :func:`cross_entropy`.

    Returns
    -------
    float
        0..1.
    """
    return float(calibration_errors(p_positive, labels, balance(labels, weights)[None])[0])


def calibration_error_several(
    p: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    weights: npt.NDArray[np.floating] | None = None,
) -> float:
    """Expected calibration error of the likeliest label, every label weighing the same.

    :func:`edge.statistics.several.likeliest_errors`, for labels that are equally common.

    Parameters
    ----------
    p : ndarray of float, shape (n, labels)
    labels, weights
        As for :func:`cross_entropy`.

    Returns
    -------
    float
        0..1.
    """
    return float(likeliest_errors(p, labels, balance(labels, weights, p.shape[1])[None])[0])


def brier_score(
    p_positive: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    weights: npt.NDArray[np.floating] | None = None,
) -> float:
    """Mean of ``(label - probability)**2`` (Brier 1950), of two labels weighing the same.

    Parameters as for :func:`calibration_error`; 0..1.
    """
    return float(balance(labels, weights) @ (labels - p_positive) ** 2)


def brier_score_several(
    p: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    weights: npt.NDArray[np.floating] | None = None,
) -> float:
    """Mean of :func:`edge.statistics.several.squared_errors`, every label weighing the same.

    Parameters as for :func:`calibration_error_several`; 0..2.
    """
    return float(balance(labels, weights, p.shape[1]) @ squared_errors(p, labels))


def balance(
    labels: npt.NDArray[np.integer],
    weights: npt.NDArray[np.floating] | None = None,
    kinds: int = 2,
) -> npt.NDArray[np.float64]:
    """Scale weights, shape (n,), so that those of each of `kinds` labels add up alike, to 1."""
    given = np.ones(len(labels)) if weights is None else np.asarray(weights, np.float64)
    shares = 1 / kinds / np.array([given[labels == label].sum() for label in range(kinds)])
    return np.asarray(given * shares[labels])


def people_alike(
    labels: npt.NDArray[np.integer], subjects: npt.NDArray[np.str_]
) -> npt.NDArray[np.float64]:
    """Weigh cells so that everybody of a label counts the same, however many cells there are.

    Parameters
    ----------
    labels : ndarray of int, shape (n,)
    subjects : ndarray of str, shape (n,)
        Empty where nobody knows: such a cell counts as a person of its own.

    Returns
    -------
    ndarray of float64, shape (n,)
        1 over the cells of the label that are the same person's.
    """
    weights = np.ones(len(labels))
    for label in np.unique(labels):
        known = (labels == label) & (subjects != "")
        _, whose, cells = np.unique(subjects[known], return_inverse=True, return_counts=True)
        weights[known] = 1 / cells[whose.reshape(-1)]
    return weights


def mean_of(
    values: npt.NDArray[np.floating] | npt.NDArray[np.bool_],
    chosen: npt.NDArray[np.bool_],
    weights: npt.NDArray[np.floating] | None,
) -> float:
    """Mean of the chosen values, weighted where there are weights; all of shape (n,)."""
    some = values[chosen].astype(np.float64)
    if weights is None:
        return float(some.mean())
    given = weights[chosen]  # np.average does the same in five times the time
    return float((some * given).sum() / given.sum())
