"""Gates of the Keras network itself: its record, chance, one answer for all, its input range."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from calibration.probabilities.predictions import logits_of
from calibration.probabilities.refer_band import ReferBand
from convert.network.contract import Terms
from convert.network.input_range import BYTES, SIGNED, UNIT, InputRange
from convert.record import NO_RECORD, TrainingRecord
from convert.verify.fidelity import Stages, compare
from convert.verify.gates import Gate, verdict
from convert.verify.network_fidelity import measure_network
from convert.verify.network_gates import judge_network
from edge.contract import Contract, make_labels
from edge.models.cnmc import CONTRACT, NAMES

CELLS, PEOPLE = 240, 8
IS_ALL = np.arange(CELLS) % 2
SUBJECTS = np.array([f"p{i % PEOPLE}" for i in range(CELLS)])
NOISE = np.random.default_rng(0).normal(size=CELLS)
SIGN = 2.0 * IS_ALL - 1
GOOD = SIGN + NOISE  # balanced accuracy some 0.84
KNOWN = Terms(CONTRACT, NAMES, "its record", UNIT, "")


def record(
    people: int = PEOPLE, metrics: Any = None, crops: Any = None, **scores: Any
) -> TrainingRecord:
    """A record of people p0 to p(n-1), by default as good as GOOD is."""
    right = float(((GOOD >= 0) == IS_ALL).mean())
    found = {"accuracy": right, "balanced_accuracy": right, **scores}
    return TrainingRecord(
        {},
        tuple(f"p{i}" for i in range(people)),
        {
            "held_out": {"crops": crops or {"hem": CELLS // 2, "all": CELLS // 2}},
            "float": found if metrics is None else metrics,
        },
        ("hem", "all"),
    )


def gates(
    margins: Any,
    said: TrainingRecord | None = None,
    terms: Terms = KNOWN,
    labels: bool = True,
    others: dict[InputRange, Any] | None = None,
) -> dict[str, Gate]:
    """Gates of a network with these margins, and with others in other ranges."""
    margins = np.broadcast_to(np.asarray(margins, float), (CELLS,))
    elsewhere = others or {}
    return judged(
        logits_of(margins),
        IS_ALL if labels else None,
        said or record(),
        terms,
        lambda asked: logits_of(np.broadcast_to(elsewhere.get(asked, 0.0 * margins), (CELLS,))),
    )


def judged(
    logits: Any, labels: Any, said: TrainingRecord, terms: Terms, logits_in: Any
) -> dict[str, Gate]:
    subjects = None if labels is None else SUBJECTS
    stages = Stages(logits, logits, logits, 0.01, SUBJECTS, labels, subjects, "made up")
    names = terms.contract.names
    two = len(names) == 2
    fidelity = compare(stages, 1.0, *((ReferBand(0.4, 0.6), None) if two else (None, LEAST)))
    found = measure_network(stages, said, fidelity, names, terms.fed, logits_in)
    return {gate.name: gate for gate in judge_network(found, terms)}


def failed(found: dict[str, Gate]) -> set[str]:
    for gate in found.values():
        assert len(gate.says) < 290, gate.says
        assert gate.stage == "record-to-keras"
    return {name for name, gate in found.items() if gate.passed is False}


def test_a_network_that_is_as_its_record_says_passes_all_four() -> None:
    found = gates(GOOD)
    assert tuple(found) == ("answers-vary", "better-than-chance", "as-recorded", "input-range")
    assert verdict(tuple(found.values())) == "4 of 4 gates passed."
    assert "on 240 cells of 8 of the 8 held-out people" in found["as-recorded"].says


def test_an_honest_network_is_not_run_in_other_ranges() -> None:
    honest = gates(GOOD, others={BYTES: np.full(3, np.nan)})  # no 240 cells: asking would fail
    assert honest["input-range"].passed
    assert "fed crops in 0..1 (nobody says so), and it is as good as recorded" in (
        honest["input-range"].says
    )


ONE_ANSWER = {
    "zero weights": 0.0,
    "a bias alone": -4.0,
    "saturated": 800.0,
    "saturated, with differences": 900 + NOISE,
    "differences of rounding": 1 + 1e-6 * NOISE,
}


@pytest.mark.parametrize("labels", [True, False])
@pytest.mark.parametrize("name", ONE_ANSWER)
def test_one_answer_for_all_cells_fails_with_labels_and_without(name: str, labels: bool) -> None:
    assert "answers-vary" in failed(gates(ONE_ANSWER[name], labels=labels))


def test_one_label_for_both_kinds_of_cells_fails_though_probabilities_vary() -> None:
    leaning = gates(GOOD - 9)
    assert failed(leaning) == {"answers-vary", "as-recorded"}
    assert "every cell gets the same label" in leaning["answers-vary"].says
    assert failed(gates(GOOD - 9, labels=False)) == set()  # drawn cells may be all alike


@pytest.mark.parametrize(
    ("margins", "words"),
    [
        (NOISE, "the network is no better than chance"),
        (0.0, "AUROC of the Keras model is 0.500 (0.4"),
        (-GOOD, "they are taken for hem, all (its record); correct its record, or give"),
    ],
)
def test_what_is_no_better_than_chance_or_worse_fails(margins: Any, words: str) -> None:
    gate = gates(margins)["better-than-chance"]
    assert gate.passed is False
    assert words in gate.says


def test_swapped_outputs_name_the_order_that_was_taken_and_the_other() -> None:
    taken = replace(KNOWN, outputs=("all", "hem"), outputs_from="--labels")
    says = gates(-GOOD, terms=taken)["better-than-chance"].says
    assert "taken for all, hem (--labels)" in says
    assert "give --labels hem,all" in says


@pytest.mark.parametrize(
    ("scores", "agrees"),
    [
        ({}, True),
        ({"accuracy": 0.82, "balanced_accuracy": 0.82}, True),
        ({"accuracy": 0.99, "balanced_accuracy": 0.99}, False),
        ({"accuracy": 0.99}, False),
        ({"balanced_accuracy": 0.99}, False),
        ({"accuracy": 0.6, "balanced_accuracy": 0.6}, False),  # better than recorded is another
    ],
)
def test_the_record_has_to_lie_in_the_interval(scores: Any, agrees: bool) -> None:
    gate = gates(GOOD, record(**scores))["as-recorded"]
    assert gate.passed is agrees
    if not agrees:
        assert gate.value is not None
        assert f"the Keras model has {gate.value:.3f}" in gate.says
        assert f"{gate.limit:.3f}" in gate.says


def test_all_right_is_not_told_from_nearly_all_right() -> None:
    assert gates(9 * SIGN, record(accuracy=0.99, balanced_accuracy=0.99))["as-recorded"].passed
    assert not gates(9 * SIGN, record(accuracy=0.9, balanced_accuracy=0.9))["as-recorded"].passed


def test_accuracy_is_compared_in_the_proportion_of_the_record() -> None:
    """Nine in ten leukemic cells right and half of the healthy: 0.86 of a record with 9 to 1."""
    rank = np.argsort(np.argsort(NOISE))
    wrong = np.where(IS_ALL == 1, rank % 20 < 2, rank % 4 < 2)
    margins = SIGN * np.where(wrong, -1, 1)
    recall = [float(1 - wrong[label == IS_ALL].mean()) for label in (0, 1)]
    said = {"balanced_accuracy": sum(recall) / 2, "accuracy": 0.1 * recall[0] + 0.9 * recall[1]}
    assert gates(margins, record(crops={"hem": 100, "all": 900}, **said))["as-recorded"].passed
    assert not gates(margins, record(crops={"hem": 500, "all": 500}, **said))["as-recorded"].passed


def test_fewer_people_than_recorded_are_said_and_leave_more_room() -> None:
    said = {"accuracy": 0.93, "balanced_accuracy": 0.93}
    assert not gates(GOOD, record(**said))["as-recorded"].passed
    some = gates(GOOD, record(people=12, **said))["as-recorded"]
    assert some.passed
    assert "of 8 of the 12 held-out people" in some.says
    wrong = gates(NOISE, record(people=12, **said))["as-recorded"]
    assert wrong.passed is False


@pytest.mark.parametrize(
    "metrics",
    [{}, [], {"accuracy": None}, {"balanced_accuracy": float("nan")}, {"balanced_accuracy": "0.8"}],
)
def test_a_record_without_an_accuracy_is_said_to_be_unchecked(metrics: Any) -> None:
    gate = gates(GOOD, record(metrics=metrics))["as-recorded"]
    assert gate.result == "skipped"
    assert "no record holds an accuracy" in gate.says


def test_without_labels_it_is_said_that_accuracy_was_not_checked() -> None:
    found = gates(GOOD, labels=False)
    assert found.pop("answers-vary").passed
    assert {gate.result for gate in found.values()} == {"skipped"}
    assert "accuracy was not checked" in found["better-than-chance"].says
    assert "the record was not checked" in found["as-recorded"].says
    assert "fed crops in 0..1 (nobody says so), which was not checked" in found["input-range"].says


@pytest.mark.parametrize("better", [BYTES, SIGNED])
def test_a_range_in_which_it_decides_better_is_found_and_named(better: InputRange) -> None:
    found = gates(0.01 * NOISE - 1, others={better: GOOD})
    assert failed(found) >= {"input-range", "as-recorded", "answers-vary"}
    ends = f"{better.low:g},{better.high:g}"
    assert f"and in {better} has 0.8" in found["input-range"].says
    assert f"give --input-range {ends} if it was trained so" in found["input-range"].says


def test_a_range_that_nobody_needs_is_not_advised() -> None:
    weak = record(accuracy=0.99, balanced_accuracy=0.99)
    wrong = {BYTES: np.full(CELLS, np.nan), SIGNED: NOISE}
    found = gates(GOOD, weak, others=wrong)
    assert failed(found) == {"as-recorded"}
    assert "no other range is better" in found["input-range"].says


def test_a_network_fed_bytes_that_wants_0_to_1_is_found_out_as_well() -> None:
    told = replace(KNOWN, input_range=BYTES, range_from="--input-range")
    found = gates(NOISE, terms=told, others={UNIT: GOOD})
    assert "fed crops in 0..255 (--input-range)" in found["input-range"].says
    assert "in 0..1 has 0.8" in found["input-range"].says


KINDS = np.arange(CELLS) % 3
LEAST = (0.6, 0.6, 0.6)
THREE = Terms(Contract(32, make_labels("abc")), tuple("abc"), "--labels", UNIT, "")
GOOD_OF_THREE = 2.0 * np.eye(3)[KINDS] + np.random.default_rng(1).normal(size=(CELLS, 3))


def gates_of_three(logits: Any, said: TrainingRecord = NO_RECORD, others: Any = 0.0) -> Any:
    return judged(logits, KINDS, said, THREE, lambda _: np.broadcast_to(others, (CELLS, 3)))


def recorded(accuracy: float) -> TrainingRecord:
    """A record of three labels whose network has this accuracy."""
    people = tuple(f"p{i}" for i in range(PEOPLE))
    crops = {"crops": dict.fromkeys("abc", CELLS // 3)}
    scores = {"accuracy": accuracy, "balanced_accuracy": accuracy}
    return TrainingRecord({}, people, {"held_out": crops, "float": scores}, tuple("abc"))


def test_a_good_network_of_three_labels_passes_without_a_record() -> None:
    found = gates_of_three(GOOD_OF_THREE)
    assert failed(found) == set()
    assert found["as-recorded"].result == "skipped"
    assert "240 cells it may have been trained on" in found["better-than-chance"].says
    assert "no other range is better" in found["input-range"].says


def test_three_labels_are_held_against_their_record() -> None:
    right = float((GOOD_OF_THREE.argmax(axis=1) == KINDS).mean())
    assert gates_of_three(GOOD_OF_THREE, recorded(right))["as-recorded"].passed
    assert not gates_of_three(GOOD_OF_THREE, recorded(0.99))["as-recorded"].passed


def test_noise_of_three_labels_is_chance() -> None:
    noise = np.random.default_rng(2).normal(size=(CELLS, 3))
    assert "better-than-chance" in failed(gates_of_three(noise))
    assert "answers-vary" in failed(gates_of_three(np.zeros((CELLS, 3))))
    better = gates_of_three(noise, others=GOOD_OF_THREE)["input-range"]
    assert better.passed is False


@pytest.mark.parametrize(
    ("order", "right"), [((1, 0, 2), "b,a,c"), ((1, 2, 0), "b,c,a"), ((2, 0, 1), "c,a,b")]
)
def test_outputs_in_another_order_are_found_out_and_the_right_one_is_said(
    order: tuple[int, ...], right: str
) -> None:
    """The output in place i is of label order[i], and taken for label i."""
    says = gates_of_three(GOOD_OF_THREE[:, order])["better-than-chance"]
    assert says.passed is False
    assert (
        f"taken for a, b, c (--labels); correct its record, or give --labels {right}" in says.says
    )
