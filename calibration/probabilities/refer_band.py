"""The refer band: which probabilities a person must look at.

Two kinds of target say how many leukemic cells may be decided ``healthy``. `missed` is
a share of all leukemic cells, so that a cell a person looks at counts as found. A band so
wide that hardly any cell is decided ``leukemia`` keeps it easily. `sensitivity` is a share
of the leukemic cells that are decided at all: of them, so many must be decided
``leukemia``. It is the stricter: a sensitivity of X keeps `missed` at or below 1 - X.
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
        Share of cells referred, both classes weighing the same.
    missed : float
        Share of leukemic cells decided ``healthy``.
    false_alarms : float
        Share of healthy cells decided ``leukemia``.
    sensitivity, specificity : float or None
        Share of the leukemic, and of the healthy, cells not referred that are decided
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
        Both classes must be there.
    missed : float
        Largest share of leukemic cells that may be decided ``healthy``, 0..0.5.
    false_alarms : float
        Largest share of healthy cells that may be decided ``leukemia``, 0..0.5.
    sensitivity : float, optional
        Smallest share of the leukemic cells not referred that must be decided
        ``leukemia``, above 0.
    weights : ndarray of float, shape (n,), optional
        How much a cell counts within its class; all alike by default.

    Returns
    -------
    ReferBand
    """
    given = np.ones(len(labels)) if weights is None else weights
    leukemic, healthy = labels == 1, labels == 0
    high = max(0.5 + LEAST, -_first_above(-p_positive[healthy], given[healthy], false_alarms))
    allowed = missed
    if sensitivity is not None:
        # a wider band finds fewer, so the narrowest high end allows the narrowest low one
        found = mean_of(p_positive > high, leukemic, weights)
        allowed = min(missed, found * (1 - sensitivity) / sensitivity)
    low = min(0.5 - LEAST, _first_above(p_positive[leukemic], given[leukemic], allowed))
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
    leukemic, healthy = labels == 1, labels == 0
    below, above = p_positive < band.low, p_positive > band.high
    missed, found = mean_of(below, leukemic, weights), mean_of(above, leukemic, weights)
    alarms, cleared = mean_of(above, healthy, weights), mean_of(below, healthy, weights)
    referred = [mean_of(~below & ~above, chosen, weights) for chosen in (leukemic, healthy)]
    return BandMetrics(
        referred=float(np.mean(referred)),
        missed=missed,
        false_alarms=alarms,
        sensitivity=found / (missed + found) if missed + found else None,
        specificity=cleared / (alarms + cleared) if alarms + cleared else None,
    )
