"""The scale by an image of a stage micrometer: to 1 %, or refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from micrometers import micrometer

from edge.crops.drawn import draw_cell
from edge.errors import InstrumentRefused
from edge.instrument.micrometer import measure_scale
from edge.sources.cameras.simulated.smear import draw_field


@pytest.mark.parametrize(("um", "angle"), [(0.17, -61), (0.3, 45), (0.85, 90)])
def test_scales_and_directions_that_are_usual_are_measured(um: float, angle: float) -> None:
    found = measure_scale(micrometer(um, angle, 480, 400), 10)
    assert found.um_per_pixel == pytest.approx(um, rel=0.005)


@settings(max_examples=3)
@given(
    st.floats(0.12, 0.9),
    st.floats(-90, 90),
    st.floats(0, 8),
    st.floats(0.3, 2.0),
    st.floats(0, 0.5),
    st.booleans(),
    st.integers(0, 99),
)
def test_a_scale_is_right_to_one_percent_or_refused_whatever_noise_blur_and_shade(
    um: float, angle: float, noise: float, blur: float, shade: float, dark: bool, seed: int
) -> None:
    image = micrometer(um, angle, 480, 400, noise, blur, shade, dark, seed)
    try:
        found = measure_scale(image, 10)
    except InstrumentRefused:
        assert noise > 4 or um < 0.15  # what is noisy, or shows few lines, may be
        return
    assert found.um_per_pixel == pytest.approx(um, rel=0.01)
    assert found.lines >= 5


def test_other_divisions_scale_with_them() -> None:
    image = micrometer(0.3, 0, 480, 400)
    assert measure_scale(image, 100).um_per_pixel == pytest.approx(3.0, rel=0.01)


@pytest.mark.parametrize(
    "image",
    [
        np.full((200, 300, 3), 200, np.uint8),
        np.random.default_rng(0).integers(0, 255, (200, 300, 3)).astype(np.uint8),
        draw_cell(0),
        draw_field(0, 0, 400, 300, 0.2).pixels,
        micrometer(0.03, 0, 320, 240),  # two lines
        micrometer(9.0, 0, 320, 240),  # lines closer than two pixels
    ],
    ids=["empty", "noise", "cell", "field", "few lines", "too fine"],
)
def test_what_shows_no_micrometer_is_refused(image: np.ndarray) -> None:
    with pytest.raises(InstrumentRefused) as refused:
        measure_scale(image, 10)
    assert "take" in str(refused.value)
