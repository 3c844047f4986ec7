"""The refer band of two labels: which probabilities a person must look at.

The second label is the positive one. Two kinds of target say how many of its cells may be decided
negative. `missed` is a share of all positive cells, so that a cell a person looks at counts as
found. A band so wide that hardly any cell is decided positive keeps it easily. `sensitivity` is a
share of the positive cells that are decided at all: of them, so many must be decided positive. It
is the stricter: a sensitivity of X keeps `missed` at or below 1 - X.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge.statistics.balanced import mean_of

LEAST = 0.05
"""How far from 0.5 a band reaches at least: nearer to it, rounding decides on the label."""


@dataclass(frozen=True)
class ReferBand:
    """Probabilities for which the decision is ``refer``.

    Attributes
    ----------
    low, high : float
        From and to, both included; 0.5 lies between them, by :data:`LEAST` or more.
    """

    low: float
    high: float


@dataclass(frozen=True)
class BandMetrics:
    """What a band does on labelled cells.

    Attributes
    ----------
    referred : float
        Share of cells referred, both labels weighing the same.
    missed : float
        Share of positive cells decided negative.
    false_alarms : float
        Share of negative cells decided positive.
    sensitivity, specificity : float or None
        Share of the positive, and of the negative, cells not referred that are decided
        rightly; None where all are referred.
    """

    referred: float
    missed: float
    false_alarms: float
    sensitivity: float | None
    specificity: float | None


def choose_band(
    p_positive: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    missed: float,
    false_alarms: float,
    sensitivity: float | None = None,
    weights: npt.NDArray[np.floating] | None = None,
) -> ReferBand:
    """Choose the narrowest band that keeps every target: the smallest share is referred.

    Whatever the targets, it reaches from 0.5 as far as :data:`LEAST` to either side.

    Parameters
    ----------
    p_positive : ndarray of float, shape (n,)
        Of cells the network was not trained on.
    labels : ndarray of int, shape (n,)
        0 negative, 1 positive; both must be there.
    missed : float
        Largest share of positive cells that may be decided negative, 0..0.5.
    false_alarms : float
        Largest share of negative cells that may be decided positive, 0..0.5.
    sensitivity : float, optional
        Smallest share of the positive cells not referred that must be decided positive, above 0.
    weights : ndarray of float, shape (n,), optional
        How much a cell counts within its label; all alike by default.

    Returns
    -------
    ReferBand
    """
    given = np.ones(len(labels)) if weights is None else weights
    positive, negative = labels == 1, labels == 0
    high = max(0.5 + LEAST, -_first_above(-p_positive[negative], given[negative], false_alarms))
    allowed = missed
    if sensitivity is not None:
        # a wider band finds fewer, so the narrowest high end allows the narrowest low one
        found = mean_of(p_positive > high, positive, weights)
        allowed = min(missed, found * (1 - sensitivity) / sensitivity)
    low = min(0.5 - LEAST, _first_above(p_positive[positive], given[positive], allowed))
    return ReferBand(low, high)


def _first_above(
    values: npt.NDArray[np.floating], weights: npt.NDArray[np.floating], share: float
) -> float:
    """Find the value before which at most a share of the weight lies, in ascending order."""
    order = np.argsort(values, kind="stable")
    weight = np.cumsum(weights[order])
    # with the band from this value on, exactly those before it are outside
    place = np.searchsorted(weight, share * weight[-1], side="right")
    return float(values[order[min(int(place), len(values) - 1)]])


def measure_band(
    band: ReferBand,
    p_positive: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    weights: npt.NDArray[np.floating] | None = None,
) -> BandMetrics:
    """Measure a band; parameters as for :func:`choose_band`."""
    positive, negative = labels == 1, labels == 0
    below, above = p_positive < band.low, p_positive > band.high
    missed, found = mean_of(below, positive, weights), mean_of(above, positive, weights)
    alarms, cleared = mean_of(above, negative, weights), mean_of(below, negative, weights)
    referred = [mean_of(~below & ~above, chosen, weights) for chosen in (positive, negative)]
    return BandMetrics(
        referred=float(np.mean(referred)),
        missed=missed,
        false_alarms=alarms,
        sensitivity=found / (missed + found) if missed + found else None,
        specificity=cleared / (alarms + cleared) if alarms + cleared else None,
    )
