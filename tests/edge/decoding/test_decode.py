"""`decode` and `read_crop`: the pixels that were saved, or nothing."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from edge_helpers import FORMATS, LOSSLESS, encoded, small_cell

from edge.crops.preprocess import to_crop
from edge.decoding.decode import decode, read_crop
from edge.errors import CropUnreadable
from edge.files import file_name
from edge.models.cnmc import SIDE

CELL = small_cell()
CUTTABLE = {
    **{suffix: encoded(CELL, suffix, params) for suffix, params in FORMATS.items()},
    "progressive .jpg": encoded(CELL, ".jpg", (cv2.IMWRITE_JPEG_PROGRESSIVE, 1)),
    "lossy .webp": encoded(CELL, ".webp", (cv2.IMWRITE_WEBP_QUALITY, 80)),
    "raw .tiff": encoded(CELL, ".tiff", (cv2.IMWRITE_TIFF_COMPRESSION, 1)),
    ".tiff in strips": encoded(CELL, ".tiff", (cv2.IMWRITE_TIFF_ROWSPERSTRIP, 5)),
}


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_lossless_formats_give_every_pixel_back(suffix: str) -> None:
    assert (decode(encoded(CELL, suffix, LOSSLESS[suffix])) == CELL).all()


def test_jpeg_gives_the_pixels_back_closely() -> None:
    smooth = cv2.GaussianBlur(CELL, (5, 5), 0)
    found = decode(encoded(smooth, ".jpg", FORMATS[".jpg"]))
    assert found.shape == smooth.shape
    assert np.abs(found.astype(int) - smooth).mean() < 3


@pytest.mark.parametrize("suffix", FORMATS)
def test_colours_come_in_the_order_red_green_blue(suffix: str) -> None:
    red = np.full((16, 16, 3), (200, 40, 10), np.uint8)
    found = decode(encoded(red, suffix, FORMATS[suffix]))
    assert np.abs(found.reshape(-1, 3).mean(axis=0) - (200, 40, 10)).max() < 4


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_every_lossless_format_gives_the_same_crop(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"cell{suffix}"
    path.write_bytes(encoded(CELL, suffix, LOSSLESS[suffix]))
    assert (read_crop(path, SIDE) == to_crop(CELL, SIDE)).all()
    assert (read_crop(str(path), SIDE) == to_crop(CELL, SIDE)).all()


def test_the_content_counts_and_not_the_suffix(tmp_path: Path) -> None:
    path = tmp_path / "cell.jpg"
    path.write_bytes(encoded(CELL, ".bmp"))
    assert (read_crop(path, SIDE) == to_crop(CELL, SIDE)).all()


def test_orientation_in_exif_is_ignored() -> None:
    oblong = CELL[:30]
    jpeg = encoded(oblong, ".jpg")
    quarter_turn = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    segment = b"\xff\xe1" + (len(quarter_turn) + 2).to_bytes(2, "big") + quarter_turn
    turned = jpeg[:2] + segment + jpeg[2:]
    assert (decode(turned) == decode(jpeg)).all()


def test_bytes_after_the_image_do_no_harm() -> None:
    for suffix, data in CUTTABLE.items():
        assert (decode(data + b"appended by a camera") == decode(data)).all(), suffix


@pytest.mark.parametrize("name", CUTTABLE)
def test_a_file_cut_anywhere_gives_no_crop(name: str) -> None:
    data = CUTTABLE[name]
    assert decode(data).shape == CELL.shape
    for length in range(len(data)):
        with pytest.raises(CropUnreadable) as refused:
            decode(data[:length])
        signature = 12 if "webp" in name else 8  # too short to be told what it is
        allowed = {"truncated"} if length >= signature else {"truncated", "not-an-image", "empty"}
        assert refused.value.reason in allowed, length


def test_refusing_files_leaves_none_open(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        with pytest.raises(CropUnreadable):
            read_crop(tmp_path, SIDE)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_file_name_is_text_as_it_was_given() -> None:
    assert file_name("./crops//cell é.png") == "./crops//cell é.png"
    assert file_name(Path("crops") / "cell.png") == "crops/cell.png"
    assert file_name(os.fsdecode(b"crops/\xff.png")) == r"crops/\xff.png"
