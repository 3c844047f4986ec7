"""Cohen's kappa: worked examples, another library, and what holds for all readers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.statistics.agreement import cohens_kappa

SAID = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1, max_size=60
).map(lambda pairs: tuple(zip(*pairs, strict=True)))


def test_an_example_of_the_literature() -> None:
    """Two raters of 50 proposals: 20 both yes, 15 both no, 5 and 10 crosswise; kappa 0.40."""
    first = ["yes"] * 25 + ["no"] * 25
    second = ["yes"] * 20 + ["no"] * 5 + ["yes"] * 10 + ["no"] * 15
    found = cohens_kappa(first, second)
    assert found.cells == 50
    assert found.alike == pytest.approx(0.7)
    assert found.kappa == pytest.approx(0.4)


@pytest.mark.slow  # importing it takes seconds
@settings(deadline=None)
@given(SAID)
def test_it_is_that_of_scikit_learn(said: tuple[tuple[str, ...], tuple[str, ...]]) -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="needs the build side")
    found = cohens_kappa(*said)
    if found.kappa is None:
        assert len({*said[0], *said[1]}) == 1
    else:
        assert found.kappa == pytest.approx(metrics.cohen_kappa_score(*said), abs=1e-9)


@given(SAID)
def test_its_interval_holds_it_and_the_order_of_readers_does_not_matter(
    said: tuple[tuple[str, ...], tuple[str, ...]],
) -> None:
    found, turned = cohens_kappa(*said), cohens_kappa(*said[::-1])
    assert (found.kappa is None) == (turned.kappa is None)
    if found.low is not None:
        assert found.kappa is not None
        assert found.high is not None
        assert -1 <= found.low <= found.kappa <= found.high <= 1
        assert turned.low is not None
        assert math.isclose(turned.low, found.low, abs_tol=1e-9)


def test_the_interval_holds_the_truth_nineteen_times_of_twenty() -> None:
    """Readers who are right with 0.85, of two labels alike: kappa is 0.7 squared, 0.49."""
    random = np.random.default_rng(7)
    held = 0
    for _ in range(400):
        truth = random.integers(0, 2, 200)
        readings = [np.where(random.random(200) < 0.85, truth, 1 - truth) for _ in range(2)]
        found = cohens_kappa(*([*map(str, reading)] for reading in readings))
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 0.49 <= found.high
    assert 0.92 < held / 400 < 0.98


def test_readers_of_different_cells_are_not_compared() -> None:
    with pytest.raises(ValueError, match="same cells"):
        cohens_kappa(["a"], ["a", "b"])
    with pytest.raises(ValueError, match="one at least"):
        cohens_kappa([], [])
