"""Scores, their intervals, and McNemar's test."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn import metrics

from edge.errors import DataRefused
from edge.statistics.bootstrap import basis, draw_people
from edge.statistics.evaluation import Evaluation, evaluate
from edge.statistics.mcnemar import mcnemar
from edge.statistics.reliability import probabilities, reliability
from edge.statistics.scores import (
    SCORES,
    count_decisions,
    measure_scores,
    roc_curve,
    weighted_scores,
)
from train.report.paper import validation_accuracy

P_POSITIVE = np.array([0.1, 0.6, 0.2, 0.4, 0.7, 0.9, 0.8, 0.5])
MARGINS = np.log(P_POSITIVE / (1 - P_POSITIVE))
LABELS = np.array([0, 0, 0, 1, 1, 1, 1, 1])
SUBJECTS = np.array(["H1", "H1", "H2", "7", "7", "8", "8", "8"])
crop = st.tuples(st.integers(-3, 3), st.integers(0, 1), st.integers(0, 3))


def test_every_score_is_the_one_worked_out_by_hand() -> None:
    found = measure_scores(MARGINS, LABELS)
    assert found.accuracy == pytest.approx(6 / 8)
    assert found.balanced_accuracy == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert (found.precision_negative, found.recall_negative) == pytest.approx((2 / 3, 2 / 3))
    assert (found.precision_positive, found.recall_positive) == pytest.approx((4 / 5, 4 / 5))
    assert (found.f1_negative, found.f1_positive) == pytest.approx((2 / 3, 4 / 5))
    assert found.weighted_f1 == pytest.approx((3 * 2 / 3 + 5 * 4 / 5) / 8)
    # of 15 pairs, (0.6, 0.4) and (0.6, 0.5) stand the wrong way round
    assert found.auroc == pytest.approx(13 / 15)
    # in falling order: + + + - + + - -
    assert found.average_precision == pytest.approx((1 + 1 + 1 + 4 / 5 + 5 / 6) / 5)
    # one crop a bin: the mean of |label - p|
    assert found.ece == pytest.approx(np.abs(LABELS - P_POSITIVE).mean())
    assert found.brier == pytest.approx(np.mean((LABELS - P_POSITIVE) ** 2))


def test_confusion_and_basis_say_what_the_scores_rest_on() -> None:
    found = evaluate(MARGINS, LABELS, SUBJECTS, replicates=20)
    assert found.confusion == ((2, 1), (1, 4))
    assert (found.negative.crops, found.negative.subjects) == (3, 2)
    assert (found.positive.crops, found.positive.subjects) == (5, 2)
    assert found.negative.resampled == found.positive.resampled == "subjects"


def test_a_margin_of_zero_counts_as_positive() -> None:
    assert measure_scores(np.array([0.0, -0.1]), np.array([1, 0])).accuracy == 1


def test_huge_margins_are_ordered_and_overflow_nowhere() -> None:
    margins = np.array([-2e3, 800.0, 900.0, 1e3])
    found = measure_scores(margins, np.array([0, 0, 1, 1]))
    assert found.auroc == 1  # the last three probabilities are all 1
    assert probabilities(margins).tolist() == [0, 1, 1, 1]


def test_the_calibration_error_weighs_bins_by_their_crops() -> None:
    p_positive = np.array([0.22, 0.28, 0.9, 0.9, 0.9, 1.0])
    labels = np.array([0, 1, 1, 1, 1, 0])
    first, second = reliability(p_positive, labels)
    assert (first.crops, first.predicted, first.observed) == (2, pytest.approx(0.25), 0.5)
    assert (second.crops, second.predicted, second.observed) == (4, pytest.approx(0.925), 0.75)
    margins = np.log(p_positive) - np.log(np.maximum(1 - p_positive, 1e-12))
    found = measure_scores(margins, labels)
    assert found.ece == pytest.approx((2 * 0.25 + 4 * 0.175) / 6)


@pytest.mark.parametrize("label", [0, 1])
def test_a_test_set_of_one_class_is_refused(label: int) -> None:
    with pytest.raises(DataRefused, match="both classes"):
        evaluate(np.array([1.0, 2.0]), np.array([label, label]), np.array(["a", "b"]))


@settings(max_examples=40)
@given(st.lists(crop, min_size=2, max_size=30))
def test_the_roc_curve_and_the_counts_are_scikit_learns(crops: list[tuple[int, int, int]]) -> None:
    values, labels, _ = (np.array(c) for c in zip((1, 0, 1), (0, 1, 1), *crops, strict=True))
    margins = values.astype(float)
    false_alarms, found = roc_curve(margins, labels)
    expected = metrics.roc_curve(labels, margins, drop_intermediate=False)
    assert false_alarms == pytest.approx(expected[0])
    assert found == pytest.approx(expected[1])
    counts = metrics.confusion_matrix(labels, margins >= 0, labels=[0, 1])
    assert np.array_equal(count_decisions(margins, labels), counts)


def test_validation_accuracy_is_the_mean_over_all_epochs() -> None:
    assert validation_accuracy([0.5, 0.7, 0.9]) == pytest.approx(0.7)
    assert validation_accuracy([]) is None


@settings(max_examples=40)  # scikit-learn takes its time
@given(st.lists(crop, min_size=2, max_size=30))
def test_weighted_scores_are_scikit_learns(crops: list[tuple[int, int, int]]) -> None:
    # one crop of each class always counts; margins repeat, so that there are ties
    crops = [(1, 0, 1), (0, 1, 1), *crops]
    values, labels, weights = (np.array(column) for column in zip(*crops, strict=True))
    margins = values.astype(float)
    found = weighted_scores(margins, labels, weights[None].astype(float))
    decided, p_positive = margins >= 0, probabilities(margins)
    weighted = {"sample_weight": weights}
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        labels, decided, labels=[0, 1], zero_division=0, **weighted
    )
    expected = {
        "accuracy": metrics.accuracy_score(labels, decided, **weighted),
        "balanced_accuracy": metrics.balanced_accuracy_score(labels, decided, **weighted),
        "weighted_f1": metrics.f1_score(
            labels, decided, average="weighted", zero_division=0, **weighted
        ),
        **{f"precision_{name}": precision[i] for i, name in enumerate(("negative", "positive"))},
        **{f"recall_{name}": recall[i] for i, name in enumerate(("negative", "positive"))},
        **{f"f1_{name}": f1[i] for i, name in enumerate(("negative", "positive"))},
        "auroc": metrics.roc_auc_score(labels, margins, **weighted),
        "average_precision": metrics.average_precision_score(labels, margins, **weighted),
        "brier": metrics.brier_score_loss(labels, p_positive, **weighted),
    }
    assert {name: values[0] for name, values in found.items() if name != "ece"} == pytest.approx(
        expected
    )


@given(st.lists(crop, min_size=2, max_size=30))
def test_weights_of_one_give_the_plain_scores(crops: list[tuple[int, int, int]]) -> None:
    crops = [(1, 0, 1), (0, 1, 1), *crops]
    values, labels, _ = (np.array(column) for column in zip(*crops, strict=True))
    margins = values.astype(float)
    plain = measure_scores(margins, labels)
    found = weighted_scores(margins, labels, np.ones((1, len(labels))))
    assert set(found) == set(SCORES)
    for name in SCORES:
        assert found[name][0] == pytest.approx(getattr(plain, name))


def people(
    seed: int, subjects: int = 8, crops: int = 30, spread: float = 1.0
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64], npt.NDArray[np.str_]]:
    """Margins of `subjects` people a class; whose cell it is moves them by `spread`."""
    random = np.random.default_rng(seed)
    labels = np.repeat([0, 1], subjects * crops)
    person = np.repeat(np.arange(2 * subjects), crops)
    shift = random.normal(0, spread, 2 * subjects)
    margins = random.logistic(2.0 * labels - 1, 1.0) + shift[person]
    return margins, labels, np.array([f"{'H' if i < subjects else ''}{i}" for i in person])


@pytest.mark.parametrize("seed", range(5))
def test_an_interval_holds_the_measured_value(seed: int) -> None:
    found = evaluate(*people(seed), replicates=200)
    for name in SCORES:
        estimate = found.estimate(name)
        assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1
        assert estimate.low < estimate.high


def width(found: Evaluation, name: str) -> float:
    return getattr(found.high, name) - getattr(found.low, name)


def test_drawing_people_gives_wider_intervals_than_drawing_cells() -> None:
    margins, labels, subjects = people(1, spread=1.5)
    each_its_own = np.array([str(i) for i in range(len(labels))])
    of_people = evaluate(margins, labels, subjects)
    of_cells = evaluate(margins, labels, each_its_own)
    assert of_cells.negative.resampled == "crops"
    assert of_people.scores == of_cells.scores
    for name in ("balanced_accuracy", "auroc", "recall_negative"):
        assert width(of_people, name) > 2 * width(of_cells, name)


def test_the_same_seed_gives_the_same_intervals() -> None:
    data = people(2)
    assert evaluate(*data, replicates=50) == evaluate(*data, replicates=50)
    assert evaluate(*data, replicates=50) != evaluate(*data, replicates=50, seed=1)


@given(
    negative=st.lists(st.integers(1, 9), min_size=1, max_size=6),
    positive=st.lists(st.integers(1, 9), min_size=2, max_size=6),
    replicates=st.integers(1, 450),
)
def test_people_are_drawn_whole_and_classes_keep_their_size(
    negative: list[int], positive: list[int], replicates: int
) -> None:
    counts = {f"H{i}": n for i, n in enumerate(negative)} | {
        f"{i}": n for i, n in enumerate(positive)
    }
    subjects = np.repeat(list(counts), list(counts.values()))
    labels = np.array([not subject.startswith("H") for subject in subjects], int)
    drawn = np.concatenate(list(draw_people(labels, subjects, replicates, seed=0)))
    assert drawn.shape == (replicates, len(labels))
    for label in (0, 1):
        assert drawn[:, labels == label].sum(axis=1) == pytest.approx(np.sum(labels == label))
    for subject in counts:
        if subject.startswith("H") and len(negative) == 1:
            continue  # its crops are drawn one by one
        of_subject = drawn[:, subjects == subject]
        assert (of_subject == of_subject[:, :1]).all()


def test_the_crops_of_an_only_subject_are_drawn_one_by_one() -> None:
    labels = np.array([0] * 12 + [1] * 6)
    subjects = np.array(["H1"] * 12 + ["7", "8", "9"] * 2)
    assert basis(subjects[labels == 0]).resampled == "crops of one subject"
    (drawn,) = draw_people(labels, subjects, 100, seed=0)
    assert len(np.unique(drawn[:, :12])) > 2
    assert np.ptp(drawn[:, 0]) > 0


@pytest.mark.parametrize(
    ("only_first", "only_second", "p_value"),
    [
        (0, 0, 1.0),
        (1, 0, 1.0),
        (5, 5, 1.0),
        (6, 0, 2 / 64),
        (10, 2, 2 * (1 + 12 + 66) / 4096),
        (0, 1200, 0.0),  # 2**-1199 is below the smallest float
    ],
)
def test_mcnemar_gives_known_values(only_first: int, only_second: int, p_value: float) -> None:
    first = np.array([True] * only_first + [False] * only_second + [True, False] * 7)
    second = np.array([False] * only_first + [True] * only_second + [True, False] * 7)
    found = mcnemar(first, second)
    assert (found.only_first, found.only_second) == (only_first, only_second)
    assert found.p_value == pytest.approx(p_value)
    assert mcnemar(second, first).p_value == found.p_value


@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemar_is_the_two_sided_binomial_test(only_first: int, only_second: int) -> None:
    first = np.repeat([True, False], [only_first, only_second])
    expected = 1.0
    if len(first):
        expected = binomtest(only_first, len(first), 0.5).pvalue
    assert mcnemar(first, ~first).p_value == pytest.approx(expected)
