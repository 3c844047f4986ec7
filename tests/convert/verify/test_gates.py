"""Gates: what a conversion may change, and what is said where it changed more."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from calibration.probabilities.refer_band import ReferBand
from convert.verify.fidelity import Fidelity, Stages, compare
from convert.verify.gates import Gate, Limits, judge_fidelity, require, verdict
from edge.errors import GateFailed

NAMES = ("parity", "agreement", "mean-p-error", "flips-outside-band", "weighted-f1-loss")


def stages(n: int = 200, flips: int = 0, labels: bool = True) -> Stages:
    """Stages of n cells, half healthy; the first few flip to the wrong side, in the band."""
    is_all = np.arange(n) % 2
    margins = np.where(is_all == 1, 1.0, -1.0)
    margins[:flips] *= 0.01
    twin = np.stack([-margins / 2, margins / 2], axis=1)
    int8 = twin.copy()
    int8[:flips] *= -1
    names, subjects = (
        np.array([f"{word}-{i % k}" for i in range(n)]) for word, k in (("c", n), ("s", 8))
    )
    return Stages(
        twin,
        twin,
        int8,
        0.01,
        names,
        is_all if labels else None,
        subjects if labels else None,
        "made up",
    )


def measured(made_up: Stages) -> Fidelity:
    return compare(made_up, 1.0, ReferBand(0.4, 0.6))


def gates(made_up: Stages, limits: Limits | None = None) -> dict[str, Gate]:
    return {gate.name: gate for gate in judge_fidelity(measured(made_up), limits)}


def test_a_faithful_conversion_passes_every_gate() -> None:
    found = gates(stages())
    assert tuple(found) == NAMES
    assert all(gate.result == "passed" for gate in found.values())
    assert {gate.stage for gate in found.values()} == {"keras-to-float", "float-to-int8"}
    assert verdict(tuple(found.values())) == "5 of 5 gates passed."
    require(tuple(found.values()))


@pytest.mark.parametrize(("flips", "result"), [(1, "passed"), (2, "failed")])
def test_agreement_may_be_as_low_as_its_limit(flips: int, result: str) -> None:
    found = gates(stages(200, flips))["agreement"]  # the limit is one of 200
    assert (found.value, found.limit) == (1 - flips / 200, 0.995)
    assert found.result == result


def test_a_flip_outside_the_refer_band_fails_and_is_named() -> None:
    made_up = stages()
    made_up.int8[7] *= -1
    found = gates(made_up)["flips-outside-band"]
    assert (found.value, found.result) == (1, "failed")
    assert "first c-7" in found.says
    assert gates(made_up, Limits(flips_outside_band=1))["flips-outside-band"].passed


def test_logits_cut_off_far_from_the_boundary_fail_though_every_label_agrees() -> None:
    made_up = stages()
    found = gates(replace(made_up, int8=made_up.int8 * 0.5))
    assert found["agreement"].value == 1
    assert found["mean-p-error"].result == "failed"
    assert "int8 probabilities are off by" in found["mean-p-error"].says


def test_a_twin_that_is_not_keras_equal_fails_the_gate() -> None:
    made_up = stages()
    found = gates(replace(made_up, keras=made_up.keras + 2e-3))["parity"]
    assert found.result == "failed"
    assert "differs from Keras by 0.002 in a logit, 0.001 is allowed" in found.says


def test_weighted_f1_may_fall_by_two_tenths_of_a_point_and_rise_by_any() -> None:
    lost = gates(stages(2000, flips=5))["weighted-f1-loss"]
    assert lost.value == pytest.approx(0.0025, abs=1e-5)
    assert lost.result == "failed"
    assert "(5 cells decided worse, 0 better)" in lost.says
    assert gates(stages(2000, flips=4))["weighted-f1-loss"].passed
    worse = stages(2000, flips=50)
    swapped = replace(worse, keras=worse.int8, twin=worse.int8, int8=worse.twin)
    won = gates(swapped)["weighted-f1-loss"]
    assert won.value is not None
    assert won.value < 0
    assert won.passed


def test_a_gate_that_cannot_be_judged_is_skipped_and_said_so() -> None:
    found = gates(stages(labels=False))
    gate = found["weighted-f1-loss"]
    assert (gate.passed, gate.value, gate.result) == (None, None, "skipped")
    assert "are not of every label" in gate.says
    assert verdict(tuple(found.values())) == (
        "4 of 5 gates passed; 1 gate could not be judged and said nothing."
    )
    require(tuple(found.values()))


def test_every_gate_that_failed_is_named_in_one_sentence() -> None:
    found = tuple(gates(stages(200, flips=20)).values())
    with pytest.raises(GateFailed) as raised:
        require(found)
    said = str(raised.value)
    assert "int8 agrees with float on 90.00% of 200 cells (20 differ)" in said
    assert "weighted F1 is 1.0000 in float and 0.9000 in int8" in said
    assert "differs from Keras" not in said
    assert len(said.splitlines()) == 1
    assert verdict(found) == "2 of 5 gates failed."
