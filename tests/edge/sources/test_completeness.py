"""Signs that an image file was not written to its end, and that whole ones show none."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from edge_helpers import FORMATS, encoded
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.crops.drawn import draw_cell
from edge.sources.watching.completeness import has_holes, is_being_written, lacks_its_end

CELL = draw_cell(3)
BMP = encoded(CELL, ".bmp")
RAW_TIFF = encoded(CELL, ".tiff", (cv2.IMWRITE_TIFF_COMPRESSION, 1))
WIDE = encoded(draw_cell(5)[100:350, 100:350], ".bmp")  # no black around it


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("seed", range(3))
def test_a_whole_image_lacks_nothing(suffix: str, seed: int) -> None:
    assert not lacks_its_end(encoded(draw_cell(seed), suffix, FORMATS[suffix]))


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.45, 0.6])
def test_a_reserved_file_of_which_a_part_was_written_lacks_its_end(
    suffix: str, share: float
) -> None:
    whole = encoded(CELL, suffix, FORMATS[suffix])
    written = int(share * len(whole))
    assert lacks_its_end(whole[:written] + bytes(len(whole) - written))
    assert lacks_its_end(whole[:written])


@settings(max_examples=40)
@given(st.floats(0, 1), st.sampled_from([BMP, WIDE, RAW_TIFF]))
def test_what_shows_no_sign_lacks_a_few_rows_of_the_cell_at_most(
    share: float, whole: bytes
) -> None:
    written = int(share * len(whole))
    data = whole[:written] + bytes(len(whole) - written)
    if not lacks_its_end(data):
        lost = sum(one != other for one, other in zip(data, whole, strict=True))
        assert lost < 0.02 * len(whole)


def test_black_around_a_cell_and_filling_behind_an_end_mark_are_no_signs() -> None:
    assert BMP.endswith(bytes(10_000))
    assert not lacks_its_end(BMP)
    assert not lacks_its_end(encoded(CELL, ".png") + bytes(4096))
    assert not lacks_its_end(encoded(CELL, ".jpg") + bytes(4096))


def test_an_image_of_a_kind_that_is_refused_lacks_nothing() -> None:
    assert not lacks_its_end(encoded(np.zeros((50, 50), np.uint8), ".bmp"))


def test_holes_are_what_was_reserved_and_never_written(tmp_path: Path) -> None:
    for name in ("truncated", "allocated"):
        with (tmp_path / name).open("wb") as file:
            if name == "truncated":
                file.truncate(len(BMP))
            else:
                os.posix_fallocate(file.fileno(), 0, len(BMP))
            file.write(BMP[: len(BMP) // 2])
        if not has_holes(tmp_path / name):
            pytest.skip("this file system does not tell")
        (tmp_path / name).write_bytes(BMP)
        assert not has_holes(tmp_path / name)
    assert not has_holes(str(tmp_path / "nothing"))


def test_an_open_file_is_being_written_until_it_is_closed(tmp_path: Path) -> None:
    path = str(tmp_path / "a.bmp")
    with open(path, "wb", buffering=0) as file:  # noqa: PTH123
        file.write(BMP)
        if not is_being_written(path):
            pytest.skip("this system does not tell")
        with open(path, "rb"):  # noqa: PTH123
            assert is_being_written(path)
    assert not is_being_written(path)
    with open(path, "rb"):  # noqa: PTH123
        assert not is_being_written(path)
    assert not is_being_written(str(tmp_path))
