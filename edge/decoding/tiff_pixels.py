"""Pixels of a TIFF page, and nothing that a decoder filled in.

Where libtiff cannot decode a strip or tile, OpenCV leaves it black, and says so on standard
error or nowhere. So each is unpacked here, strictly, if the standard library can; of
LZW, which it cannot, the pieces are followed to their end that may have been filled in.
"""

from __future__ import annotations

import struct

import cv2
import numpy as np

from edge.decoding.jpeg import jpeg_pixels, read_jpeg
from edge.decoding.opencv_decoder import Pixels, opencv_pixels
from edge.decoding.tiff import Page
from edge.decoding.tiff_unpack import UNPACK, is_marked_at_end, lzw_size
from edge.errors import CropUnreadable, cut_off

_LZW, _JPEG = 5, 7
_BILEVEL = {2, 3, 4}  # refused for their depth
_RGB, _CMYK, _YCBCR = 2, 5, 6
_DECODED_COLOURS = {0, 1, _RGB, 3, _YCBCR, 8}  # white or black is zero, palette, YCbCr, CIE L*a*b*
_COMPRESSIONS = {
    6: "old-style JPEG",
    32766: "NeXT",
    32809: "ThunderScan",
    32908: "Pixar film",
    32909: "Pixar log",
    33003: "Aperio JPEG 2000",
    33005: "Aperio JPEG 2000",
    34661: "JBIG",
    34676: "SGI log",
    34677: "SGI log",
    34712: "JPEG 2000",
    34887: "LERC",
    34892: "lossy JPEG of DNG",
    34925: "LZMA",
    34926: "Zstandard",
    34927: "WebP",
    34933: "PNG",
    34934: "JPEG XR",
    22610: "JPEG XR",
    50000: "Zstandard",
    50001: "WebP",
    50002: "JPEG XL",
    52546: "JPEG XL",
}


def tiff_pixels(data: bytes, page: Page) -> Pixels | None:
    """Decode the first page of a TIFF.

    Parameters
    ----------
    data : bytes
        The file.
    page : Page
        What its first directory says.

    Returns
    -------
    ndarray, shape (height, width) or (height, width, channels), or None
        In BGR order; None if OpenCV cannot decode it.

    Raises
    ------
    CropUnreadable
        ``unsupported``, ``truncated`` or ``damaged``.
    """
    _check_kind(page)
    if len(page.pieces) < _wanted(page):
        raise CropUnreadable(
            "damaged",
            f"the TIFF has {len(page.pieces)} strips or tiles where {_wanted(page)} are needed;"
            " export the file again",
        )
    if page.compression in UNPACK:
        unpacked = (_unpacked(data, page, number) for number in range(_wanted(page)))
        if _is_plain(page):
            return _assembled(page, list(unpacked))
        for _ in unpacked:  # to see that they can be
            pass
    if page.compression == _JPEG:
        for number in range(_wanted(page)):
            _check_jpeg_piece(page, _piece(data, page, number), number)
    pixels = opencv_pixels(data)
    if pixels is not None and page.compression == _LZW:
        _check_lzw(data, page, pixels)
    return pixels


def _check_kind(page: Page) -> None:
    if page.compression not in {*UNPACK, _LZW, _JPEG}:
        name = _COMPRESSIONS.get(page.compression, f"number {page.compression}")
        raise CropUnreadable(
            "unsupported", f"a TIFF compressed with {name}; save it with LZW, Deflate or none"
        )
    if page.photometric not in _DECODED_COLOURS:
        name = "CMYK" if page.photometric == _CMYK else f"of kind {page.photometric}"
        raise CropUnreadable("unsupported", f"a TIFF whose colours are {name}; save it as RGB")


def _across(page: Page) -> int:
    return -(-page.width // page.piece_width)


def _down(page: Page) -> int:
    return -(-page.height // page.piece_height)


def _wanted(page: Page) -> int:
    return page.planes * _across(page) * _down(page)


def _piece(data: bytes, page: Page, number: int) -> bytes:
    at, size = page.pieces[number]
    return data[at : at + size]


def _rows(page: Page, number: int) -> tuple[int, int]:
    """First row of a piece, and the one after its last, within the image."""
    first = number // _across(page) % _down(page) * page.piece_height
    return first, min(first + page.piece_height, page.height)


def _size(page: Page, number: int) -> int:
    """Bytes of a piece when unpacked."""
    first, after = _rows(page, number)
    rows = page.piece_height if page.tiled else after - first
    if page.photometric == _YCBCR and page.planes == 1:
        across, down = page.subsampling
        return -(-page.piece_width // across) * -(-rows // down) * (across * down + 2)
    return rows * page.piece_width * (page.channels // page.planes)


def _unpacked(data: bytes, page: Page, number: int) -> bytes:
    piece, size = _piece(data, page, number), _size(page, number)
    if page.fill_order == 2:
        piece = piece.translate(_TURNED)
    unpacked = UNPACK[page.compression](piece, size)
    _check_size(page, number, len(unpacked))
    return unpacked


_TURNED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def _check_size(page: Page, number: int, size: int) -> None:
    if size < _size(page, number):
        kind = "tile" if page.tiled else "strip"
        raise CropUnreadable(
            "damaged",
            f"{kind} {number + 1} of {_wanted(page)} of the TIFF does not decode or lacks"
            " pixels; copy or export the file again",
        )


def _check_jpeg_piece(page: Page, piece: bytes, number: int) -> None:
    """Refuse a JPEG strip or tile that does not decode to what it should hold."""
    data = page.tables[:-2] + piece[2:] if page.tables else piece
    try:
        pixels = jpeg_pixels(data, read_jpeg(data))
    except (IndexError, struct.error) as error:
        raise cut_off(f"JPEG data {number + 1} of the TIFF is cut off") from error
    first, after = _rows(page, number)
    if pixels is None or pixels.shape[0] < after - first:
        _check_size(page, number, 0)


def _is_plain(page: Page) -> bool:
    """Whether what was unpacked are red, green and blue, stored or as differences."""
    return page.photometric == _RGB and page.channels in (3, 4) and page.predictor in (1, 2)


def _assembled(page: Page, pieces: list[bytes]) -> Pixels:
    """Put the strips or tiles of a plain page together, in BGR or BGRA order."""
    width, height, planes = page.piece_width, page.piece_height, page.planes
    across, down = _across(page), _down(page)
    joined = np.frombuffer(b"".join(pieces), np.uint8)
    if page.tiled:
        grid = joined.reshape(planes, down, across, height, width, -1)
        rows = grid.transpose(0, 1, 3, 2, 4, 5).reshape(planes, down * height, across * width, -1)
    else:
        rows = joined.reshape(planes, page.height, page.width, -1)
    if page.predictor == 2:
        rows = _summed(rows, width)
    image = rows[:, : page.height, : page.width]
    rgb = np.ascontiguousarray(image[0] if planes == 1 else image[..., 0].transpose(1, 2, 0))
    code = cv2.COLOR_RGB2BGR if page.channels == 3 else cv2.COLOR_RGBA2BGRA
    return np.asarray(cv2.cvtColor(rgb, code))


def _summed(rows: Pixels, width: int) -> Pixels:
    """Undo the predictor: each pixel is stored as the difference to the one before."""
    found = np.empty_like(rows)
    for plane, into in zip(rows, found, strict=True):
        for left in range(0, rows.shape[2], width):
            part = slice(left, left + width)
            # whole columns are added faster than one row at a time
            columns = cv2.transpose(np.ascontiguousarray(plane[:, part]))
            for x in range(1, width):
                columns[x] += columns[x - 1]
            into[:, part] = cv2.transpose(columns).reshape(into[:, part].shape)
    return found


def _check_lzw(data: bytes, page: Page, pixels: Pixels) -> None:
    """Follow the codes of pieces that are not marked at their end, or end in one colour.

    To follow them all would take longer than to decode them.
    """
    few_rows = page.piece_height <= 2  # their last row may be filled in only in part
    sizes: dict[bytes, int] = {}  # many are the same: those without a part of the cell
    for number, one_colour in enumerate(_ends_in_one_colour(page, pixels)):
        piece = _piece(data, page, number)
        if one_colour or few_rows or not is_marked_at_end(piece):
            if piece not in sizes:
                sizes[piece] = lzw_size(piece)
            _check_size(page, number, sizes[piece])


def _ends_in_one_colour(page: Page, pixels: Pixels) -> list[bool]:
    """Whether the last row of each piece is of one colour, as what is filled in would be."""
    if page.photometric != _RGB or page.planes != 1:
        return [True] * _wanted(page)
    lasts = [_rows(page, number)[1] - 1 for number in range(0, _wanted(page), _across(page))]
    rows = pixels[lasts]
    found = [
        (part == part[:, :1]).all(axis=(1, 2))
        for left in range(0, page.width, page.piece_width)
        for part in [rows[:, left : left + page.piece_width]]
    ]
    return [bool(one) for one in np.stack(found, axis=1).ravel()]
