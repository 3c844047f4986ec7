"""Distances of histograms, held against what they are by definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import NotComparable
from edge.statistics.distances import (
    jensen_shannon,
    kolmogorov_smirnov,
    kullback_leibler,
    stability_index,
    wasserstein,
)

COUNTS = st.lists(st.integers(0, 50), min_size=5, max_size=5).filter(any)
EDGES = (0.0, 1.0, 2.0, 4.0, 8.0, 9.0)
ALL = (kullback_leibler, stability_index, jensen_shannon, kolmogorov_smirnov)


@given(COUNTS, COUNTS, st.integers(2, 9))
def test_distances_are_none_of_the_same_and_at_least_none_of_others(
    p: list[int], q: list[int], times: int
) -> None:
    for distance in ALL:
        assert distance(p, p) == pytest.approx(0, abs=1e-12)
        assert distance(p, q) >= 0
    assert wasserstein(p, [times * n for n in p], EDGES) == pytest.approx(0, abs=1e-12)
    assert jensen_shannon(p, q) == pytest.approx(jensen_shannon(q, p))
    assert stability_index(p, q) == pytest.approx(stability_index(q, p))
    assert jensen_shannon(p, q) <= 1 + 1e-12
    assert kolmogorov_smirnov(p, q) <= 1 + 1e-12


@given(COUNTS, COUNTS)
def test_wasserstein_is_the_mean_way_between_sorted_values(p: list[int], q: list[int]) -> None:
    middles = (np.array(EDGES[:-1]) + EDGES[1:]) / 2
    first = np.repeat(np.repeat(middles, p), sum(q))
    second = np.repeat(np.repeat(middles, q), sum(p))
    assert wasserstein(p, q, EDGES) == pytest.approx(np.abs(first - second).mean(), abs=1e-9)


def test_kullback_leibler_is_the_one_worked_out_by_hand() -> None:
    assert kullback_leibler([1, 3], [2, 2], added=0) == pytest.approx(
        0.25 * np.log(0.25 / 0.5) + 0.75 * np.log(0.75 / 0.5)
    )
    assert np.isfinite(stability_index([10, 0], [0, 10]))
    assert kullback_leibler([10, 0], [0, 10], added=0) == np.inf


@pytest.mark.parametrize("distance", ALL)
def test_nothing_and_other_bins_are_not_compared(distance: object) -> None:
    assert callable(distance)
    for p, q in (([0, 0], [1, 0]), ([1, 0], [0, 0]), ([1], [1, 2])):
        with pytest.raises(NotComparable):
            distance(p, q)
