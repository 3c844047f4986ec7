"""Plain BMP files: the same pixels as OpenCV's decoder gives."""

from __future__ import annotations

import struct

import cv2
import numpy as np
import pytest
from edge_helpers import encoded, small_cell
from hypothesis import given
from hypothesis import strategies as st

from edge.crops.drawn import draw_cell
from edge.crops.preprocess import to_crop
from edge.decoding.bmp import bmp_pixels, read_bmp_header
from edge.decoding.decode import crop_of, decode
from edge.errors import CropUnreadable
from edge.models.cnmc import SIDE


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
    crop = crop_of(encoded(cell, suffix, params), SIDE)
    assert (crop == to_crop(cell, SIDE)).all()
    assert crop.flags["C_CONTIGUOUS"]


def written(head: bytes, rows: bytes) -> bytes:
    """Write a BMP of a header, masks or palette after it, and rows."""
    at = 14 + len(head)
    return struct.pack("<2sI4xI", b"BM", at + len(rows), at) + head + rows


def info(depth: int, compression: int, size: int = 40) -> bytes:
    head = struct.pack("<IiiHHIIiiII", size, 50, 50, 1, depth, compression, 0, 0, 0, 0, 0)
    return head.ljust(size, b"\0")


def rows_of(pixels: np.ndarray) -> bytes:
    """Rows from the bottom up, each of a multiple of four bytes."""
    padding = bytes(-pixels[0].size % 4)
    return b"".join(row.tobytes() + padding for row in pixels[::-1])


CELL = small_cell()
BGR = CELL[:, :, ::-1]
MASKS = struct.pack("<3I", 0xFF0000, 0xFF00, 0xFF)
TURNED = struct.pack("<3I", 0xFF, 0xFF00, 0xFF0000)
UNUSED, FULL = (np.full((50, 50), value, np.uint8) for value in (0, 255))
ALPHA = 0xFF000000


@pytest.mark.parametrize(
    "data",
    [
        written(struct.pack("<IHHHH", 12, 50, 50, 1, 24), rows_of(BGR)),
        written(info(24, 0, 64), rows_of(BGR)),
        written(info(24, 0, 124), rows_of(BGR)),
        written(info(32, 0), rows_of(np.dstack([BGR, UNUSED]))),
        written(info(32, 0), rows_of(np.dstack([BGR, FULL]))),
        written(info(32, 3) + MASKS, rows_of(np.dstack([BGR, BGR[:, :, 0]]))),
        written(info(32, 3) + TURNED, rows_of(np.dstack([CELL, UNUSED]))),
        written(info(32, 6) + MASKS + struct.pack("<I", ALPHA), rows_of(np.dstack([BGR, FULL]))),
        written(info(32, 3, 56)[:40] + MASKS + bytes(4), rows_of(np.dstack([BGR, UNUSED]))),
    ],
    ids=["OS/2", "OS/2 v2", "v5", "unused", "opaque", "no alpha", "RGB", "alpha", "mask of none"],
)
def test_bytes_that_are_no_colour_are_dropped(data: bytes) -> None:
    assert (decode(data) == CELL).all()


def test_masks_that_are_no_whole_bytes_are_unsupported() -> None:
    ten_bits = struct.pack("<3I", 0x3FF00000, 0xFFC00, 0x3FF)
    rows = rows_of(np.dstack([BGR, UNUSED]))
    for data in (written(info(32, 3) + ten_bits, rows), written(info(24, 4), rows)):
        with pytest.raises(CropUnreadable) as refused:
            decode(data)
        assert refused.value.reason == "unsupported"


def runs(rows: int, row: bytes, end: bytes = b"\0\1") -> bytes:
    palette = struct.pack("<256I", *range(0, 0x1000000, 0x10101 - 256))
    return written(info(8, 1) + palette, row * rows + end)


def test_runs_must_fill_every_row() -> None:
    full = b"\x28\x05\0\x0a" + bytes(range(10)) + b"\0\0"
    assert decode(runs(50, full)).shape == (50, 50, 3)
    assert decode(runs(50, full, b"")).shape == (50, 50, 3)
    bad = {
        runs(49, full): "damaged",
        runs(49, full, b""): "truncated",
        runs(50, b"\x28\x05\0\0"): "damaged",
        runs(49, full, b"\0\2\x05\0\x28\5\0\1"): "damaged",
        runs(1, full, b"\0\1"): "damaged",
        runs(49, full, b"\0\xff\1\2"): "truncated",
    }
    for data, reason in bad.items():
        with pytest.raises(CropUnreadable) as refused:
            decode(data)
        assert refused.value.reason == reason
