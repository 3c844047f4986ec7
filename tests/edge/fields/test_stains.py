"""Stain normalisation: a field gets the colours of another one, and off it is left alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from command_helpers import edge_all
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.crops.preprocess import UInt8Image
from edge.errors import CropUnreadable
from edge.fields.drawn import draw_field
from edge.fields.overlay import as_png
from edge.fields.stage import CellStage
from edge.fields.stains.macenko import Macenko
from edge.fields.stains.methods import METHODS
from edge.samples import Sample

FIELD = draw_field(1, 320, 240, cells=4, diameter=50).rgb
OTHER = draw_field(2, 320, 240, cells=4, diameter=50).rgb
BLANK = np.full((60, 80, 3), 230, np.uint8)


def stained(rgb: UInt8Image, strength: float, lamp: tuple[float, float, float]) -> UInt8Image:
    """The field as if it was stained more or less, under another lamp."""
    light = (rgb / 245.0) ** strength * 245.0 * np.array(lamp)
    return np.clip(np.rint(light), 0, 255).astype(np.uint8)


def off(one: UInt8Image, other: UInt8Image) -> float:
    return float(np.abs(one.astype(float) - other).mean())


def normalised(method: str, like: UInt8Image, rgb: UInt8Image) -> UInt8Image:
    return METHODS[method](like).normalised(rgb)


@pytest.mark.parametrize("method", sorted(METHODS))
def test_a_field_with_the_wanted_colours_stays_as_it_is(method: str) -> None:
    assert off(normalised(method, FIELD, FIELD), FIELD) < 2.5


@pytest.mark.parametrize("method", sorted(METHODS))
@settings(max_examples=6)
@given(
    strength=st.floats(0.6, 1.5),
    lamp=st.tuples(*[st.floats(0.8, 1.0)] * 3),
)
def test_another_stain_under_another_lamp_comes_near(
    method: str, strength: float, lamp: tuple[float, float, float]
) -> None:
    odd = stained(FIELD, strength, lamp)
    again = normalised(method, OTHER, odd)
    same = normalised(method, OTHER, FIELD)
    assert off(again, same) <= max(0.5 * off(odd, FIELD), 4)


def test_the_two_stains_of_a_field_are_told() -> None:
    found = Macenko.of(FIELD)
    azure, eosin = found.stains
    assert azure[0] > eosin[0]
    assert np.allclose(np.linalg.norm(found.stains, axis=1), 1)
    assert (found.strongest > 0.1).all()


@pytest.mark.parametrize("method", sorted(METHODS))
def test_cells_are_found_by_the_colours_that_the_field_has(method: str) -> None:
    sample = Sample("s", "f", pixels=FIELD)
    plain = list(CellStage()(sample))
    changed = list(CellStage(colours=METHODS[method](stained(OTHER, 1.5, (1, 0.8, 1))))(sample))
    assert [cell.box for cell in plain] == [cell.box for cell in changed]
    assert len(plain) == 4
    for one, other in zip(plain, changed, strict=True):
        assert one.pixels is not None
        assert other.pixels is not None
        assert not np.array_equal(one.pixels, other.pixels)


def test_where_no_two_stains_are_it_is_said() -> None:
    for pixels in (BLANK, BLANK * 0):
        with pytest.raises(CropUnreadable, match="--stain"):
            Macenko.of(pixels)


def test_one_colour_alone_stays_finite() -> None:
    assert normalised("reinhard", FIELD, BLANK).shape == BLANK.shape


def test_it_is_off_unless_it_is_asked_for_with_a_field(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(as_png(FIELD))
    (tmp_path / "like.png").write_bytes(as_png(stained(FIELD, 1.4, (1, 0.9, 0.8))))
    (tmp_path / "blank.png").write_bytes(as_png(BLANK))
    texts = {}
    for name, given_ in (
        ("off", []),
        ("on", ["--stain", "macenko", "--stain-like", tmp_path / "like.png"]),
    ):
        out = tmp_path / f"{name}.csv"
        done = edge_all("classify", tmp_path / "a.png", "--fields", *given_, "--out", out)
        assert done.exit_code == 0, done.output
        texts[name] = out.read_text()
    assert texts["off"].count("a.png@") == texts["on"].count("a.png@") == 4
    assert texts["off"] != texts["on"]
    for wrong in (
        ["--stain", "macenko"],
        ["--stain", "macenko", "--stain-like", tmp_path / "blank.png"],
        ["--stain", "reinhard", "--stain-like", tmp_path / "none.png"],
    ):
        done = edge_all("classify", tmp_path / "a.png", "--fields", *wrong)
        assert done.exit_code == 2
        assert "--stain" in done.stderr
