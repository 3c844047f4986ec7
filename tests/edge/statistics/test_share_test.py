"""A share and its limit, looked at after every cell."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.statistics.share_test import ShareTest, log_e_values

LIMIT = 0.005


@given(limit=st.floats(0.001, 0.9), share=st.floats(0, 1), cells=st.integers(1, 7))
def test_capital_does_not_grow_on_average_while_the_share_keeps_to_the_limit(
    limit: float, share: float, cells: int
) -> None:
    for above, true in ((True, share * limit), (False, limit + share * (1 - limit))):
        mean = 0.0
        for flips in product((0, 1), repeat=cells):
            k = sum(flips)
            e = math.exp(float(log_e_values(cells, k, limit, above)))
            mean += e * true**k * (1 - true) ** (cells - k)
        assert mean <= 1 + 1e-9


@given(st.lists(st.booleans(), max_size=60))
def test_the_largest_capital_is_kept_and_the_order_of_cells_does_not_change_the_last(
    flips: list[bool],
) -> None:
    test = ShareTest(0.1)
    peaks = []
    for flip in flips:
        test = test.see(flip)
        peaks.append(test.e_value)
    assert peaks == sorted(peaks)
    assert (test.cells, test.kept_not) == (len(flips), sum(flips))
    assert test.e_value >= math.exp(float(log_e_values(len(flips), sum(flips), 0.1))) - 1e-9


def alarms(share: float, streams: int, cells: int, seed: int) -> float:
    """Share of streams in which the capital ever reached 100."""
    flips = np.cumsum(np.random.default_rng(seed).random((streams, cells)) < share, axis=1)
    return float(
        np.mean((log_e_values(np.arange(1, cells + 1), flips, LIMIT) >= math.log(100)).any(1))
    )


def test_looking_after_every_cell_alarms_as_rarely_as_stated() -> None:
    assert alarms(LIMIT, streams=400, cells=2000, seed=1) <= 0.02  # 0.01, and luck
    assert alarms(LIMIT, streams=400, cells=1, seed=1) == 0


@pytest.mark.slow
def test_ten_thousand_streams_alarm_at_most_at_the_stated_rate() -> None:
    rates = [alarms(LIMIT, streams=1000, cells=5000, seed=seed) for seed in range(10)]
    assert np.mean(rates) <= 0.01


def test_it_says_above_within_or_that_it_does_not_know_yet() -> None:
    assert ShareTest(LIMIT).is_above is None
    assert ShareTest(LIMIT).share is None
    many = ShareTest(LIMIT)
    for _ in range(6):
        many = many.see(True)
    assert many.is_above is True
    assert many.share == 1
    none = ShareTest(LIMIT)
    for _ in range(2000):
        none = none.see(False)
    assert none.is_above is False
    for _ in range(6):  # a share may rise later
        none = none.see(True)
    some = ShareTest(LIMIT)
    for cell in range(200):
        some = some.see(cell == 100)
    assert some.is_above is None


@pytest.mark.parametrize("limit", [0.0, 1.0, -1.0, float("nan")])
def test_a_limit_that_is_none_is_refused(limit: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        log_e_values(1, 0, limit)
