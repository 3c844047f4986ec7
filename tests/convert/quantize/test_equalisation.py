"""Equalisation: the same logits in float, channels that int8 can hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_networks import (
    drawn,
    one_faint_channel,
    one_huge_weight,
    residual_block,
    twin_of,
    two_convolutions,
)

from convert.graph.layers import layers, pack, unpack
from convert.quantize.equalisation import equalise, find_exponents
from convert.quantize.int8_tflite import to_int8_tflite
from convert.quantize.ranges import observe_channels, observe_ranges
from edge.engine.network import FloatNetwork
from edge.engine.runtime import find_runtime
from edge.errors import ConversionFailed

CELLS = drawn(0, 8)


def logits(flatbuffer: bytes) -> Any:
    network = FloatNetwork(flatbuffer, find_runtime())
    return np.stack([network.logits(cell) for cell in CELLS])


def constants(model: Any) -> dict[str, Any]:
    """Float constants of an unpacked network, by name."""
    return {
        tensor.name.decode(): model.buffers[tensor.buffer].data.view(np.float32)
        for tensor in model.subgraphs[0].tensors
        if tensor.type == 0 and model.buffers[tensor.buffer].data is not None
    }


def with_channels_scaled(twin: bytes, exponents: list[int]) -> bytes:
    """The same network in float, its first layer's channels of very different size."""
    name = layers(twin)[0].name
    return equalise(twin, {name: tuple(exponents)})


def spread(flatbuffer: bytes, index: int) -> float:
    """How many times larger the largest channel of a tensor is than its smallest that lives."""
    peak = observe_channels(flatbuffer, CELLS)[index]
    return float(peak.max() / peak[peak > 0].min())


@settings(max_examples=12)
@given(exponents=st.lists(st.integers(-10, 10), min_size=6, max_size=6))
def test_float_logits_stay_the_same_and_a_spoiled_network_is_evened_out(
    exponents: list[int],
) -> None:
    sound = twin_of(two_convolutions)
    spoiled = with_channels_scaled(sound, exponents)
    cured = equalise(spoiled, find_exponents(spoiled, CELLS))
    assert np.abs(logits(cured) - logits(sound)).max() < 1e-6
    first = layers(sound)[0].output
    assert spread(cured, first) <= 4 * spread(sound, first)


@pytest.mark.parametrize("make", [two_convolutions, residual_block, one_faint_channel])
def test_powers_of_two_change_no_bit_of_the_logits(make: Any) -> None:
    twin = twin_of(make)
    exponents = find_exponents(twin, CELLS)
    assert exponents
    equalised = equalise(twin, exponents)
    assert equalised != twin
    assert (logits(equalised) == logits(twin)).all()


def test_a_residual_stream_is_scaled_as_one() -> None:
    twin = twin_of(residual_block)
    stem, *_ = graph = layers(twin)
    before = observe_channels(twin, CELLS)
    stream = with_channels_scaled(twin, [5, 0, -5, 1])
    after = observe_channels(stream, CELLS)
    wide = next(layer for layer in graph if "wide" in layer.name)
    added = next(layer for layer in graph if layer.operator == "ADD")
    pooled = next(layer for layer in graph if layer.operator == "AVERAGE_POOL_2D")
    for layer in (stem, wide, added, pooled):
        assert before[layer.output] / after[layer.output] == pytest.approx([32, 1, 1 / 32, 2])
    assert (logits(stream) == logits(twin)).all()


@pytest.mark.parametrize("activation", ["relu6", "tanh"])
def test_channels_that_do_not_scale_are_left_alone(activation: str) -> None:
    def make() -> Any:
        return two_convolutions(activation)

    twin = twin_of(make)
    assert find_exponents(twin, CELLS) == {}
    assert equalise(twin, {}) is twin


def test_what_reads_the_input_keeps_its_weights_on_it() -> None:
    twin = twin_of(one_huge_weight)
    equalised = equalise(twin, find_exponents(twin, CELLS))
    kernel = next(name for name in constants(unpack(twin)) if name.endswith("outlier_1/MatMul"))
    before, after = (constants(unpack(f))[kernel].reshape(8, -1) for f in (twin, equalised))
    ratio = after / before
    assert ratio == pytest.approx(np.repeat(ratio[:, :1], ratio.shape[1], axis=1))


def test_layers_that_share_a_bias_of_zeros_get_one_each() -> None:
    """The converter stores equal constants once; here a shared one is not zero, and it shows."""
    twin = twin_of(residual_block)
    model = unpack(twin)
    stem, wide = (
        operator
        for operator, layer in zip(model.subgraphs[0].operators, layers(twin), strict=True)
        if "stem" in layer.name or "wide" in layer.name
    )
    tensor = model.subgraphs[0].tensors[int(stem.inputs[2])]
    model.buffers[tensor.buffer].data = np.array([1, 2, 3, 4], np.float32).view(np.uint8)
    wide.inputs = [int(wide.inputs[0]), int(wide.inputs[1]), int(stem.inputs[2])]
    shared = pack(model)
    scaled = with_channels_scaled(shared, [3, -3, 2, 0])
    assert (logits(scaled) == logits(shared)).all()
    assert (logits(shared) != logits(twin)).any()


def test_an_equalised_network_quantizes_and_finding_again_finds_little() -> None:
    twin = twin_of(one_faint_channel)
    equalised = equalise(twin, find_exponents(twin, CELLS))
    assert to_int8_tflite(equalised, observe_ranges(equalised, CELLS))
    again = find_exponents(equalised, CELLS)
    assert max((abs(e) for found in again.values() for e in found), default=0) <= 1


def test_the_same_network_and_cells_give_the_same_bytes() -> None:
    twin = twin_of(residual_block)
    first, second = (equalise(twin, find_exponents(twin, CELLS)) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("exponents", [{"no such tensor": (1,)}, {"first": (1, 2)}])
def test_exponents_of_another_network_are_refused(exponents: dict[str, tuple[int, ...]]) -> None:
    twin = twin_of(two_convolutions)
    named = {layers(twin)[0].name if name == "first" else name: p for name, p in exponents.items()}
    with pytest.raises(ConversionFailed, match="channels to equalise"):
        equalise(twin, named)
