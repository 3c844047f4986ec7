"""What is said of a smear: shares with intervals, corrected only where errors are known."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.models.model_file import SHIPPED_MODEL, read_model_file
from edge.service.smear_result import SmearCounts, SmearResult, lines_of, sum_up
from edge.statistics.evaluation import Estimate
from edge.statistics.prevalence import Rates, corrected_share

ACCURACY = {
    "int8": {
        "sensitivity": 0.9,
        "specificity": 0.95,
        "positive_subjects": 60,
        "negative_subjects": 60,
    }
}
COUNTS = SmearCounts(cells=400, decided=300, positive=60, called=100)


def result_of(counts: SmearCounts, accuracy: dict[str, object] = ACCURACY) -> SmearResult:  # type: ignore[assignment]
    return sum_up(counts, accuracy, "leukemia", 100)


def exactly(value: float) -> Estimate:
    return Estimate(value, value, value)


@given(st.floats(0, 1), st.floats(0.6, 1), st.floats(0.6, 1))
def test_the_share_behind_what_was_called_is_found_again(
    truth: float, sensitivity: float, specificity: float
) -> None:
    called = truth * sensitivity + (1 - truth) * (1 - specificity)
    rates = Rates(exactly(sensitivity), exactly(specificity))
    found = corrected_share(exactly(called), rates)
    assert found is not None
    assert found.value == pytest.approx(truth, abs=1e-9)


@given(
    st.lists(st.floats(0, 1), min_size=3, max_size=3).map(sorted),
    st.lists(st.floats(0.55, 1), min_size=3, max_size=3).map(sorted),
    st.lists(st.floats(0.55, 1), min_size=3, max_size=3).map(sorted),
    st.tuples(*[st.sampled_from(("low", "value", "high"))] * 3),
)
def test_no_corner_of_the_intervals_lies_beyond_the_bounds(
    called: list[float], sensitivity: list[float], specificity: list[float], at: tuple[str, ...]
) -> None:
    estimates = [Estimate(v, low, high) for low, v, high in (called, sensitivity, specificity)]
    bounds = corrected_share(estimates[0], Rates(*estimates[1:]))
    corner = [exactly(getattr(each, end)) for each, end in zip(estimates, at, strict=True)]
    found = corrected_share(corner[0], Rates(*corner[1:]))
    assert bounds is not None
    assert found is not None
    assert bounds.low - 1e-9 <= found.value <= bounds.high + 1e-9


def test_a_network_that_may_be_chance_corrects_nothing() -> None:
    rates = Rates(Estimate(0.7, 0.4, 0.9), Estimate(0.8, 0.6, 0.9))
    assert corrected_share(exactly(0.3), rates) is None


def test_a_smear_has_its_share_among_the_decided_and_the_corrected_one() -> None:
    found = result_of(COUNTS)
    assert found.share is not None
    assert found.share.low < found.share.value == 0.2 < found.share.high
    assert found.corrected is not None
    assert found.corrected.low < found.corrected.value < found.corrected.high
    assert found.corrected.value == pytest.approx((0.25 - 0.05) / 0.85)
    assert not found.advice
    first, *rest = lines_of(found, "smear 7", "leukemia")
    assert first == "smear 7: 400 cells, 300 decided, 25% referred (a person looks), 0 failed"
    assert not any("diagnos" in line for line in rest)


@pytest.mark.parametrize(
    ("counts", "accuracy", "why"),
    [
        (COUNTS, {}, "does not say how often"),
        (
            COUNTS,
            {"int8": {**ACCURACY["int8"], "negative_subjects": 1}},
            "known of 60 and 1 people, 10 of each are needed",
        ),
        (replace(COUNTS, shifted=400), ACCURACY, "at another scale"),
        (SmearCounts(40, 10, 5, 10), ACCURACY, "fewer than 100 cells"),
        (COUNTS, {"int8": {**ACCURACY["int8"], "sensitivity": 0.1}}, "no better than chance"),
        (replace(COUNTS, positive=0, called=0), ACCURACY, "errs otherwise here"),  # not 0 % to 0 %
    ],
)
def test_the_corrected_share_is_withheld_with_the_reason(
    counts: SmearCounts, accuracy: dict[str, object], why: str
) -> None:
    found = result_of(counts, accuracy)
    assert found.corrected is None
    assert why in found.withheld
    assert any("withheld" in line for line in lines_of(found, "a", "leukemia"))


def test_the_network_that_ships_is_not_corrected_for() -> None:
    accuracy = read_model_file(SHIPPED_MODEL).metadata.accuracy
    assert "people" in result_of(COUNTS, accuracy).withheld


@pytest.mark.parametrize(
    ("counts", "advice"),
    [
        (SmearCounts(), "look at more fields"),
        (replace(COUNTS, blurred=80), "focus again"),
        (replace(COUNTS, shifted=1), "edge-all scale"),
    ],
)
def test_what_is_wrong_with_a_smear_says_what_to_do(counts: SmearCounts, advice: str) -> None:
    assert any(advice in line for line in result_of(counts).advice)
