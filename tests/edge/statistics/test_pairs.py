"""Few people told apart by a score: an interval that says how few they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.statistics.pairs import auroc_interval, count_distribution

few = st.integers(1, 7)


@given(few, few, st.floats(0.02, 0.98))
def test_the_counts_have_the_mean_of_the_model(
    negatives: int, positives: int, auroc: float
) -> None:
    found = count_distribution(auroc, negatives, positives)
    assert found.min() >= 0
    assert found.sum() == pytest.approx(1)
    mean = float(found @ np.arange(len(found)))
    assert mean == pytest.approx(auroc * negatives * positives)


@given(few, few, st.data())
def test_the_interval_holds_what_was_found(
    negatives: int, positives: int, data: st.DataObject
) -> None:
    pairs = negatives * positives
    in_order = data.draw(st.integers(0, 2 * pairs)) / 2
    low, high = auroc_interval(in_order, negatives, positives)
    assert 0 <= low <= in_order / pairs <= high <= 1
    mirrored = auroc_interval(pairs - in_order, positives, negatives)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-6)


def test_at_one_half_the_counts_are_those_of_wilcoxon() -> None:
    # of 2 and 2, the 6 orders give 0, 1, 2, 2, 3 and 4 pairs in order
    np.testing.assert_allclose(count_distribution(0.5, 2, 2) * 6, [1, 1, 2, 1, 1], atol=1e-12)


def test_three_people_who_are_all_told_apart_prove_little() -> None:
    low, high = auroc_interval(9, 3, 3)
    assert high == 1
    assert 0.3 < low < 0.6
    assert auroc_interval(400, 20, 20)[0] > 0.9


def test_one_pair_is_a_coin_tossed_once() -> None:
    assert auroc_interval(1, 1, 1) == pytest.approx((0.025, 1), abs=1e-6)


def test_it_covers_as_often_as_it_says() -> None:
    random = np.random.default_rng(0)
    hazard = (1 - 0.8) / 0.8
    intervals = {}
    covered = 0
    for _ in range(400):
        negative, positive = random.exponential(1, 4), random.exponential(1 / hazard, 6)
        in_order = int(np.sum(positive[:, None] > negative))
        if in_order not in intervals:
            intervals[in_order] = auroc_interval(in_order, 4, 6)
        low, high = intervals[in_order]
        covered += low <= 0.8 <= high
    assert covered >= 0.93 * 400
