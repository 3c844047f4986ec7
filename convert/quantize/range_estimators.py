"""Which part of a tensor's values int8 should span, from a histogram of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

MINMAX = "min-max"
"""The estimator that clips nothing."""

BINS = 2048
"""Bins of a histogram: eight to an int8 step of the full range."""

_STEPS = 255  # of int8 between the ends of a range
_SHRINK = np.linspace(1.0, 0.2, 81)
_ROUNDS = 2


@dataclass(frozen=True)
class Histogram:
    """Values of one tensor over the representative set.

    Attributes
    ----------
    low, high : float
        Smallest and largest value.
    counts : ndarray of int64, shape (bins,)
        Values in equal bins from ``low`` to ``high``.
    """

    low: float
    high: float
    counts: npt.NDArray[np.int64]

    @property
    def edges(self) -> npt.NDArray[np.float64]:
        """Edges of the bins, one more than there are bins."""
        return np.linspace(self.low, self.high, len(self.counts) + 1)


Estimator = Callable[[Histogram], tuple[float, float]]
"""Histogram -> the ends of the range; what lies outside is clipped to them."""


def minmax(histogram: Histogram) -> tuple[float, float]:
    """Span all values: nothing is clipped, and an outlier makes every step coarser."""
    return histogram.low, histogram.high


def percentile(histogram: Histogram, percent: float) -> tuple[float, float]:
    """Clip the rarest values: all above the percentile, and all below its mirror image.

    Parameters
    ----------
    histogram : Histogram
    percent : float
        50..100. At 99.9, the top 0.1 % is clipped and the bottom 0.1 %; after ReLU the
        bottom is full of zeros, and none is lost.
    """
    shares = np.concatenate(([0], np.cumsum(histogram.counts))) / histogram.counts.sum()
    low, high = np.interp([1 - percent / 100, percent / 100], *_strictly(shares, histogram.edges))
    return float(low), float(high)


def mse(histogram: Histogram) -> tuple[float, float]:
    """Clip so that the expected squared error of rounding and clipping together is smallest.

    The trade of Sung et al. 2015 ("Resiliency of deep neural networks under quantization") and
    of Banner et al. 2019 ("Post training 4-bit quantization of convolutional networks for
    rapid-deployment", section 2), on the histogram itself in place of a fitted
    distribution. Both ends are searched in turn, from the full range to a fifth of it.
    """
    low, high = min(histogram.low, 0.0), max(histogram.high, 0.0)
    best = low, high
    for _ in range(_ROUNDS):
        lows = [(shrink * low, best[1]) for shrink in _SHRINK] if low else [best]
        best = min(lows, key=lambda ends: squared_error(histogram, *ends))
        highs = [(best[0], shrink * high) for shrink in _SHRINK] if high else [best]
        best = min(highs, key=lambda ends: squared_error(histogram, *ends))
    return best


def squared_error(histogram: Histogram, low: float, high: float) -> float:
    """Mean squared error of int8 on the range ``low``..``high``, values taken at bin centres.

    As the quantizer does, zero is moved onto the nearest code.
    """
    if high <= low:
        return float(np.average(_centres(histogram) ** 2, weights=histogram.counts))
    step = (high - low) / _STEPS
    zero_point = np.round(-low / step)
    centres = _centres(histogram)
    codes = np.clip(np.round(centres / step) + zero_point, 0, _STEPS)
    return float(np.average(((codes - zero_point) * step - centres) ** 2, weights=histogram.counts))


ESTIMATORS: dict[str, Estimator] = {
    MINMAX: minmax,
    "mse": mse,
    "percentile 99.99": partial(percentile, percent=99.99),
    "percentile 99.9": partial(percentile, percent=99.9),
}
"""The estimators by name; the first is the default."""


def _centres(histogram: Histogram) -> npt.NDArray[np.float64]:
    edges = histogram.edges
    return np.asarray((edges[:-1] + edges[1:]) / 2)


def _strictly(
    shares: npt.NDArray[np.float64], edges: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Drop the empty bins at the ends, where many edges share one share."""
    first = max(int(np.searchsorted(shares, 0, side="right")) - 1, 0)
    last = int(np.searchsorted(shares, shares[-1], side="left"))
    return shares[first : last + 1], edges[first : last + 1]
