"""Accuracy control: what a network that int8 breaks needs, and what that costs."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_networks import (
    drawn,
    one_faint_channel,
    one_huge_weight,
    twin_of,
    two_convolutions,
)

from convert.quantize.accuracy_control import (
    Attempt,
    Budget,
    Controlled,
    Judge,
    Judgement,
    control,
    judge_on,
)
from convert.quantize.int8_tflite import SCHEME, to_int8_tflite
from convert.quantize.ranges import observe_ranges
from convert.quantize.recipe import load_recipe, save_recipe
from convert.verify.latency import latency_ratio
from edge.engine.network import FloatNetwork, Int8Network
from edge.engine.runtime import find_runtime
from edge.errors import ConversionFailed

REPRESENTATIVE, JUDGED, HELD_OUT = drawn(0, 40), drawn(40, 30), drawn(70, 30)


def no_time(flatbuffer: bytes, reference: bytes) -> float:
    """A clock that finds all networks equally fast."""
    return 1.0


def judge_of(twin: bytes) -> Judge:
    """A judge with room for small random networks, and none for what int8 breaks: 40 steps off."""
    return judge_on(twin, JUDGED, 0.9, most_steps=4)


def controlled(twin: bytes, budget: Budget | None = None, judge: Judge | None = None) -> Controlled:
    judge = judge or judge_of(twin)
    return control(twin, REPRESENTATIVE, judge, budget, no_time)


def error_on_held_out(twin: bytes, flatbuffer: bytes) -> float:
    """Mean logit error in steps of the int8 output."""
    exact, network = FloatNetwork(twin, find_runtime()), Int8Network(flatbuffer, find_runtime())
    errors = [np.abs(exact.logits(cell) - network.logits(cell)).mean() for cell in HELD_OUT]
    return float(np.mean(errors)) / network.logit_step


def layer(twin: bytes, keras_name: str) -> str:
    """The layer's name in the twin: it contains that of the Keras layer."""
    (found,) = [n for n in observe_ranges(twin, REPRESENTATIVE[:1]) if f"{keras_name}_1/" in n]
    return found


def test_a_layer_kept_in_float_leaves_input_and_output_int8() -> None:
    twin = twin_of(two_convolutions)
    ranges = observe_ranges(twin, REPRESENTATIVE)
    all_int8 = Int8Network(to_int8_tflite(twin, ranges), find_runtime())
    for name in list(ranges)[1:]:
        flatbuffer = to_int8_tflite(twin, ranges, keep_float=[name])
        details = find_runtime().interpreter(model_content=flatbuffer).get_tensor_details()
        assert any(detail["dtype"] is np.float32 for detail in details), name
        network = Int8Network(flatbuffer, find_runtime())
        assert network.raw_logits(HELD_OUT[0]).dtype == np.int8
        assert network.logit_step == all_int8.logit_step


def test_a_layer_that_is_not_there_cannot_be_kept_in_float() -> None:
    twin = twin_of(two_convolutions)
    with pytest.raises(ConversionFailed, match="no layer second that could stay in float"):
        to_int8_tflite(twin, observe_ranges(twin, REPRESENTATIVE[:1]), keep_float=["second"])


def test_a_sound_network_is_plain_int8_and_judged_once() -> None:
    twin = twin_of(two_convolutions)
    judge, asked = judge_of(twin), []

    def counting(flatbuffer: bytes) -> Judgement:
        asked.append(flatbuffer)
        return judge(flatbuffer)

    found = controlled(twin, judge=counting)
    assert found.passed
    assert len(asked) == len(found.attempts) == 1
    assert found.flatbuffer == to_int8_tflite(twin, observe_ranges(twin, REPRESENTATIVE))
    assert found.recipe.scheme == SCHEME
    assert found.twin == twin


def test_a_faint_channel_is_cured_by_equalisation_without_a_layer_in_float() -> None:
    twin = twin_of(one_faint_channel)
    found = controlled(twin)
    assert not judge_of(twin)(to_int8_tflite(twin, observe_ranges(twin, REPRESENTATIVE))).passed
    assert found.passed
    assert found.recipe.exponents
    assert not found.recipe.kept_float
    assert "channels equalised across layers" in found.recipe.scheme
    assert error_on_held_out(twin, found.flatbuffer) < 4


def test_a_huge_weight_is_found_and_its_layer_alone_kept_in_float() -> None:
    twin = twin_of(one_huge_weight)
    plain = to_int8_tflite(twin, observe_ranges(twin, REPRESENTATIVE))
    assert not judge_of(twin)(plain).passed
    found = controlled(twin)
    assert found.passed
    assert found.recipe.kept_float == (layer(twin, "outlier"),)
    assert error_on_held_out(twin, found.flatbuffer) < 4 < error_on_held_out(twin, plain)


def test_what_each_attempt_bought_is_told() -> None:
    attempts = controlled(twin_of(one_huge_weight)).attempts
    assert attempts[0].what == "plain int8: ranges by min-max"
    assert attempts[0].bought == 0
    best = attempts[0].mean_logit_error
    for attempt in attempts[1:]:
        assert attempt.bought == pytest.approx(best - attempt.mean_logit_error)
        best = min(best, attempt.mean_logit_error)
    assert attempts[-1].what.startswith("in float: ")
    assert [attempt.latency_ratio for attempt in attempts[:-1]] == [None] * (len(attempts) - 1)
    assert attempts[-1].latency_ratio == 1.0


def test_the_same_cells_give_the_same_result_whatever_the_clock_says() -> None:
    twin = twin_of(one_huge_weight)
    judge = judge_of(twin)
    first, second = (
        control(twin, REPRESENTATIVE, judge, latency=lambda *_, ratio=ratio: ratio)
        for ratio in (0.9, 1.1)
    )
    assert first == second


@pytest.mark.parametrize("make", [one_faint_channel, one_huge_weight])
def test_a_saved_recipe_makes_the_same_network_again(make: Any, tmp_path: Path) -> None:
    twin = twin_of(make)
    found = controlled(twin)
    path = tmp_path / "cnn-ranges.json"
    save_recipe(path, found.recipe, "a hash", "drawn cells")
    recipe, words = load_recipe(path, "a hash")
    assert (recipe, words) == (found.recipe, "drawn cells")
    assert recipe.build(twin) == found.flatbuffer
    with pytest.raises(ConversionFailed, match="was made for another Keras file"):
        load_recipe(path, "another hash")


@given(
    content=st.one_of(
        st.binary(max_size=20),
        st.sampled_from([b"{}", b"[]", b'{"ranges": {"a": 1}}', b'{"ranges": []}']),
    )
)
def test_what_is_no_recipe_is_refused_in_a_sentence(content: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "cnn-ranges.json"
        path.write_bytes(content)
        with pytest.raises(ConversionFailed, match=r"cnn-ranges\.json holds no recipe"):
            load_recipe(path, "a hash")


@pytest.mark.parametrize(
    ("budget", "seconds", "why"),
    [
        (Budget(float_layers=0), 1.0, "0 layers in float are all the budget allows"),
        (Budget(latency=1.25), 1.5, "what helps takes more than 1.25 times as long"),
    ],
)
def test_a_spent_budget_ends_the_search_with_the_best_and_the_reason(
    budget: Budget, seconds: float, why: str
) -> None:
    twin = twin_of(one_huge_weight)
    judge = judge_of(twin)
    found = control(twin, REPRESENTATIVE, judge, budget, lambda *_: seconds)
    assert not found.passed
    assert found.ended == why
    assert not found.recipe.kept_float
    assert judge(found.flatbuffer).mean_logit_error == min(
        attempt.mean_logit_error for attempt in found.attempts
    )


def test_a_search_that_no_float_layer_helps_says_so() -> None:
    found = controlled(twin_of(two_convolutions), judge=lambda _: Judgement(False, 0.5, 1.0))
    assert not found.passed
    assert found.ended == "no layer that was tried buys anything in float"
    assert all(isinstance(attempt, Attempt) for attempt in found.attempts)


def test_the_judge_measures_agreement_and_error_against_the_twin() -> None:
    twin = twin_of(two_convolutions)
    flatbuffer = to_int8_tflite(twin, observe_ranges(twin, REPRESENTATIVE))
    exact, network = FloatNetwork(twin, find_runtime()), Int8Network(flatbuffer, find_runtime())
    errors = [np.abs(exact.logits(cell) - network.logits(cell)).mean() for cell in JUDGED]
    judgement = judge_on(twin, JUDGED, 0.0, most_steps=1e-3)(flatbuffer)
    assert judgement.mean_logit_error == pytest.approx(np.mean(errors))
    assert not judgement.passed
    assert judge_on(twin, JUDGED, 0.0, most_steps=100)(flatbuffer).passed


def test_a_network_takes_about_as_long_as_itself() -> None:
    twin = twin_of(two_convolutions)
    flatbuffer = to_int8_tflite(twin, observe_ranges(twin, REPRESENTATIVE[:2]))
    assert 0.2 < latency_ratio(flatbuffer, flatbuffer) < 5
