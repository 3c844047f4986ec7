"""From logits to a decision: probability, refer band, label."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.decisions.decision import REFER, judge, probability
from edge.models.metadata import Metadata
from edge.models.model_file import SHIPPED_MODEL, read_model_file

HEALTHY, LEUKEMIA = "healthy", "leukemia"
METADATA = replace(
    read_model_file(SHIPPED_MODEL).metadata, temperature=2.0, refer_band=(0.25, 0.75)
)
AT_THE_LOW_EDGE = probability(-1.5, 2.0)
AT_THE_HIGH_EDGE = probability(3.0, 2.0)

repeatable = settings(derandomize=True, deadline=None, database=None, max_examples=300)
margins = st.floats(allow_nan=False, allow_infinity=False)
temperatures = st.floats(0.05, 50)


@dataclass(frozen=True)
class Case:
    """A logit margin, and what it means with temperature 2 and a refer band."""

    name: str
    margin: float
    label: str
    decision: str
    band: tuple[float, float] = (0.25, 0.75)


CASES = [
    Case("clearly healthy", -5.0, "hem", HEALTHY),
    Case("clearly leukemic", 5.0, "all", LEUKEMIA),
    Case("rather healthy", -0.5, "hem", REFER),
    Case("rather leukemic", 0.5, "all", REFER),
    Case("undecided", 0.0, "all", REFER),
    Case("undecided, narrowest band", 0.0, "all", REFER, (0.5, 0.5)),
    Case("healthy, narrowest band", -1e-9, "hem", HEALTHY, (0.5, 0.5)),
    Case("leukemic, narrowest band", 1e-9, "all", LEUKEMIA, (0.5, 0.5)),
    Case("at the low edge", -1.5, "hem", REFER, (AT_THE_LOW_EDGE, 0.9)),
    Case("below the low edge", -1.5, "hem", HEALTHY, (math.nextafter(AT_THE_LOW_EDGE, 1), 0.9)),
    Case("at the high edge", 3.0, "all", REFER, (0.1, AT_THE_HIGH_EDGE)),
    Case("above the high edge", 3.0, "all", LEUKEMIA, (0.1, math.nextafter(AT_THE_HIGH_EDGE, 0))),
    Case("everything is referred", 1e6, "all", REFER, (0.0, 1.0)),
    Case("huge negative margin", -1e308, "hem", HEALTHY),
    Case("huge positive margin", 1e308, "all", LEUKEMIA),
]


def with_band(band: tuple[float, float]) -> Metadata:
    return replace(METADATA, refer_band=band)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_margin_gives_label_and_decision(case: Case) -> None:
    verdict = judge((0.0, case.margin), with_band(case.band))
    assert (verdict.label, verdict.decision) == (case.label, case.decision)
    assert verdict.probability == probability(case.margin, METADATA.temperature)


def test_the_probability_is_the_softmax_at_the_temperature() -> None:
    hem, leukemic, temperature = 1.25, -0.75, METADATA.temperature
    parts = [math.exp(logit / temperature) for logit in (hem, leukemic)]
    assert judge((hem, leukemic), METADATA).probability == pytest.approx(parts[1] / sum(parts))


def test_only_the_margin_between_the_logits_counts() -> None:
    assert judge((1.0, 3.0), METADATA) == judge((-9.0, -7.0), METADATA)


def test_swapping_the_logits_mirrors_the_probability() -> None:
    there, back = judge((0.5, 2.0), METADATA), judge((2.0, 0.5), METADATA)
    assert there.probability == pytest.approx(1 - back.probability)


@repeatable
@given(one=margins, other=margins, temperature=temperatures)
def test_a_larger_margin_never_makes_leukemia_less_probable(
    one: float, other: float, temperature: float
) -> None:
    low, high = sorted([one, other])
    assert 0 <= probability(low, temperature) <= probability(high, temperature) <= 1


@repeatable
@given(margin=st.floats(-20, 20), temperature=temperatures)
def test_the_side_of_one_half_is_the_sign_of_the_margin(margin: float, temperature: float) -> None:
    p = probability(margin, temperature)
    assert p >= 0.5 if margin >= 0 else p <= 0.5


@repeatable
@given(
    margin=margins,
    band=st.tuples(st.floats(0, 0.5), st.floats(0.5, 1)),
)
def test_a_probability_in_the_band_is_referred_and_no_other(
    margin: float, band: tuple[float, float]
) -> None:
    verdict = judge((0.0, margin), with_band(band))
    assert (verdict.decision == REFER) == (band[0] <= verdict.probability <= band[1])
    if verdict.decision != REFER:
        assert verdict.decision == (LEUKEMIA if verdict.label == "all" else HEALTHY)
