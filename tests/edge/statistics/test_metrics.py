"""Accuracy of probabilities against labels."""

from __future__ import annotations

import numpy as np
import pytest

from edge.statistics.metrics import measure, per_negative_subject

P_POSITIVE = np.array([0.1, 0.6, 0.2, 0.4, 0.7, 0.9, 0.8, 0.5])
MARGINS = np.log(P_POSITIVE / (1 - P_POSITIVE))
LABELS = np.array([0, 0, 0, 1, 1, 1, 1, 1])
SUBJECTS = np.array(["H1", "H1", "H2", "7", "7", "8", "8", "8"])


def test_every_number_is_the_one_worked_out_by_hand() -> None:
    found = measure(MARGINS, LABELS, SUBJECTS)
    assert (found.crops, found.negative_subjects, found.positive_subjects) == (8, 2, 2)
    assert found.accuracy == pytest.approx(6 / 8)
    assert found.sensitivity == pytest.approx(4 / 5)
    assert found.specificity == pytest.approx(2 / 3)
    assert found.balanced_accuracy == pytest.approx((4 / 5 + 2 / 3) / 2)
    # F1 of negative: 2*2/(3+3), of positive: 2*4/(5+5)
    assert found.weighted_f1 == pytest.approx((3 * 2 / 3 + 5 * 4 / 5) / 8)
    # of 15 pairs, (0.6, 0.4) and (0.6, 0.5) stand the wrong way round
    assert found.auroc == pytest.approx(13 / 15)


def test_a_probability_of_one_half_counts_as_positive() -> None:
    found = measure(np.array([0.0, -0.4]), np.array([1, 0]), np.array(["7", "H1"]))
    assert found.accuracy == 1


def test_a_negative_subject_is_measured_against_all_positive_cells() -> None:
    found = per_negative_subject(MARGINS, LABELS, SUBJECTS)
    assert list(found) == ["H1", "H2"]
    assert found["H1"].specificity == pytest.approx(1 / 2)
    assert found["H2"].specificity == 1
    assert {metrics.sensitivity for metrics in found.values()} == {4 / 5}
    assert [metrics.crops for metrics in found.values()] == [7, 6]
