"""Scores in which both classes weigh the same, as if half of all cells were positive."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edge.statistics.reliability import calibration_errors


def cross_entropy(
    margins: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    weights: npt.NDArray[np.floating] | None = None,
) -> float:
    """Mean over the classes of their mean ``-log p(label)``, in nats.

    Parameters as for :func:`fit_temperature`.
    """
    losses = np.logaddexp(0, np.where(labels == 1, -margins, margins))
    return float(np.mean([mean_of(losses, labels == label, weights) for label in (1, 0)]))


def calibration_error(
    p_positive: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    weights: npt.NDArray[np.floating] | None = None,
) -> float:
    """Expected calibration error with both classes weighing the same.

    :func:`edge.statistics.reliability.calibration_errors`, for a prevalence of one half.

    Parameters
    ----------
    p_positive : ndarray of float, shape (n,)
    labels : ndarray of int, shape (n,)
    weights : ndarray of float, shape (n,), optional
        As for :func:`fit_temperature`.

    Returns
    -------
    float
        0..1.
    """
    return float(calibration_errors(p_positive, labels, balance(labels, weights)[None])[0])


def brier_score(
    p_positive: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    weights: npt.NDArray[np.floating] | None = None,
) -> float:
    """Mean of ``(label - probability)**2`` (Brier 1950), both classes weighing the same.

    Parameters as for :func:`calibration_error`; 0..1.
    """
    return float(balance(labels, weights) @ (labels - p_positive) ** 2)


def balance(
    labels: npt.NDArray[np.integer], weights: npt.NDArray[np.floating] | None = None
) -> npt.NDArray[np.float64]:
    """Scale weights, shape (n,), so that those of either class add up to one half."""
    given = np.ones(len(labels)) if weights is None else np.asarray(weights, np.float64)
    halves = 0.5 / np.array([given[labels == label].sum() for label in (0, 1)])
    return np.asarray(given * halves[labels])


def mean_of(
    values: npt.NDArray[np.floating] | npt.NDArray[np.bool_],
    chosen: npt.NDArray[np.bool_],
    weights: npt.NDArray[np.floating] | None,
) -> float:
    """Mean of the chosen values, weighted where there are weights; all of shape (n,)."""
    some = values[chosen].astype(np.float64)
    return float(some.mean() if weights is None else np.average(some, weights=weights[chosen]))
