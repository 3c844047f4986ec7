"""Layer by layer: int8 against float, and which layer is to blame."""

from __future__ import annotations

import numpy as np
import pytest
from small_networks import (
    drawn,
    one_faint_channel,
    one_huge_weight,
    residual_block,
    twin_of,
    two_convolutions,
)

from convert.graph.layers import layers
from convert.quantize.int8_tflite import to_int8_tflite
from convert.quantize.ranges import observe_ranges
from convert.verify.layer_fidelity import LayerFidelity, compare_layers
from edge.engine.open_network import OpenNetwork
from edge.errors import ConversionFailed
from edge.statistics.signal import SNR_LIMIT

CELLS = drawn(0, 10)


def compared(twin: bytes, *keep_float: str, squeeze: float = 1.0) -> tuple[LayerFidelity, ...]:
    """Compare with the int8 network on ranges squeezed by a factor."""
    crop, *others = ranges = observe_ranges(twin, CELLS)
    for name in others:
        low, high = ranges[name]
        ranges[name] = low * squeeze, high * squeeze
    assert ranges[crop] == (0.0, 1.0)
    return compare_layers(twin, to_int8_tflite(twin, ranges, keep_float), CELLS)


def test_every_layer_is_compared_in_the_order_in_which_they_run() -> None:
    twin = twin_of(residual_block)
    found = compared(twin)
    assert [(row.name, row.operator) for row in found] == [
        (layer.name, layer.operator) for layer in layers(twin)
    ]
    assert sorted(row.rank for row in found) == list(range(1, len(found) + 1))


def test_a_sound_network_is_close_to_float_in_every_layer() -> None:
    for row in compared(twin_of(residual_block)):
        assert 20 < row.snr_db <= SNR_LIMIT
        assert row.own_snr_db > 5  # a channel that is hardly ever on counts like any other
        assert 0.99 < row.cosine <= 1 + 1e-9
        assert row.range_use is not None
        assert row.saturated is not None
        assert 0.05 < row.range_use <= 1
        assert row.saturated < 0.3


def test_the_numbers_of_the_first_layer_which_inherits_nothing_follow_their_formulas() -> None:
    twin = twin_of(two_convolutions)
    ranges = observe_ranges(twin, CELLS)
    int8 = to_int8_tflite(twin, ranges)
    exact = OpenNetwork(twin)
    found = OpenNetwork(int8)
    first, signal, noise, codes = layers(twin)[0], np.zeros(6), np.zeros(6), []
    detail = next(d for d in found.details if d["name"] == first.name)
    scale, zero_point = detail["quantization"]
    for cell in CELLS:
        exact.feed(cell)
        found.feed(cell)
        x = exact.tensor(first.output).astype(float)
        codes.append(found.tensor(detail["index"]))
        signal += (x**2).sum(axis=(0, 1, 2))
        noise += (((codes[-1].astype(float) - zero_point) * scale - x) ** 2).sum(axis=(0, 1, 2))
    row = compare_layers(twin, int8, CELLS)[0]
    assert row.snr_db == pytest.approx(10 * np.log10(signal.sum() / noise.sum()), abs=1e-3)
    each = np.minimum(noise / signal, 1)
    assert row.own_snr_db == pytest.approx(-10 * np.log10(each.mean()), abs=1e-2)
    assert row.range_use == (int(np.max(codes)) - int(np.min(codes)) + 1) / 256
    assert row.saturated == pytest.approx(np.mean(np.equal(codes, 127)))


def test_layers_that_only_hand_on_add_nothing_but_inherit() -> None:
    for row in compared(twin_of(two_convolutions)):
        if row.operator in {"MAX_POOL_2D", "RESHAPE"}:
            assert row.own_snr_db == SNR_LIMIT
            assert row.snr_db < 60


@pytest.mark.parametrize(
    ("make", "to_blame"), [(one_huge_weight, "outlier"), (one_faint_channel, "second")]
)
def test_the_layer_that_int8_breaks_ranks_first_among_those_with_weights(
    make: object, to_blame: str
) -> None:
    """A faint channel breaks the layer that reads it, and the tensor it is in."""
    found = [row for row in compared(twin_of(make)) if row.operator != "MAX_POOL_2D"]
    worst = min(found, key=lambda row: row.rank)
    assert to_blame in worst.name
    assert worst.own_snr_db < 10


def test_ranges_that_are_too_small_show_as_saturation() -> None:
    twin = twin_of(two_convolutions)
    clipped, whole = compared(twin, squeeze=0.3), compared(twin)
    for narrow, wide in zip(clipped, whole, strict=True):
        assert narrow.saturated is not None
        assert wide.saturated is not None
        assert narrow.saturated > wide.saturated
        assert narrow.snr_db < wide.snr_db


def test_ranges_that_are_too_large_show_as_codes_not_used() -> None:
    twin = twin_of(two_convolutions)
    found = compared(twin, squeeze=4.0)
    assert all(row.range_use is not None and row.range_use < 0.35 for row in found)


def test_a_layer_in_float_has_no_codes_and_adds_next_to_nothing() -> None:
    twin = twin_of(two_convolutions)
    kept = [layer.name for layer in layers(twin)][:2]
    first = compared(twin, *kept)[0]
    assert first.range_use is None
    assert first.saturated is None
    assert first.own_snr_db > 80


def test_the_int8_network_of_another_twin_is_refused() -> None:
    ours, others = twin_of(residual_block), twin_of(two_convolutions)
    with pytest.raises(ConversionFailed, match="not made from this float twin"):
        compare_layers(ours, to_int8_tflite(others, observe_ranges(others, CELLS[:1])), CELLS)
