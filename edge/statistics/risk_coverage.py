"""How often the decisions are wrong if only the surest are made."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge.statistics.balanced import balance

COVERAGES = tuple(i / 20 for i in range(1, 21))
"""Shares of the cells that are decided, at which the curve is given."""


@dataclass(frozen=True)
class RiskPoint:
    """A point of a risk-coverage curve.

    Attributes
    ----------
    coverage : float
        Share of the cells that are decided, the surest first.
    risk : float
        Share of those that are decided wrongly.
    low, high : float
        95 % interval of the risk.
    """

    coverage: float
    risk: float
    low: float
    high: float


def selective_risks(
    margins: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    weights: npt.NDArray[np.floating] | None = None,
) -> npt.NDArray[np.float64]:
    """Risk at every one of :data:`COVERAGES`, of two labels weighing the same.

    El-Yaniv and Wiener 2010, On the Foundations of Noise-free Selective
    Classification, section 2, with the distance from probability one half as
    confidence: no temperature changes the curve. Cells of equal confidence count with
    their common error; what lies between two cells is interpolated.

    Parameters
    ----------
    margins : ndarray of float, shape (n,)
        Logit of the positive label less that of the negative one; decided at 0.
    labels : ndarray of int, shape (n,)
        Both labels must be there.
    weights : ndarray of float, shape (n,), optional
        How much a cell counts within its label; all alike by default.

    Returns
    -------
    ndarray of float64, shape (20,)
    """
    counts = balance(labels, weights)
    return _risks(np.abs(margins), (margins >= 0) != (labels == 1), counts)


def selective_risks_several(
    p: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    weights: npt.NDArray[np.floating] | None = None,
) -> npt.NDArray[np.float64]:
    """Risk at every one of :data:`COVERAGES`, every label weighing the same.

    As :func:`selective_risks`, with the probability of the likeliest label as confidence: of more
    than two labels a temperature changes the order, so that `p` are to be calibrated.

    Parameters
    ----------
    p : ndarray of float, shape (n, labels)
    labels : ndarray of int, shape (n,)
        Every label must be there.
    weights : ndarray of float, shape (n,), optional
        How much a cell counts within its label; all alike by default.

    Returns
    -------
    ndarray of float64, shape (20,)
    """
    counts = balance(labels, weights, p.shape[1])
    return _risks(p.max(axis=1), p.argmax(axis=1) != labels, counts)


def _risks(
    confidence: npt.NDArray[np.floating],
    is_wrong: npt.NDArray[np.bool_],
    counts: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Risk at every coverage of cells that count as `counts` say, which add up to 1."""
    wrong = counts * is_wrong
    _, place = np.unique(-confidence, return_inverse=True)
    covered = np.cumsum(np.bincount(place.reshape(-1), counts))
    errors = np.cumsum(np.bincount(place.reshape(-1), wrong))
    asked = np.array(COVERAGES)
    return np.asarray(np.interp(asked, np.r_[0, covered], np.r_[0, errors]) / asked)
