"""Accuracy control: what a network that int8 breaks needs, and what that costs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from convert.float_tflite import to_float_tflite
from convert.int8_tflite import to_int8_tflite
from convert.ranges import Ranges, observe_ranges
from edge.drawn import draw_cell
from edge.errors import ConversionFailed
from edge.preprocess import UInt8Image, to_crop
from edge.runtime import Int8Network, find_runtime


def drawn(first: int, count: int) -> UInt8Image:
    """Drawn cells, (count, 70, 70, 3)."""
    return np.stack([to_crop(draw_cell(seed)) for seed in range(first, first + count)])


def small_network(filters: int = 4) -> Any:
    """Two convolutions and a dense layer of seeded random weights, as a Keras model."""
    import keras

    def scaled(seed: int) -> Any:
        return keras.initializers.HeNormal(seed=seed)

    inputs = keras.Input((70, 70, 3))
    x = keras.layers.Conv2D(
        filters, 3, strides=4, activation="relu", kernel_initializer=scaled(1), name="first"
    )(inputs)
    x = keras.layers.Conv2D(
        filters, 3, strides=4, activation="relu", kernel_initializer=scaled(2), name="second"
    )(x)
    x = keras.layers.Flatten()(x)
    outputs = keras.layers.Dense(2, kernel_initializer=scaled(3), name="head")(x)
    return keras.Model(inputs, outputs)


@pytest.fixture(scope="module")
def twin() -> bytes:
    return to_float_tflite(small_network())


@pytest.fixture(scope="module")
def ranges(twin: bytes) -> Ranges:
    return observe_ranges(twin, drawn(0, 20))


def test_a_layer_kept_in_float_leaves_input_and_output_int8(twin: bytes, ranges: Ranges) -> None:
    all_int8 = Int8Network(to_int8_tflite(twin, ranges), find_runtime())
    for layer in list(ranges)[1:]:
        flatbuffer = to_int8_tflite(twin, ranges, keep_float=[layer])
        details = find_runtime().interpreter(model_content=flatbuffer).get_tensor_details()
        assert any(detail["dtype"] is np.float32 for detail in details), layer
        network = Int8Network(flatbuffer, find_runtime())
        assert network.raw_logits(drawn(50, 1)[0]).dtype == np.int8
        assert network.logit_step == all_int8.logit_step


def test_a_layer_that_is_not_there_cannot_be_kept_in_float(twin: bytes, ranges: Ranges) -> None:
    with pytest.raises(ConversionFailed, match="no layer second that could stay in float"):
        to_int8_tflite(twin, ranges, keep_float=["second"])
