"""Control charts, and accuracy from few reviews."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import DataRefused
from edge.statistics.control_rules import broken_rules, bull_average, deviations
from edge.statistics.prediction_powered import Reviewed, accuracy_of


@pytest.mark.parametrize(
    ("z", "broken"),
    [
        ([], ()),
        ([0.5], ()),
        ([2.5], ("1-2s",)),
        ([-3.5], ("1-2s", "1-3s")),
        ([2.1, 2.2], ("1-2s", "2-2s")),
        ([2.1, -2.2], ("1-2s", "R-4s")),
        ([1.1, 1.2, 1.3, 1.4], ("4-1s",)),
        ([1.1, 1.2, -1.3, 1.4], ()),
        ([-0.1] * 10, ("10-x",)),
        ([-0.1] * 9 + [0.1], ()),
        ([5.0, 0.0], ()),
    ],
)
def test_rules_are_broken_by_the_last_value_and_those_before(
    z: list[float], broken: tuple[str, ...]
) -> None:
    assert broken_rules(z) == broken
    assert broken_rules([-each for each in z]) == broken


def test_a_control_that_never_varied_has_no_chart() -> None:
    assert deviations([12.0, 9.0], 10.0, 2.0) == [1.0, -0.5]
    with pytest.raises(ValueError, match="measure it on more days"):
        deviations([1.0], 1.0, 0.0)


@given(st.floats(-100, 100), st.floats(-50, 50))
def test_the_moving_average_follows_a_shift_and_hardly_one_odd_smear(
    mean: float, shift: float
) -> None:
    assert bull_average([mean + shift] * 20, mean) == pytest.approx(mean + shift, abs=1e-6)
    odd = bull_average([mean] * 19 + [mean + shift], mean)
    assert odd - mean == pytest.approx(shift / 400, abs=1e-6)


def reviews(n: int, cells: int, accuracy: float, seed: int) -> tuple[Reviewed, np.ndarray]:
    """Cells that are right a tenth less often than expected; unsure ones are drawn more often."""
    random = np.random.default_rng(seed)
    expected = np.clip(random.normal(accuracy + 0.1, 0.1, cells), 0.05, 1)
    is_right = random.random(cells) < np.clip(expected - 0.1, 0, 1)
    share = n / cells * np.where(expected < accuracy + 0.1, 1.5, 0.5)
    drawn = random.random(cells) < share
    return Reviewed(is_right[drawn], expected[drawn], share[drawn]), expected


def test_accuracy_is_right_on_average_though_the_network_is_too_sure() -> None:
    found = [accuracy_of(*reviews(200, 5000, 0.75, seed)) for seed in range(200)]
    truth = 0.75
    assert np.mean([each.value for each in found]) == pytest.approx(truth, abs=0.01)
    held = np.mean([each.low <= truth <= each.high for each in found])
    assert 0.9 <= held <= 1


def test_too_few_reviews_and_cells_nobody_could_draw_are_refused() -> None:
    few, expected = reviews(10, 1000, 0.75, 0)
    with pytest.raises(DataRefused, match="more cells"):
        accuracy_of(few, expected)
    many, expected = reviews(200, 1000, 0.75, 0)
    never = Reviewed(many.is_right, many.expected, np.zeros_like(many.drawn_with))
    with pytest.raises(DataRefused, match="not above 0"):
        accuracy_of(never, expected)
