"""Fidelity: what each stage of a conversion changes, on made-up logits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import rel_entr, softmax
from sklearn.metrics import f1_score as sklearn_f1

from calibration.probabilities.predictions import logits_of
from calibration.probabilities.refer_band import ReferBand
from convert.chosen_cells import drawn_cells
from convert.verify.fidelity import Fidelity, Stages, compare
from edge.crops.drawn import draw_cell
from edge.crops.preprocess import to_crop
from edge.errors import GateFailed
from edge.statistics.accuracy_change import SEVERAL_SCORES, measure_change
from edge.statistics.answers import kl_divergence, margins_of
from edge.statistics.bootstrap import draw_people
from edge.statistics.scores import weighted_scores

BAND = ReferBand(0.4, 0.6)
TWIN = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 0.1], [0.2, 0.0]])
INT8 = np.array([[0.0, 1.0], [1.1, 0.0], [0.1, 0.0], [0.0, 0.0]])


def stages(twin: npt.NDArray[np.floating], int8: npt.NDArray[np.floating]) -> Stages:
    """Stages of unlabelled cells called a, b, c and so on, Keras 1e-4 off in every logit."""
    names = np.array([chr(ord("a") + i) for i in range(len(twin))])
    return Stages(twin + 1e-4, twin, int8, 0.1, names, None, None, "made up")


def compared(int8: npt.NDArray[np.floating] = INT8, temperature: float = 1.0) -> Fidelity:
    return compare(stages(TWIN, int8), temperature, BAND)


def labelled(n: int, errs: float, seed: int = 0) -> Stages:
    """Stages of n cells of eight people, int8 off by a normal error."""
    random = np.random.default_rng(seed)
    subjects = random.integers(0, 8, n)
    labels = (subjects % 2).astype(np.int32)
    margins = 2.0 * labels - 1 + random.normal(0, 1, n)
    twin = np.stack([-margins / 2, margins / 2], axis=1)
    int8 = twin + random.normal(0, errs, twin.shape)
    names = np.array([f"cell-{i}" for i in range(n)])
    return Stages(twin, twin, int8, 0.01, names, labels, subjects.astype(str), "made up")


def test_a_comparison_counts_flips_and_how_near_the_boundary_they_were() -> None:
    found = compared().quantization
    assert (found.before, found.after) == ("float TFLite", "int8 TFLite")
    assert found.agreement == 0.5
    assert found.flip_margin == pytest.approx(0.2)
    assert found.max_logit_error == pytest.approx(0.2)
    assert found.mean_logit_error == pytest.approx(0.5 / 8)
    assert found.max_steps == pytest.approx(2)
    assert found.mean_steps == pytest.approx(0.5 / 0.8)


def test_an_error_to_one_side_shows_as_a_shift_of_the_margin() -> None:
    assert compared(TWIN + np.array([0.1, -0.2])).quantization.margin_shift == pytest.approx(-0.3)
    assert compared(TWIN + 0.1).quantization.margin_shift == pytest.approx(0)


def test_a_name_that_is_no_text_can_still_be_shown() -> None:
    odd = replace(stages(TWIN, INT8), names=np.array(["a", "b", "c\udcff", "d"]))
    (_, flip) = compare(odd, 1, BAND).quantization.flips
    assert flip.name.startswith("c")
    assert flip.name.encode()


def test_flips_are_named_the_farthest_from_the_boundary_first() -> None:
    first, second = compared().quantization.flips
    assert [(first.name, first.cell), (second.name, second.cell)] == [("d", 3), ("c", 2)]
    assert (first.margin_before, first.margin_after) == pytest.approx((-0.2, 0))
    assert first.p_before == pytest.approx(1 / (1 + np.exp(0.2)))
    assert first.p_after == 0.5
    assert first.label is None


def test_a_flip_outside_the_refer_band_is_told_from_one_that_a_person_sees() -> None:
    turned = np.array([[0.0, 1.0], [0.0, 1.0], [0.0, 0.1], [0.0, 0.0]])
    found = compared(turned).quantization
    assert [flip.name for flip in found.flips_outside_band] == ["b"]
    # at temperature 5, a margin of -1 is p = 0.45: in the band
    assert compared(turned, temperature=5).quantization.flips_outside_band == ()


def test_decisions_change_where_a_probability_crosses_an_end_of_the_band() -> None:
    # b leaves healthy for refer without a flip; a, c and d keep their decisions
    found = compared(np.array([[0.0, 1.0], [0.3, 0.0], [0.0, 0.1], [0.2, 0.0]])).quantization
    assert found.flips == ()
    assert found.decisions_changed == 1


def test_the_export_is_compared_in_its_own_right_and_has_no_int8_steps() -> None:
    found = compared().export
    assert (found.before, found.after) == ("Keras", "float TFLite")
    assert found.max_logit_error == pytest.approx(1e-4)
    assert found.max_steps is None
    assert found.mean_steps is None
    assert found.flips == ()


def test_the_summary_is_what_a_model_file_says_of_its_fidelity() -> None:
    summary = compared().summary()
    assert set(summary) == {
        "cells",
        "cells_are",
        "parity",
        "agreement",
        "flips",
        "flip_margin",
        "mean_logit_error",
        "max_logit_error",
        "logit_step",
    }
    assert summary["parity"] == pytest.approx(1e-4)
    assert (summary["cells"], summary["flips"], summary["agreement"]) == (4, 2, 0.5)


@given(st.integers(2, 5), st.data())
def test_the_divergence_is_that_of_the_two_softmax_outputs(
    labels: int, data: st.DataObject
) -> None:
    logits = st.tuples(*[st.floats(-50, 50, width=32)] * labels)
    pairs = data.draw(st.lists(st.tuples(logits, logits), min_size=1, max_size=20))
    before, after = (np.array([pair[i] for pair in pairs], np.float64) for i in (0, 1))
    p, q = softmax(before, axis=1), softmax(after, axis=1)
    expected = rel_entr(p, q).sum(axis=1)
    np.testing.assert_allclose(kl_divergence(before, after), expected, rtol=1e-6, atol=1e-12)


def test_the_divergence_of_logits_far_out_is_finite() -> None:
    far = kl_divergence(np.array([[-2e3, 2e3]]), np.array([[2e3, -2e3]]))
    assert far == pytest.approx(8e3 / 2)
    far = kl_divergence(np.array([[-2e3, 2e3, 0]]), np.array([[2e3, -2e3, 0]]))
    assert far == pytest.approx(8e3 / 2)


@given(st.integers(0, 1000))
def test_equal_stages_agree_in_everything(seed: int) -> None:
    found = compare(labelled(40, errs=0, seed=seed), 1.5, BAND).quantization
    assert found.agreement == 1
    assert found.max_kl == 0
    if found.accuracy:
        assert all(s.low == s.difference == s.high == 0 for s in found.accuracy.scores)
        assert found.accuracy.mcnemar.p_value == 1


def test_the_change_of_accuracy_is_paired_and_narrower_than_one_that_is_not() -> None:
    made_up = labelled(400, errs=0.05)
    assert made_up.labels is not None
    assert made_up.subjects is not None
    margins = margins_of(made_up.twin), margins_of(made_up.int8)
    both = made_up.twin, made_up.int8
    found = measure_change(*both, made_up.labels, made_up.subjects, 1.0, 400).of("auroc")
    first, second = (
        np.concatenate(
            [
                weighted_scores(of_stage, made_up.labels, weights)["auroc"]
                for weights in draw_people(made_up.labels, made_up.subjects, 400, seed)
            ]
        )
        for seed, of_stage in enumerate(margins)
    )
    low, high = np.percentile(second - first, (2.5, 97.5))
    assert found.low <= found.difference <= found.high
    assert found.high - found.low < (high - low) / 5


def test_the_change_of_every_score_is_the_one_worked_out_by_hand() -> None:
    labels = np.array([0, 0, 1, 1])
    was, now = np.array([-1.0, 0.5, 1.0, 2.0]), np.array([-1.0, -0.5, -2.0, 2.0])
    people = np.array(["H1", "H2", "1", "2"])
    found = measure_change(logits_of(was), logits_of(now), labels, people, 1.0, replicates=20)
    assert (found.of("sensitivity").before, found.of("sensitivity").after) == (1, 0.5)
    assert (found.of("specificity").before, found.of("specificity").after) == (0.5, 1)
    assert found.of("auroc").before == 1
    assert found.of("auroc").after == pytest.approx(0.5)
    assert found.of("sensitivity").difference == -0.5
    assert (found.mcnemar.only_first, found.mcnemar.only_second) == (1, 1)
    assert [basis.subjects for basis in found.of_labels] == [2, 2]


def test_probabilities_are_calibrated_before_their_error_is_measured() -> None:
    made_up = labelled(200, errs=0.05)
    raw, calibrated = (compare(made_up, t, BAND).quantization.accuracy for t in (1.0, 3.0))
    assert raw is not None
    assert calibrated is not None
    assert raw.of("ece").before != calibrated.of("ece").before
    assert raw.of("auroc").before == calibrated.of("auroc").before


@pytest.mark.parametrize("labels", [None, np.zeros(40, np.int32)])
def test_accuracy_is_unknown_without_labels_of_both_classes(
    labels: npt.NDArray[np.int32] | None,
) -> None:
    made_up = replace(labelled(40, errs=0.05), labels=labels)
    assert compare(made_up, 1, BAND).quantization.accuracy is None


@pytest.mark.parametrize(
    ("stage", "words"),
    [("keras", "Keras gives NaN"), ("twin", "float TFLite gives"), ("int8", "int8 TFLite gives")],
)
def test_a_stage_that_gives_no_number_fails_and_names_the_cell(stage: str, words: str) -> None:
    logits = TWIN.copy()
    logits[2, 1] = np.inf
    with pytest.raises(GateFailed, match=f"{words}.* 1 of 4 cells, first for c"):
        compare(replace(stages(TWIN, INT8), **{stage: logits}), 1, BAND)


def test_drawn_cells_are_called_as_the_files_they_are_drawn_into(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("convert.chosen_cells._DRAWN_FOR_FIDELITY", 8)
    cells = drawn_cells(32)
    assert len(cells.names) == len(cells.evaluation) == 8
    place = cells.names.tolist().index("cell-007.png")
    assert np.array_equal(cells.evaluation[place], to_crop(draw_cell(7), 32))


THRESHOLDS = (0.6, 0.6, 0.9)
OF_THREE = np.array([[3.0, 0, 0], [0, 3, 0], [0, 0, 3], [1, 0.8, -2]])


def three(int8: npt.NDArray[np.floating], labels: npt.NDArray[np.integer] | None = None) -> Stages:
    found = stages(OF_THREE, int8)
    subjects = None if labels is None else np.array(list("pqrs"))
    return replace(found, labels=labels, subjects=subjects)


def test_of_three_labels_a_flip_has_the_likeliest_before_and_after() -> None:
    int8 = OF_THREE.copy()
    int8[3] = (0.8, 1, -2)
    found = compare(three(int8), 1.0, None, THRESHOLDS).quantization
    (flip,) = found.flips
    assert (flip.cell, flip.likeliest_before, flip.likeliest_after) == (3, 0, 1)
    assert flip.margin_before == pytest.approx(0.2)
    assert flip.p_before == pytest.approx(softmax(OF_THREE[3])[0])
    assert flip.in_band  # 0.53 is below the threshold of 0.6
    assert (found.agreement, found.decisions_changed) == (0.75, 0)
    assert found.margin_shift is None
    assert found.max_p_error == pytest.approx(np.abs(softmax(int8[3]) - softmax(OF_THREE[3])).max())


def test_of_three_labels_a_decision_changes_at_the_threshold_of_its_label() -> None:
    int8 = OF_THREE.copy()
    int8[2, 2] = 2.5  # 0.86, where the third label needs 0.9
    found = compare(three(int8), 1.0, None, THRESHOLDS).quantization
    assert (found.flips, found.decisions_changed) == ((), 1)


def test_of_three_labels_accuracy_is_that_of_the_likeliest() -> None:
    int8 = OF_THREE.copy()
    int8[3] = (0.8, 1, -2)
    found = compare(three(int8, np.array([0, 1, 2, 0])), 1.0, None, THRESHOLDS).quantization
    assert found.accuracy is not None
    assert [change.score for change in found.accuracy.scores] == list(SEVERAL_SCORES)
    assert (found.accuracy.of("accuracy").before, found.accuracy.of("accuracy").after) == (1, 0.75)
    assert found.accuracy.of("balanced_accuracy").after == pytest.approx((0.5 + 1 + 1) / 3)
    f1 = sklearn_f1([0, 1, 2, 0], [0, 1, 2, 1], average="weighted")
    assert found.accuracy.of("weighted_f1").after == pytest.approx(f1)
    assert (found.accuracy.mcnemar.only_first, found.accuracy.mcnemar.only_second) == (1, 0)
