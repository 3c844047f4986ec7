"""Scores of several labels: scikit-learn's, and their intervals."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from edge.errors import DataRefused
from edge.statistics.balanced import balance, brier_score_several, calibration_error_several
from edge.statistics.reliability import margins_of
from edge.statistics.risk_coverage import COVERAGES, selective_risks, selective_risks_several
from edge.statistics.scores import measure_scores
from edge.statistics.several import (
    SCORES,
    SCORES_OF_LABEL,
    confusion_of,
    evaluate_several,
    likeliest_errors,
    measure_several,
    probabilities_of,
    squared_errors,
)

Cells = tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]


@st.composite
def cells(draw: st.DrawFn, fewest: int = 3, most: int = 5) -> Cells:
    """Logits and labels, every label there; rows come from a small pool, so that there are ties."""
    kinds = draw(st.integers(fewest, most))
    pool = np.random.default_rng(draw(st.integers(0, 999))).normal(0, 3, (6, kinds))
    rows = draw(st.lists(st.integers(0, 5), min_size=kinds, max_size=30))
    more = st.lists(
        st.integers(0, kinds - 1), min_size=len(rows) - kinds, max_size=len(rows) - kinds
    )
    return pool[rows], np.array([*range(kinds), *draw(more)])


@settings(max_examples=30)  # scikit-learn takes its time
@given(cells())
def test_every_score_is_scikit_learns(given_cells: Cells) -> None:
    logits, labels = given_cells
    kinds = logits.shape[1]
    found = measure_several(logits, labels)
    decided, p = logits.argmax(axis=1), probabilities_of(logits)
    assert found.accuracy == pytest.approx(metrics.accuracy_score(labels, decided))
    assert found.balanced_accuracy == pytest.approx(
        metrics.balanced_accuracy_score(labels, decided)
    )
    precision, recall, f1, cells_of = metrics.precision_recall_fscore_support(
        labels, decided, labels=range(kinds), zero_division=0
    )
    aurocs = [metrics.roc_auc_score(labels == label, p[:, label]) for label in range(kinds)]
    assert [each.precision for each in found.labels] == pytest.approx(precision)
    assert [each.recall for each in found.labels] == pytest.approx(recall)
    assert [each.f1 for each in found.labels] == pytest.approx(f1)
    assert [each.cells for each in found.labels] == cells_of.tolist()
    assert [each.auroc for each in found.labels] == pytest.approx(aurocs)
    assert found.auroc == pytest.approx(metrics.roc_auc_score(labels, p, multi_class="ovr"))
    assert found.brier == pytest.approx(
        metrics.brier_score_loss(labels, p, labels=range(kinds), scale_by_half=False)
    )
    expected = metrics.confusion_matrix(labels, decided, labels=range(kinds))
    assert np.array_equal(confusion_of(logits, labels), expected)


@given(cells(2, 2))
def test_of_two_labels_the_scores_are_those_of_margins(given_cells: Cells) -> None:
    logits, labels = given_cells
    several, two = measure_several(logits, labels), measure_scores(margins_of(logits), labels)
    assert several.accuracy == pytest.approx(two.accuracy)
    assert several.balanced_accuracy == pytest.approx(two.balanced_accuracy)
    assert several.auroc == pytest.approx(two.auroc)
    assert several.brier == pytest.approx(2 * two.brier)
    assert several.labels[1].f1 == pytest.approx(two.f1_positive)
    assert several.labels[0].precision == pytest.approx(two.precision_negative)
    risks = selective_risks_several(probabilities_of(logits), labels)
    assert risks == pytest.approx(selective_risks(margins_of(logits), labels), abs=1e-9)


def test_the_calibration_error_is_the_gap_between_sureness_and_being_right() -> None:
    p = np.array([[0.72, 0.2, 0.08], [0.08, 0.78, 0.14], [0.45, 0.3, 0.25]])
    labels = np.array([0, 0, 0])
    # 0.72 and 0.78 share a bin, in which one of two is right; 0.45 is right alone in its bin
    ones = np.ones((1, 3))
    assert likeliest_errors(p, labels, ones)[0] == pytest.approx((abs(1 - 1.5) + 0.55) / 3)
    assert squared_errors(p, labels)[1] == pytest.approx(0.92**2 + 0.78**2 + 0.14**2)


def test_every_label_weighs_the_same_in_balanced_scores() -> None:
    labels = np.array([0, 0, 0, 0, 1, 2])
    p = np.tile([0.6, 0.3, 0.1], (6, 1))
    assert brier_score_several(p, labels) == pytest.approx(
        np.mean([squared_errors(p, np.full(6, label))[0] for label in range(3)])
    )
    assert calibration_error_several(p, labels) == pytest.approx(abs(1 / 3 - 0.6))
    assert [balance(labels, kinds=3)[labels == label].sum() for label in range(3)] == (
        pytest.approx([1 / 3] * 3)
    )


def test_huge_logits_are_ordered_and_overflow_nowhere() -> None:
    logits = np.array([[2e3, 0.0, 0.0], [1e3, 0, 0], [0, 3e3, 0], [0, 0, 1e4]])
    found = measure_several(logits, np.array([0, 1, 1, 2]))
    assert found.labels[0].auroc == 1  # both probabilities of it are 1, but one is surer
    assert np.isfinite([getattr(found, name) for name in SCORES]).all()


def test_the_surest_are_decided_first() -> None:
    p = np.array([[0.9, 0.05, 0.05], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6], [0.5, 0.3, 0.2]])
    labels = np.array([0, 1, 2, 2])
    risks = dict(zip(COVERAGES, selective_risks_several(p, labels), strict=True))
    # labels weigh the same: the two cells of label 2 a sixth each
    assert risks[0.8] == 0
    assert risks[1.0] == pytest.approx(1 / 6)


def people(seed: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64], list[str]]:
    """Logits of eight people with 20 cells of each of three labels."""
    random = np.random.default_rng(seed)
    labels = np.tile(np.repeat([0, 1, 2], 20), 8)
    person = np.repeat(np.arange(8), 60)
    logits = random.normal(0, 1, (480, 3)) + 1.2 * np.eye(3)[labels]
    return logits + random.normal(0, 0.8, (8, 3))[person], labels, [f"p{i}" for i in person]


def test_intervals_hold_what_was_measured_and_say_what_they_rest_on() -> None:
    logits, labels, subjects = people(0)
    found = evaluate_several(logits, labels, np.array(subjects), replicates=100)
    again = evaluate_several(logits, labels, np.array(subjects), replicates=100)
    assert found == again
    assert found.scores == measure_several(logits, labels)
    estimates = [found.estimate(name) for name in SCORES]
    estimates += [found.estimate_of(label, n) for label in range(3) for n in SCORES_OF_LABEL]
    for estimate in estimates:
        assert 0 <= estimate.low <= estimate.value <= estimate.high <= 2
        assert estimate.low < estimate.high
    assert [(each.crops, each.subjects) for each in found.of_labels] == [(160, 8)] * 3
    assert sum(map(sum, found.confusion)) == 480


def test_drawing_people_gives_wider_intervals_than_drawing_cells() -> None:
    logits, labels, subjects = people(1)
    alone = np.array([f"{i}" for i in range(480)])
    of_people, of_cells = (
        evaluate_several(logits, labels, whose, replicates=200).estimate("balanced_accuracy")
        for whose in (np.array(subjects), alone)
    )
    assert of_people.high - of_people.low > 1.5 * (of_cells.high - of_cells.low)


def test_a_label_without_cells_is_refused_by_its_number() -> None:
    with pytest.raises(DataRefused, match="it has none of 1, counted from 0"):
        measure_several(np.zeros((2, 3)), np.array([0, 2]))
