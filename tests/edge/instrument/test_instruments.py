"""Calibrations kept per microscope and objective, and what they make of frames."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from command_helpers import edge_all
from micrometers import micrometer

from edge.errors import CameraRefused, InstrumentRefused
from edge.instrument.flat_field import FlatField
from edge.instrument.store import Instrument, StoredScale
from edge.sources.cameras.source import CameraSource

BENCH = Instrument("bench", "100x oil")
TINY = "width=160,height=120,um=0.4,fps=0"


@pytest.fixture(autouse=True)
def _own_instruments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_ALL_INSTRUMENTS", str(tmp_path / "instruments"))


def flat(width: int = 160, height: int = 120) -> FlatField:
    light = np.random.default_rng(0).uniform(100, 200, (-(-height // 8), -(-width // 8), 3))
    return FlatField(light.astype(np.float32), width, height)


def test_what_is_kept_is_found_again_and_each_objective_has_its_own() -> None:
    BENCH.save_scale(StoredScale(0.065, 1920, 1080, "by lines"))
    BENCH.save_flat_field(flat(), 8)
    assert BENCH.scale() == StoredScale(0.065, 1920, 1080, "by lines")
    found = BENCH.flat_field()
    assert found is not None
    assert np.abs(found.light - flat().light).max() < 0.003
    assert found == flat()
    assert Instrument("bench", "40x").scale() is None
    assert Instrument("other", "100x oil").flat_field() is None


@pytest.mark.parametrize("name", ["", "..", "a/b", "../x", ".hidden", "x" * 41, "a\n", "con\x00"])
def test_names_that_are_no_folders_are_refused(name: str) -> None:
    with pytest.raises(InstrumentRefused, match="can be called"):
        Instrument("bench", name)


@pytest.mark.parametrize("name", ["scale.json", "flat-field.json", "flat-field.png"])
def test_damaged_files_are_refused_with_what_to_do(name: str) -> None:
    BENCH.save_scale(StoredScale(0.065, None, None, "given"))
    BENCH.save_flat_field(flat(), 8)
    path = BENCH.folder / name
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(InstrumentRefused, match="calibrate bench, 100x oil again"):
        CameraSource("sim:microscope=bench,objective=100x oil")


def test_frames_get_the_scale_of_the_objective_and_even_light() -> None:
    BENCH.save_scale(StoredScale(0.5, 160, 120, "by lines"))
    optics = f"{TINY},vignette=0.4,tint=1+0.9+0.7"
    done = edge_all(
        *("capture", f"sim:empty=yes,{optics}", "--flat-field"),
        *("--microscope", "bench", "--objective", "100x oil"),
    )
    assert done.exit_code == 0, done.stderr
    assert "flat field of 8 frames" in done.stdout
    address = f"sim:frames=1,empty=yes,seed=5,{optics},microscope=bench,objective=100x oil"
    with CameraSource(address) as batches:
        ((sample,),) = batches
    assert sample.um_per_pixel == 0.5
    assert sample.facts["objective"] == "100x oil"
    assert sample.pixels is not None
    blocks = sample.pixels.reshape(6, 20, 8, 20, 3).mean(axis=(1, 3))
    assert blocks.max() - blocks.min() < 4


def test_frames_of_another_size_are_rows_with_a_reason() -> None:
    BENCH.save_scale(StoredScale(0.5, 1920, 1080, "by lines"))
    with CameraSource(f"sim:frames=2,{TINY},microscope=bench,objective=100x oil") as batches:
        samples = [sample for batch in batches for sample in batch]
    for sample in samples:
        assert sample.error is not None
        assert "frames are 160 x 120 pixels, the scale of bench" in sample.error.message


def test_an_objective_that_nobody_calibrated_is_refused() -> None:
    with pytest.raises(InstrumentRefused, match="nothing is known of microscope, 40x"):
        CameraSource("sim:objective=40x")
    with pytest.raises(CameraRefused, match="needs objective="):
        CameraSource("sim:microscope=bench")


def test_a_scale_is_measured_kept_and_told(tmp_path: Path) -> None:
    path = tmp_path / "micrometer.png"
    assert cv2.imwrite(str(path), micrometer(0.25, 20))
    done = edge_all("scale", path, "--objective", "40x")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith("microscope, 40x: 0.2")
    kept = json.loads((Instrument("microscope", "40x").folder / "scale.json").read_text())
    assert kept["um_per_pixel"] == pytest.approx(0.25, rel=0.01)
    assert (kept["width"], kept["height"]) == (640, 480)
    assert edge_all("scale", "--objective", "40x").stdout == done.stdout
    done = edge_all("scale", "--pixel-size", 0.07)
    assert done.stdout == "microscope, 100x: 0.07 um a pixel, given as --pixel-size\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["scale", "--objective", "9x"], "nothing is known"),
        (["scale", "no.png"], "no.png: not-found"),
        (["scale", "x.png", "--pixel-size", "1"], "not both"),
        (["scale", "--pixel-size", "1", "--objective", "../x"], "can be called"),
        (["capture", f"sim:frames=1,{TINY}", "--flat-field"], "something lies"),
        (["capture", f"sim:frames=1,stall=0,timeout=0.1,{TINY}", "--flat-field"], "the camera:"),
        (["capture", "sim:"], "--out"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(arguments: list[str], says: str) -> None:
    done = edge_all(*arguments)
    assert done.exit_code == 2
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_light_is_not_measured_on_frames_that_are_corrected_already() -> None:
    BENCH.save_flat_field(flat(), 8)
    address = f"sim:frames=1,empty=yes,{TINY},microscope=bench,objective=100x oil"
    done = edge_all("capture", address, "--flat-field")
    assert done.exit_code == 2
    assert "corrected already" in done.stderr
