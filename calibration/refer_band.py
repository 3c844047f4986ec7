"""The refer band: which probabilities a person must look at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class ReferBand:
    """Probabilities for which the decision is ``refer``.

    Attributes
    ----------
    low, high : float
        From and to, both included; 0.5 lies between them.
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
    """

    referred: float
    missed: float
    false_alarms: float


def choose_band(
    p_leukemia: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    missed: float,
    false_alarms: float,
) -> ReferBand:
    """Choose the narrowest band that keeps both kinds of error within their targets.

    Parameters
    ----------
    p_leukemia : ndarray of float, shape (n,)
        Of cells the network was not trained on.
    labels : ndarray of int, shape (n,)
        Both classes must be there.
    missed : float
        Largest share of leukemic cells that may be decided ``healthy``.
    false_alarms : float
        Largest share of healthy cells that may be decided ``leukemia``.

    Returns
    -------
    ReferBand
    """
    leukemic, healthy = np.sort(p_leukemia[labels == 1]), np.sort(p_leukemia[labels == 0])
    # with the band from the k-th smallest on, exactly the k before it are missed
    low = leukemic[int(missed * len(leukemic))]
    high = healthy[::-1][int(false_alarms * len(healthy))]
    return ReferBand(float(min(low, 0.5)), float(max(high, 0.5)))


def measure_band(
    band: ReferBand, p_leukemia: npt.NDArray[np.floating], labels: npt.NDArray[np.integer]
) -> BandMetrics:
    """Measure a band; parameters as for :func:`choose_band`."""
    leukemic, healthy = p_leukemia[labels == 1], p_leukemia[labels == 0]
    shares = [np.mean((p >= band.low) & (p <= band.high)) for p in (leukemic, healthy)]
    return BandMetrics(
        referred=float(np.mean(shares)),
        missed=float(np.mean(leukemic < band.low)),
        false_alarms=float(np.mean(healthy > band.high)),
    )
