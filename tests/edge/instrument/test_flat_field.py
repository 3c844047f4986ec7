"""Light made even and white, by an empty field."""

from __future__ import annotations

import numpy as np
import pytest

from edge.crops.preprocess import UInt8Image
from edge.errors import InstrumentRefused
from edge.instrument.flat_field import correct, measure_flat_field
from edge.sources.cameras.simulated.optics import Optics
from edge.sources.cameras.simulated.smear import BACKGROUND, draw_field

UNEVEN = Optics(1, vignette=0.4, tint=(1.0, 0.9, 0.75))
EMPTY = np.full((480, 640, 3), BACKGROUND, np.uint8)


def seen(pixels: UInt8Image, number: int, optics: Optics = UNEVEN) -> UInt8Image:
    return optics.take(pixels, number, 0.98)


def test_light_is_even_and_white_afterwards() -> None:
    flat = measure_flat_field(seen(EMPTY, number) for number in range(2))
    before = seen(EMPTY, 9)
    after = correct(before, flat.gain()).astype(float)
    blocks = after.reshape(12, 40, 16, 40, 3).mean(axis=(1, 3))
    assert before.reshape(12, 40, 16, 40, 3).mean(axis=(1, 3)).std() > 10
    assert np.abs(blocks - flat.level).max() < 2.5


def test_cells_look_as_under_even_light() -> None:
    flat = measure_flat_field(seen(EMPTY, number) for number in range(2))
    field = draw_field(3, 0, 640, 480, 0.2).pixels
    white = np.array(BACKGROUND) / flat.level
    corrected = correct(seen(field, 9), flat.gain()) * white
    assert np.abs(corrected - field).mean() < 2
    wrong = seen(field, 9) * (field.mean() / seen(field, 9).mean())
    assert np.abs(wrong - field).mean() > 8


def test_specks_in_one_of_the_fields_do_not_come_back_as_ghosts() -> None:
    frames = [seen(EMPTY[:240, :320], number) for number in range(8)]
    frames[0] = frames[0].copy()
    frames[0][100:108, 200:208] //= 2
    flat = measure_flat_field(frames)
    clean = measure_flat_field(frames[1:])
    assert np.abs(flat.gain() / clean.gain() - 1).max() < 0.005


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        (seen(draw_field(3, 0, 640, 480, 0.2).pixels, 0), "something lies"),
        (np.full((48, 64, 3), 254, np.uint8), "over-exposed"),
        (np.full((48, 64, 3), 20, np.uint8), "too dark"),
        (seen(EMPTY, 0, Optics(0, vignette=0.9)), "light path"),
    ],
)
def test_what_is_no_empty_field_is_refused(frame: UInt8Image, says: str) -> None:
    with pytest.raises(InstrumentRefused, match=says):
        measure_flat_field([frame])


def test_nothing_and_frames_of_two_sizes_are_refused() -> None:
    with pytest.raises(InstrumentRefused, match="no frame"):
        measure_flat_field([])
    with pytest.raises(InstrumentRefused, match="different sizes"):
        measure_flat_field([EMPTY, EMPTY[:-8]])
