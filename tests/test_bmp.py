"""Plain BMP files: the same pixels as OpenCV's decoder gives."""

from __future__ import annotations

import struct

import cv2
import numpy as np
import pytest
from edge_helpers import encoded
from hypothesis import given
from hypothesis import strategies as st

from edge.bmp import bmp_pixels, read_bmp_header
from edge.decode import crop_of, decode
from edge.drawn import draw_cell
from edge.preprocess import to_crop


def bmp(pixels: np.ndarray, top_down: bool, depth: int = 24, compression: int = 0) -> bytes:
    """Write BGR pixels as a BMP file by hand."""
    height, width = pixels.shape[:2]
    rows = pixels if top_down else pixels[::-1]
    padding = b"\0" * (-3 * width % 4)
    data = b"".join(row.tobytes() + padding for row in rows)
    stored_height = -height if top_down else height
    info = (40, width, stored_height, 1, depth, compression, len(data), 2835, 2835, 0, 0)
    header = struct.pack("<2sIHHIIiiHHIIiiII", b"BM", 54 + len(data), 0, 0, 54, *info)
    return header + data


@given(
    width=st.integers(1, 40), height=st.integers(1, 40), seed=st.integers(0, 99), up=st.booleans()
)
def test_pixels_are_those_of_opencv_whatever_the_size_and_order_of_rows(
    width: int, height: int, seed: int, up: bool
) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    data = bmp(pixels, top_down=up)
    found = bmp_pixels(data, read_bmp_header(data))
    assert found is not None
    assert (found == pixels).all()
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert (found == decoded).all()
    assert (decode(data) == pixels[:, :, ::-1]).all()


@pytest.mark.parametrize("suffix", [".bmp", ".png", ".webp", ".tiff"])
def test_the_crop_of_a_file_is_that_of_its_pixels(suffix: str) -> None:
    cell = draw_cell(5)
    params = (cv2.IMWRITE_WEBP_QUALITY, 101) if suffix == ".webp" else ()
    crop = crop_of(encoded(cell, suffix, params))
    assert (crop == to_crop(cell)).all()
    assert crop.flags["C_CONTIGUOUS"]
