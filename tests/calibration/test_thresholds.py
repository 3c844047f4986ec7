"""Thresholds of several labels: they keep their targets, and refer no more than they must."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.probabilities.refer_band import choose_band, measure_band
from calibration.probabilities.thresholds import choose_thresholds, measure_thresholds
from edge.models.metadata import LEAST_THRESHOLD
from edge.statistics.answers import decide

Cells = tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]


@st.composite
def cells(draw: st.DrawFn, kinds: int = 3) -> Cells:
    """Probabilities and labels, every label there; none is as good as 1."""
    n = draw(st.integers(kinds, 40))
    random = np.random.default_rng(draw(st.integers(0, 999)))
    p = random.dirichlet(np.full(kinds, draw(st.sampled_from([0.2, 0.5, 1.0]))), n)
    if draw(st.booleans()):
        p = p[random.integers(0, kinds, n)]  # cells that are as likely as one another
    p = np.clip(p, 0, 0.999)
    return p, np.array([*range(kinds), *random.integers(0, kinds, n - kinds)])


shares = st.tuples(*[st.floats(0, 0.5)] * 3)


@given(cells(), shares)
def test_of_no_label_more_than_its_target_is_decided_as_any_one_other(
    given_cells: Cells, targets: tuple[float, float, float]
) -> None:
    p, labels = given_cells
    thresholds = choose_thresholds(p, labels, targets)
    assert all(LEAST_THRESHOLD <= threshold <= 1 for threshold in thresholds)
    found = measure_thresholds(thresholds, p, labels)
    for label, (of_label, target) in enumerate(zip(found.labels, targets, strict=True)):
        others = [share for other, share in enumerate(of_label.decided) if other != label]
        assert max(others) <= target
        assert of_label.wrong == pytest.approx(sum(others))
        assert of_label.referred + sum(of_label.decided) == pytest.approx(1)


@given(cells(), shares)
def test_no_smaller_threshold_keeps_the_targets(
    given_cells: Cells, targets: tuple[float, float, float]
) -> None:
    p, labels = given_cells
    thresholds = choose_thresholds(p, labels, targets)
    for label, threshold in enumerate(thresholds):
        if threshold > LEAST_THRESHOLD:
            lower = list(thresholds)
            lower[label] = float(np.nextafter(threshold, 0))
            found = measure_thresholds(lower, p, labels)
            assert any(
                found.labels[other].decided[label] > targets[other]
                for other in range(3)
                if other != label
            )


@given(cells(2), st.floats(0, 0.5), st.floats(0, 0.5))
def test_of_two_labels_thresholds_decide_as_a_band_does(
    given_cells: Cells, missed: float, false_alarms: float
) -> None:
    p, labels = given_cells
    # in binary fractions 1 - p is exact, and no cell lies at the least end of a band, which refers
    # it where a threshold decides
    p_positive = np.clip(np.round(p[:, 1] * 2**20), 1, 2**20 - 1) / 2**20
    both = np.stack([1 - p_positive, p_positive], axis=1)
    band = choose_band(p_positive, labels, missed, false_alarms)
    thresholds = choose_thresholds(both, labels, (false_alarms, missed))
    by_band = np.where(p_positive > band.high, 1, np.where(p_positive < band.low, 0, -1))
    assert decide(thresholds, both).tolist() == by_band.tolist()
    found, expected = (
        measure_thresholds(thresholds, both, labels),
        measure_band(band, p_positive, labels),
    )
    assert found.referred == pytest.approx(expected.referred)
    assert found.labels[1].wrong == pytest.approx(expected.missed)
    assert found.labels[0].wrong == pytest.approx(expected.false_alarms)


@given(cells(), st.lists(st.integers(1, 3), min_size=40, max_size=40))
def test_a_weight_is_as_good_as_that_many_cells(given_cells: Cells, times: list[int]) -> None:
    p, labels = given_cells
    weights = np.array(times[: len(labels)])
    targets = (0.25, 0.125, 0.5)  # binary fractions: no sum is rounded
    many = np.repeat(p, weights, axis=0), np.repeat(labels, weights)
    thresholds = choose_thresholds(*many, targets)
    assert choose_thresholds(p, labels, targets, weights) == thresholds
    weighted, plain = (
        measure_thresholds(thresholds, p, labels, weights),
        measure_thresholds(thresholds, *many),
    )
    assert weighted.referred == pytest.approx(plain.referred)
    assert weighted.wrong == pytest.approx(plain.wrong)


def test_what_becomes_of_the_cells_is_worked_out_by_hand() -> None:
    p = np.array(
        [[0.9, 0.1, 0.0], [0.3, 0.6, 0.1], [0.5, 0.3, 0.2], [0.1, 0.7, 0.2], [0.0, 0.1, 0.9]]
    )
    found = measure_thresholds((0.55, 0.65, 0.55), p, np.array([0, 0, 0, 1, 2]))
    assert found.labels[0].cells == 3
    assert found.labels[0].decided == pytest.approx((1 / 3, 0, 0))
    assert found.labels[0].referred == pytest.approx(2 / 3)
    assert (found.labels[1].decided, found.labels[2].decided) == ((0, 1, 0), (0, 0, 1))
    assert found.referred == pytest.approx(2 / 9)
    assert found.wrong == 0


def test_cells_that_nothing_confuses_need_no_more_than_the_least() -> None:
    p = np.eye(3) * 0.9 + 0.03
    assert choose_thresholds(p, np.arange(3), (0, 0, 0)) == (LEAST_THRESHOLD,) * 3
