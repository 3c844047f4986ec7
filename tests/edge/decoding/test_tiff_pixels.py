"""TIFF: every layout gives its pixels, and no piece that is lost gives any."""

from __future__ import annotations

import io
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from edge_helpers import encoded, small_cell
from hypothesis import given, settings
from hypothesis import strategies as st
from tiff_writer import DEFLATE, LZW, OLD_DEFLATE, PACK, PACKBITS, RAW, Layout, packed, tiff

from edge.decoding.decode import decode
from edge.decoding.tiff import TiffFile
from edge.decoding.tiff_unpack import lzw_size
from edge.errors import CropUnreadable

CELL = small_cell()
_ROWS_PER_STRIP = 278  # OpenCV 4.6 has no name for it
LAYOUTS = [
    Layout(compression, side, rows, planar, predictor, order)
    for compression in PACK
    for side, rows in ((0, 50), (0, 7), (0, 1), (16, 0), (64, 0))
    for planar in (False, True)
    for predictor in ((1, 2) if compression in (LZW, DEFLATE, OLD_DEFLATE) else (1,))
    for order in "<>"
]
WAYS: dict[str, Callable[[bytes], bytes]] = {
    "gone": lambda piece: b"",
    "half": lambda piece: piece[: len(piece) // 2],
    "all but a byte": lambda piece: piece[: len(piece) * 9 // 10],
    "zeros": lambda piece: bytes(len(piece)),
    "zeros at the end": lambda piece: piece[: len(piece) // 2].ljust(len(piece), b"\0"),
}


@pytest.mark.parametrize("compression", PACK)
def test_every_layout_gives_its_pixels(compression: int) -> None:
    for layout in LAYOUTS:
        if layout.compression == compression:
            data = tiff(CELL, layout, packed(CELL, layout))
            assert (decode(data) == CELL).all(), str(layout)


@pytest.mark.parametrize("compression", PACK)
def test_a_piece_that_is_lost_gives_no_pixels(compression: int) -> None:
    for layout in LAYOUTS:
        if layout.compression != compression or layout.order == ">":
            continue
        pieces = packed(CELL, layout)
        for number in {0, len(pieces) // 2, len(pieces) - 1}:
            for way, lose in WAYS.items():
                if "zeros" in way and compression in (RAW, PACKBITS, LZW):
                    continue  # they are data there
                lost = list(pieces)
                lost[number] = lose(lost[number])
                with pytest.raises(CropUnreadable) as refused:
                    decode(tiff(CELL, layout, lost))
                found = refused.value.reason, str(layout), number, way
                assert found[0] in ("damaged", "truncated"), found


@pytest.mark.parametrize("compression", [LZW, DEFLATE, PACKBITS])
@pytest.mark.parametrize("rows", [1, 6, 50])
def test_strips_of_a_writer_cut_anywhere_give_no_pixels(compression: int, rows: int) -> None:
    params = (cv2.IMWRITE_TIFF_COMPRESSION, compression, _ROWS_PER_STRIP, rows)
    data = encoded(CELL, ".tiff", params)
    assert (decode(data) == CELL).all()
    page = TiffFile(io.BytesIO(data)).first_page()
    pieces = [data[at : at + size] for at, size in page.pieces]
    sizes = [len(piece) for piece in pieces]
    number, size = sizes.index(max(sizes)), max(sizes)
    layout = Layout(compression, rows=rows, predictor=page.predictor)
    for left in range(0, size - 3, max(1, size // 40)):
        cut = [*pieces[:number], pieces[number][:left], *pieces[number + 1 :]]
        with pytest.raises(CropUnreadable):
            decode(tiff(CELL, layout, cut))


def test_too_few_pieces_are_refused() -> None:
    for layout in (Layout(RAW), Layout(DEFLATE, side=16), Layout(LZW, planar=True)):
        pieces = packed(CELL, layout)
        with pytest.raises(CropUnreadable, match=f"{len(pieces)} are needed"):
            decode(tiff(CELL, layout, pieces[:-1]))


@pytest.mark.parametrize("compression", [RAW, DEFLATE, PACKBITS])
def test_sizes_of_strips_may_be_left_out(compression: int) -> None:
    layout = Layout(compression)
    data = tiff(CELL, layout, packed(CELL, layout), {279: None})
    assert (decode(data) == CELL).all()


@pytest.mark.parametrize(
    ("tags", "name"),
    [
        ({259: [34712]}, "JPEG 2000"),
        ({259: [50000]}, "Zstandard"),
        ({259: [34925]}, "LZMA"),
        ({259: [50001]}, "WebP"),
        ({259: [34887]}, "LERC"),
        ({259: [6]}, "old-style JPEG"),
        ({259: [12345]}, "number 12345"),
        ({262: [5]}, "CMYK"),
        ({262: [32845]}, "of kind 32845"),
    ],
)
def test_what_no_decoder_here_reads_is_unsupported_by_name(
    tags: dict[int, list[int] | None], name: str
) -> None:
    with pytest.raises(CropUnreadable, match=name) as refused:
        decode(tiff(CELL, Layout(), packed(CELL, Layout()), tags))
    assert refused.value.reason == "unsupported"
    assert "save it" in refused.value.message


def test_an_opaque_fourth_channel_is_dropped_and_a_transparent_one_refused() -> None:
    opaque = np.dstack([CELL, np.full(CELL.shape[:2], 255, np.uint8)])
    for layout in (Layout(), Layout(LZW), Layout(DEFLATE, side=16)):
        assert (decode(tiff(opaque, layout, packed(opaque, layout))) == CELL).all()
        clear = opaque.copy()
        clear[20, 20, 3] = 254
        with pytest.raises(CropUnreadable) as refused:
            decode(tiff(clear, layout, packed(clear, layout)))
        assert refused.value.reason == "alpha"


@settings(max_examples=60, deadline=None)
@given(pixels=st.binary(min_size=1, max_size=200), times=st.integers(1, 60))
def test_the_length_of_lzw_is_that_of_what_libtiff_packed(pixels: bytes, times: int) -> None:
    row = np.frombuffer(pixels * times, np.uint8)
    image = np.dstack([row[None]] * 3)[:, :9999]
    data = encoded(image, ".tiff", (cv2.IMWRITE_TIFF_COMPRESSION, LZW))
    ((at, size),) = TiffFile(io.BytesIO(data)).first_page().pieces
    assert lzw_size(data[at : at + size]) == image.size
    assert lzw_size(data[at : at + size - 3]) < image.size
