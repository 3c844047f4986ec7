"""Light, white and focus of smears: what changed says what to do, and nothing else does."""

from __future__ import annotations

import dataclasses
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.crops.preprocess import UInt8Image
from edge.instrument.flat_field import measure_flat_field
from edge.instrument.store import Instrument
from edge.samples import Sample
from edge.service.optics import Meter, Metered, Optics, measure_optics, trend_of
from edge.sources.cameras.source import CameraSource, open_camera

USUAL = Optics(20, 210.0, 1.0, 1.0, 1e-3)
CAMERA = "sim:frames=2,fps=0,width=320,height=240,seed=1"


@lru_cache
def field() -> UInt8Image:
    with open_camera(CAMERA) as camera:
        sample = camera.take()
    assert sample is not None
    assert sample.pixels is not None
    return sample.pixels


def metered(camera: CameraSource, meter: Meter) -> None:
    with Metered(camera, meter) as batches:
        assert sum(1 for batch in batches for _ in batch) == 2


def test_a_blurred_field_is_less_sharp_and_a_darker_one_is_not() -> None:
    sharp = measure_optics(field())
    blurred = measure_optics(np.asarray(cv2.GaussianBlur(field(), (0, 0), 3), np.uint8))
    darker = measure_optics((field() * 0.7).astype(np.uint8))
    assert blurred.focus < sharp.focus / 2 < darker.focus
    assert darker.light == pytest.approx(sharp.light * 0.7, rel=0.02)
    assert darker.red == pytest.approx(sharp.red, rel=0.02)


@pytest.mark.parametrize("tint", [None, "1+1+0.8"])
def test_a_camera_is_held_to_the_stored_flat_field(
    tint: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGE_ALL_INSTRUMENTS", str(tmp_path))
    with open_camera("sim:empty=yes,frames=4,fps=0,width=320,height=240") as camera:
        frames = [s.pixels for batch in camera for s in batch if s.pixels is not None]
    Instrument("microscope", "100x").save_flat_field(measure_flat_field(iter(frames)), 4)
    meter = Meter()
    metered(open_camera(f"{CAMERA},objective=100x" + (f",tint={tint}" if tint else "")), meter)
    said = list(trend_of(meter.take(), [], meter.level))
    if tint is None:
        assert not said
    else:
        assert len(said) == 1
        assert "blue is -" in said[0]
        assert "capture the flat field again" in said[0]


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({}, None),
        ({"light": 150.0}, "light: 29% less"),
        ({"red": 1.1}, "red is +10%"),
        ({"blue": 0.9}, "blue is -10%"),
        ({"focus": 4e-4}, "focus again"),
    ],
)
def test_what_differs_from_the_smears_before_says_what_to_do(
    changed: dict[str, float], word: str | None
) -> None:
    said = list(trend_of(dataclasses.replace(USUAL, **changed), [USUAL] * 5, None))  # type: ignore[arg-type]
    assert [word in line for line in said if word] == ([True] if word else [])
    assert bool(said) == bool(word)


def test_the_first_smears_without_a_calibration_are_held_to_nothing() -> None:
    assert not list(trend_of(dataclasses.replace(USUAL, light=20.0), [USUAL] * 2, None))


def test_a_sample_without_pixels_is_passed_over() -> None:
    meter = Meter()
    meter.add(Sample("a", "a.png"))
    assert meter.take() is None
