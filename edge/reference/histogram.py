"""Histograms of fixed bins, and how far two of them are apart by chance."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edge.errors import NotComparable


@dataclass(frozen=True)
class Histogram:
    """How many values lie in each of some fixed bins.

    Attributes
    ----------
    edges : tuple of float
        Ascending, one more than there are bins. A bin holds its lower edge; the first
        and the last bin also hold what lies beyond them, so that nothing is lost.
    counts : tuple of int

    Raises
    ------
    ValueError
        If the edges do not ascend, or do not fit the counts, or a count is negative.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]

    def __post_init__(self) -> None:
        ascending = all(low < high for low, high in zip(self.edges, self.edges[1:], strict=False))
        if not self.counts or len(self.edges) != len(self.counts) + 1 or not ascending:
            raise ValueError(f"{len(self.edges)} edges do not make {len(self.counts)} bins")
        if not all(isinstance(count, int) and count >= 0 for count in self.counts):
            raise ValueError("a count of a histogram is not a whole number from 0")

    @property
    def total(self) -> int:
        """Values in all bins."""
        return sum(self.counts)

    def add(self, values: Iterable[float]) -> Histogram:
        """Return this histogram with more values in it.

        Raises
        ------
        ValueError
            If a value is not a number.
        """
        given = np.fromiter(values, np.float64)
        if np.isnan(given).any():
            raise ValueError("NaN lies in no bin of a histogram")
        place = np.searchsorted(self.edges, given, side="right") - 1
        bins = len(self.counts)
        more = np.bincount(np.clip(place, 0, bins - 1), minlength=bins).tolist()
        return replace(self, counts=tuple(map(sum, zip(self.counts, more, strict=True))))

    def merge(self, other: Histogram) -> Histogram:
        """Return what one histogram of all values of both would be.

        Raises
        ------
        NotComparable
            If the bins differ.
        """
        self.require_same_bins(other)
        return replace(self, counts=tuple(map(sum, zip(self.counts, other.counts, strict=True))))

    def require_same_bins(self, other: Histogram) -> None:
        """Check that two histograms can be compared.

        Raises
        ------
        NotComparable
        """
        if self.edges != other.edges:
            raise NotComparable(
                f"histograms of {len(self.counts)} and {len(other.counts)} bins, or of other"
                " edges, cannot be compared; count with the edge-all that made the reference"
            )


def empty_histogram(edges: Iterable[float]) -> Histogram:
    """Make a histogram with nothing in it."""
    edges = tuple(edges)
    return Histogram(edges, (0,) * (len(edges) - 1))


def divergence_by_chance(counts: Sequence[int], others: Sequence[int]) -> float:
    """Divergence to expect, in bits, of two samples of the same distribution.

    Small samples differ by chance. To second order in ``p - q`` the divergence is
    ``sum((p - q)**2 / (p + q)) / 4`` nats, whose mean for samples of n and m values of
    the same k shares is ``(k - 1) / 8 * (1 / n + 1 / m)``. Bins empty in both count for
    nothing. A little low: by 2 % for 800 against 800 values in 20 bins, by 15 % for 800
    against 20 in 15 bins (simulated).

    Parameters and errors as for :func:`edge.statistics.distances.jensen_shannon`.
    """
    if not any(counts) or not any(others):
        raise NotComparable("there is no cell to compare; count some first")
    occupied = sum(1 for pair in zip(counts, others, strict=True) if any(pair))
    return min(1.0, (occupied - 1) / 8 * (1 / sum(counts) + 1 / sum(others)) / math.log(2))
