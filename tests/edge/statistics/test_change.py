"""Smears one after the other: ranks among earlier ones, bets on them, and evidence for a change."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.statistics.change import evidence_of_ranks
from edge.statistics.conformal import online_ranks, p_value, rank_of
from edge.statistics.e_values import average, power_e_value, step_e_value

FINITE = st.floats(-1e6, 1e6)


@given(st.floats(0.05, 0.95), st.floats(0.05, 1), st.floats(0, 1))
def test_the_mean_of_a_bet_on_a_uniform_p_value_is_one(
    exponent: float, level: float, stake: float
) -> None:
    n = 2000
    p = (np.arange(n) + 0.5) / n  # of a convex function the sum is below the integral
    lost = n**-exponent  # at most: all of the first bin
    assert 1 - lost <= power_e_value(p, exponent).mean() <= 1
    assert step_e_value(p, level, stake).mean() == pytest.approx(1, abs=1 / n / level)


@pytest.mark.parametrize("exponent", [0, 1, -1, 2])
def test_what_is_no_calibrator_is_refused(exponent: float) -> None:
    with pytest.raises(ValueError, match="power calibrator"):
        power_e_value(0.5, exponent)
    with pytest.raises(ValueError, match="bet"):
        step_e_value(0.5, 0, 0.5)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=8))
def test_the_average_lies_among_the_e_values(values: list[float]) -> None:
    assert min(values) - 1e-9 <= float(average(values)) <= max(values) + 1e-9


@given(FINITE, st.lists(FINITE, max_size=30), st.floats(0, 1))
def test_a_rank_turns_round_with_the_sign_and_a_p_value_does_not(
    value: float, others: list[float], tie: float
) -> None:
    rank = rank_of(value, others, tie)
    assert 0 <= rank <= 1
    assert rank_of(-value, [-each for each in others], 1 - tie) == pytest.approx(1 - rank)
    assert p_value(value, others) == p_value(-value, [-each for each in others])
    assert p_value(value, others) >= 1 / (len(others) + 1)


@given(st.lists(st.integers(0, 5), min_size=3, max_size=12), st.randoms())
def test_ranks_of_many_streams_are_those_of_one_by_one(values: list[int], random: object) -> None:
    first = 2
    ties = np.random.default_rng(len(values)).random((1, len(values) - first))
    found = online_ranks(np.array([values], float), first, ties)[0]
    for place, rank in enumerate(found, first):
        assert rank == rank_of(values[place], values[:place], ties[0, place - first])


def alarms(streams: int, smears: int, shift: float, seed: int, references: int = 35) -> float:
    """Share of streams that reach a run length of 1,000 within so many smears."""
    random = np.random.default_rng(seed)
    values = random.normal(size=(streams, references + smears))
    values[:, references:] += shift
    ranks = online_ranks(values, references, random.random((streams, smears)))
    evidence = [evidence_of_ranks(p, references) for p in (ranks, 1 - ranks)]
    return float((np.mean(evidence, axis=0) >= 1000).any(axis=1).mean())


def test_without_a_change_alarms_come_as_rarely_as_the_run_length_says() -> None:
    assert alarms(streams=500, smears=60, shift=0, seed=0) <= 60 / 1000


@pytest.mark.parametrize("shift", [3, -3])
def test_a_change_by_three_spreads_of_people_is_found_within_ten_smears(shift: int) -> None:
    assert alarms(streams=300, smears=10, shift=shift, seed=0) >= 0.95


@pytest.mark.slow
def test_ten_thousand_streams_alarm_at_most_at_the_stated_rate() -> None:
    for references in (20, 80):
        found = [alarms(500, 150, 0, seed, references) for seed in range(20)]
        assert np.mean(found) <= 150 / 1000


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_evidence_does_not_look_ahead(p: list[float]) -> None:
    whole = evidence_of_ranks(np.array([p]), 20)[0]
    for steps in range(1, len(p)):
        assert (evidence_of_ranks(np.array([p[:steps]]), 20)[0] == whole[:steps]).all()


@pytest.mark.parametrize("references", [20, 60])
def test_where_nothing_changes_evidence_grows_by_one_a_step_on_average(references: int) -> None:
    p = np.random.default_rng(references).random((40_000, 3))
    found = evidence_of_ranks(p, references).mean(axis=0)
    assert found == pytest.approx([1, 2, 3], rel=0.15)
