"""Range estimators: what they clip, what they never clip, and what that wins."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_networks import drawn, residual_block, twin_of

from convert.graph.layers import layers
from convert.quantize.range_estimators import (
    BINS,
    ESTIMATORS,
    MINMAX,
    Histogram,
    percentile,
    squared_error,
)
from convert.quantize.ranges import observe_all_ranges, observe_channels, observe_ranges
from edge.engine.open_network import OpenNetwork

CELLS = drawn(0, 6)


def histogram(values: npt.NDArray[np.floating]) -> Histogram:
    low, high = float(values.min()), float(values.max())
    return Histogram(low, high, np.histogram(values, BINS, (low, high))[0])


@st.composite
def histograms(draw: st.DrawFn) -> Histogram:
    """Of values that are normal, exponential or full of zeros, with or without an outlier."""
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    scale = draw(st.sampled_from([1e-4, 1.0, 1e4]))
    values = draw(st.sampled_from([rng.normal, rng.exponential]))(size=2000) * scale
    values = np.maximum(values, 0) if draw(st.booleans()) else values
    outlier = draw(st.sampled_from([0.0, 3.0, 100.0, -100.0])) * scale
    return histogram(np.append(values, outlier))


@pytest.mark.parametrize("name", ESTIMATORS)
@settings(max_examples=40)  # mse tries many ranges
@given(found=histograms())
def test_a_range_lies_within_what_was_seen_and_spans_something(name: str, found: Histogram) -> None:
    low, high = ESTIMATORS[name](found)
    assert min(found.low, 0) <= low < high <= max(found.high, 0)


@given(found=histograms())
def test_min_max_clips_nothing(found: Histogram) -> None:
    assert ESTIMATORS[MINMAX](found) == (found.low, found.high)


@settings(max_examples=40)
@given(found=histograms())
def test_mse_is_never_further_from_float_than_min_max(found: Histogram) -> None:
    everything = min(found.low, 0.0), max(found.high, 0.0)
    assert squared_error(found, *ESTIMATORS["mse"](found)) <= squared_error(found, *everything)


def test_a_percentile_clips_that_share_of_each_tail() -> None:
    values = np.random.default_rng(0).normal(size=200_000)
    low, high = percentile(histogram(values), 99.9)
    assert np.mean(values > high) == pytest.approx(0.001, abs=2e-4)
    assert np.mean(values < low) == pytest.approx(0.001, abs=2e-4)


def test_a_percentile_of_mostly_zeros_starts_at_zero() -> None:
    values = np.maximum(np.random.default_rng(0).normal(size=50_000), 0)
    low, high = percentile(histogram(values), 99.99)
    assert 0 <= low < 2 * high / BINS
    assert 3 < high < values.max()


def test_mse_clips_a_lonely_outlier_of_many_values_and_keeps_a_flat_range() -> None:
    rng = np.random.default_rng(0)
    outlier = histogram(np.append(rng.normal(size=1_000_000), 40.0))
    assert ESTIMATORS["mse"](outlier)[1] < 20
    flat = histogram(rng.uniform(0, 1, 100_000))
    assert ESTIMATORS["mse"](flat)[1] == pytest.approx(1, abs=0.02)


def test_the_error_is_that_of_rounding_and_clipping() -> None:
    values = np.random.default_rng(0).normal(size=20_000)
    low, high = -2.0, 2.0
    step = (high - low) / 255
    zero_point = np.round(-low / step)
    codes = np.clip(np.round(values / step) + zero_point, 0, 255)
    expected = np.mean(((codes - zero_point) * step - values) ** 2)
    assert squared_error(histogram(values), low, high) == pytest.approx(expected, rel=0.02)


def test_a_tensor_that_is_always_the_same_has_a_range() -> None:
    for value in (0.0, 3.0, -3.0):
        found = Histogram(value, value, np.histogram(np.full(9, value), BINS)[0])
        for estimator in ESTIMATORS.values():
            low, high = estimator(found)
            assert low <= high


def test_min_max_ranges_are_those_of_a_float_run() -> None:
    twin = twin_of(residual_block)
    ranges = observe_ranges(twin, CELLS)
    network = OpenNetwork(twin)
    for layer in layers(twin):
        values = []
        for cell in CELLS:
            network.feed(cell)
            values.append(network.tensor(layer.output))
        assert ranges[layer.name] == (np.min(values), np.max(values))


def test_no_estimator_touches_the_input_or_clips_the_logits() -> None:
    twin = twin_of(residual_block)
    found = observe_all_ranges(twin, CELLS, list(ESTIMATORS))
    crop, *inner, logits = found[MINMAX]
    for name, ranges in found.items():
        assert ranges[crop] == (0.0, 1.0)
        assert ranges[logits] == found[MINMAX][logits]
        if name != MINMAX:
            assert any(ranges[tensor] != found[MINMAX][tensor] for tensor in inner)


def test_ranges_observed_alone_are_those_observed_together() -> None:
    twin = twin_of(residual_block)
    together = observe_all_ranges(twin, CELLS, list(ESTIMATORS))
    for name, ranges in together.items():
        assert observe_ranges(twin, CELLS, name) == ranges


def test_the_largest_channel_is_as_large_as_the_tensor() -> None:
    twin = twin_of(residual_block)
    ranges = observe_ranges(twin, CELLS)
    peaks = observe_channels(twin, CELLS)
    for layer in layers(twin):
        assert peaks[layer.output].max() == max(map(abs, ranges[layer.name]))
