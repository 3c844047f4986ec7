"""Constants that operators share, and operators of several kinds of output."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from small_networks import drawn

from convert.graph.flatbuffer import own_constant, pack, unpack
from convert.graph.float_tflite import to_float_tflite
from convert.graph.layers import CARRIERS, float_layers, layers
from convert.quantize.equalisation import equalise, find_exponents
from convert.quantize.int8_tflite import to_int8_tflite
from convert.quantize.ranges import observe_ranges
from convert.verify.gates import judge_float_layers
from convert.verify.layer_fidelity import compare_layers
from edge.engine.network import FloatNetwork
from edge.engine.runtime import find_runtime

CELLS = drawn(0, 4)


def fully_convolutional() -> Any:
    """The axes (1, 2) of the mean are also the shape (1, 2) that the end gives."""
    from keras import Input, Model, layers

    inputs = Input((70, 70, 3))
    x = layers.Conv2D(3, 7, strides=7, activation="relu")(inputs)
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    return Model(inputs, layers.Flatten()(layers.Conv2D(2, 1)(x)))


def shared_layers() -> Any:
    """A convolution and its weights used twice, and parts, comparisons and leaky ReLU."""
    import keras
    from keras import Input, Model, layers

    inputs = Input((70, 70, 3))
    x = layers.Conv2D(4, 7, strides=7, activation="relu", use_bias=False)(inputs)
    twice = layers.Conv2D(4, 3, padding="same", activation="relu")
    x = layers.Activation("selu")(twice(twice(x)))
    first, second = keras.ops.split(x, 2, axis=-1)
    x = layers.Concatenate()([layers.LeakyReLU()(first), second])
    return Model(inputs, layers.Dense(2)(layers.GlobalAveragePooling2D()(x)))


@cache
def twin_of(make: Any) -> bytes:
    import keras

    keras.utils.set_random_seed(3)
    return to_float_tflite(make())


def logits(flatbuffer: bytes) -> Any:
    network = FloatNetwork(flatbuffer, find_runtime())
    return np.stack([network.logits(cell) for cell in CELLS])


def test_a_shape_that_is_also_the_axes_of_a_sum_is_freed_for_itself_alone() -> None:
    twin = twin_of(fully_convolutional)
    network = FloatNetwork(twin, find_runtime())
    assert (network.logits_of(CELLS, batch=len(CELLS)) == logits(twin)).all()


def test_a_constant_of_its_own_changes_for_one_operator_only() -> None:
    model = unpack(twin_of(shared_layers))
    operators = model.subgraphs[0].operators

    def weights(number: int) -> bytes:
        tensor = model.subgraphs[0].tensors[operators[number].inputs[1]]
        return bytes(model.buffers[tensor.buffer].data)

    names = [layer.operator for layer in layers(twin_of(shared_layers))]
    one, other = [number for number, name in enumerate(names) if name == "CONV_2D"][1:]
    assert weights(one) == weights(other)
    before = weights(other)
    own_constant(model, operators[one], 1)[:4] = 0xFF
    assert weights(other) == before != weights(one)
    assert weights(one)[:4] == b"\xff\xff\xff\xff"
    FloatNetwork(pack(model), find_runtime())


def test_layers_that_share_weights_are_equalised_without_a_change_of_the_logits() -> None:
    for make in (fully_convolutional, shared_layers):
        twin = twin_of(make)
        exponents = find_exponents(twin, CELLS)
        assert np.abs(logits(equalise(twin, exponents)) - logits(twin)).max() < 1e-5


def test_what_runs_in_float_is_found_named_and_judged() -> None:
    twin = twin_of(shared_layers)
    int8 = to_int8_tflite(twin, observe_ranges(twin, CELLS))
    found = float_layers(int8)
    assert "LEAKY_RELU" in {layer.operator for layer in found}
    assert not {layer.operator for layer in found} & (CARRIERS | {"CONV_2D", "QUANTIZE"})
    gate = judge_float_layers(found, ())
    assert gate.passed is False
    assert gate.value == len(found) > gate.limit == 0
    assert found[0].operator in gate.says
    assert f"--allow-float {len(found)}" in gate.says
    assert len(gate.says) < 300
    assert judge_float_layers(found, (), allowed=len(found)).passed
    assert not judge_float_layers(found, (), allowed=len(found) - 1).passed


def test_layers_left_in_float_on_purpose_count_and_are_named_but_pass() -> None:
    twin = twin_of(fully_convolutional)
    kept = [layer.name for layer in layers(twin) if layer.operator == "CONV_2D"][:1]
    found = float_layers(to_int8_tflite(twin, observe_ranges(twin, CELLS), kept))
    assert [layer.name for layer in found] == kept
    gate = judge_float_layers(found, kept)
    assert gate.passed
    assert (gate.value, gate.limit) == (1, 1)
    assert "CONV_2D" in gate.says
    strict = judge_float_layers(found, kept, allowed=0)
    assert strict.passed is False
    assert "int8 has no form" not in strict.says


def test_a_network_all_int8_has_no_layer_in_float() -> None:
    twin = twin_of(fully_convolutional)
    found = float_layers(to_int8_tflite(twin, observe_ranges(twin, CELLS)))
    assert found == ()
    assert judge_float_layers(found, ()).says == "no layer runs in float"


def test_layers_of_several_outputs_and_of_truth_values_are_compared_or_left_out() -> None:
    twin = twin_of(shared_layers)
    rows = compare_layers(twin, to_int8_tflite(twin, observe_ranges(twin, CELLS)), CELLS)
    assert [row.name for row in rows] == [layer.name for layer in layers(twin) if layer.computes]
