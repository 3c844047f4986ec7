"""How often a network is right, from few reviews and what it says of all cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge.errors import DataRefused
from edge.statistics.evaluation import Estimate
from edge.statistics.shares import NORMAL

FEWEST_REVIEWS = 30
"""Below, an interval by the normal distribution is too narrow, and none is given."""

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Reviewed:
    """Cells that a person has looked at, drawn at random.

    Attributes
    ----------
    is_right : ndarray of bool, shape (n,)
        Whether the network was.
    expected : ndarray of float, shape (n,)
        What the network itself says of how likely it is right, 0..1.
    drawn_with : ndarray of float, shape (n,)
        Probability with which each cell was drawn for review, above 0.
    """

    is_right: npt.NDArray[np.bool_]
    expected: npt.NDArray[np.floating]
    drawn_with: npt.NDArray[np.floating]


def accuracy_of(reviewed: Reviewed, all_expected: npt.NDArray[np.floating]) -> Estimate:
    """Accuracy over all cells: what the network expects, corrected by what reviews found.

    ``mean(expected over all) + mean over reviews of w * (right - expected)``: right on average
    whatever the network expects, and surest where it expects well (Angelopoulos, Bates, Fannjiang,
    Jordan and Zrnic 2023, Prediction-powered inference, Science 382, 669; with weights, Horvitz and
    Thompson 1952). Where expecting does harm, less of it is used (Angelopoulos, Duchi and Zrnic
    2023, PPI++, section 3). A 95 % interval by the normal distribution; it takes cells for
    independent.

    Parameters
    ----------
    reviewed : Reviewed
    all_expected : ndarray of float, shape (N,)
        What the network expects of every cell, reviewed or not.

    Raises
    ------
    DataRefused
        If there are fewer than :data:`FEWEST_REVIEWS`, or a cell could not be drawn.
    """
    n, cells = len(reviewed.is_right), len(all_expected)
    if n < FEWEST_REVIEWS:
        raise DataRefused(
            f"{n} reviews are too few to say how often the network is right; review"
            f" {FEWEST_REVIEWS - n} more cells"
        )
    if not (np.asarray(reviewed.drawn_with) > 0).all():
        raise DataRefused(
            "a reviewed cell could not have been drawn: its probability is not above 0"
        )
    weights = 1 / np.asarray(reviewed.drawn_with, np.float64)
    weights /= weights.mean()
    right, expected = (
        reviewed.is_right.astype(np.float64),
        np.asarray(reviewed.expected, np.float64),
    )
    use = _how_much_to_use(right, expected, weights, n, cells)
    corrected = weights * (right - use * expected)
    value = float(use * np.mean(all_expected) + corrected.mean())
    error = NORMAL * float(
        np.sqrt(use**2 * np.var(all_expected) / cells + np.var(corrected, ddof=1) / n)
    )
    return Estimate(_share(value), _share(value - error), _share(value + error))


def _how_much_to_use(
    right: Numbers, expected: Numbers, weights: Numbers, n: int, cells: int
) -> float:
    """Share of the expectation with which the interval is shortest, 0..1."""
    a, b = weights * right, weights * expected
    spread = float(np.var(b, ddof=1))
    if spread == 0:
        return 0.0
    together = float(np.cov(a, b)[0, 1])
    return min(max(together / (spread * (1 + n / cells)), 0.0), 1.0)


def _share(value: float) -> float:
    return min(max(value, 0.0), 1.0)
