"""BMP: its header, pixels that lie in the file as they are, and runs that must fill the image.

C-NMC's crops are uncompressed 24-bit files, and OpenCV's decoder takes half as long for
one as the int8 CNN for its crop. It also takes those of OS/2 for grey and unused bytes
for transparency. So uncompressed colours are taken from the file; palettes, 16 bits and
runs are left to OpenCV.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from edge.decoding.opencv_decoder import Pixels, opencv_pixels
from edge.errors import CropUnreadable, cut_off

_OS2, _INFO, _OS2_V2 = 12, 40, 64  # bytes of a header
_WITH_ALPHA = 56  # likewise: of at least so many
_RGB, _RLE8, _RLE4, _MASKS, _MASKS_ALPHA = 0, 1, 2, 3, 6
_COLOURS = 0xFF0000, 0xFF00, 0xFF, 0  # red, green, blue and no alpha, where no masks are given
_PLACES = {0xFF: 0, 0xFF00: 1, 0xFF0000: 2, 0xFF000000: 3}  # mask -> byte of a pixel
_END_OF_ROW, _END_OF_IMAGE, _JUMP = 0, 1, 2


@dataclass(frozen=True)
class BmpHeader:
    """What the header of a BMP says.

    Attributes
    ----------
    size : int
        Bytes of the header.
    pixels_at : int
        Where the pixels lie in the file, in bytes.
    width, height : int
        Pixels.
    top_down : bool
        Whether the top row comes first.
    depth : int
        Bits of a pixel.
    compression : int
        As the field of this name says.
    """

    size: int
    pixels_at: int
    width: int
    height: int
    top_down: bool
    depth: int
    compression: int

    @property
    def stride(self) -> int:
        """Bytes of an uncompressed row."""
        return (self.width * self.depth + 31) // 32 * 4


def read_bmp_header(data: bytes) -> BmpHeader:
    """Read the header of a BMP and check that uncompressed pixels are all there.

    Raises
    ------
    CropUnreadable
        ``truncated`` or ``unsupported``.
    struct.error
        If the file ends within the header.
    """
    pixels_at, size = struct.unpack_from("<II", data, 10)
    if size == _OS2:
        width, height, _, depth = struct.unpack_from("<HHHH", data, 18)
        compression = _RGB
    else:
        width, height, _, depth, compression = struct.unpack_from("<iiHHI", data, 18)
    header = BmpHeader(size, pixels_at, width, abs(height), height < 0, depth, compression)
    uncompressed = compression in (_RGB, _MASKS, _MASKS_ALPHA)
    if uncompressed and pixels_at + header.stride * header.height > len(data):
        raise cut_off(f"{len(data)} bytes cannot hold {width} x {header.height} pixels")
    huffman = size == _OS2_V2 and compression == _MASKS
    if huffman or not (uncompressed or compression in (_RLE8, _RLE4)):
        raise CropUnreadable(
            "unsupported", f"a BMP compressed by method {compression}; save it without"
        )
    return header


def bmp_pixels(data: bytes, header: BmpHeader) -> Pixels | None:
    """Decode a BMP file that :func:`read_bmp_header` found whole.

    Returns
    -------
    ndarray of uint8, shape (height, width) or (height, width, 3 or 4), or None
        In BGR order, top row first: of an uncompressed file a view of `data`. A fourth
        channel is transparency. None if OpenCV cannot decode it.

    Raises
    ------
    CropUnreadable
        ``truncated``, ``damaged`` or ``unsupported``.
    """
    if header.compression in (_RLE8, _RLE4):
        _check_runs(data, header)
    elif header.depth == 24 and header.compression == _RGB:
        return _stored(data, header)
    elif header.depth == 32:
        return _in_order(data, header, _stored(data, header))
    return opencv_pixels(data)


def _stored(data: bytes, header: BmpHeader) -> Pixels:
    rows, stride, channels = header.height, header.stride, header.depth // 8
    stored = np.frombuffer(data, np.uint8, stride * rows, header.pixels_at).reshape(rows, stride)
    pixels = stored[:, : channels * header.width].reshape(rows, header.width, channels)
    return pixels if header.top_down else pixels[::-1]


def _in_order(data: bytes, header: BmpHeader, pixels: Pixels) -> Pixels:
    """Bring the four bytes of a pixel into BGR order; the fourth stays if it means something."""
    red, green, blue, alpha = _masks(data, header)
    if not alpha and header.compression == _RGB:
        # unused, says the format; but some programs write transparency there
        fourth = pixels[:, :, 3]
        alpha = 0 if (fourth == fourth[0, 0]).all() else 0xFF000000
    wanted = [blue, green, red] + [alpha] * bool(alpha)
    if any(mask not in _PLACES for mask in wanted):
        raise CropUnreadable(
            "unsupported", "a BMP whose colours are not of 8 bits each; save it with 24 bits"
        )
    return np.ascontiguousarray(pixels[:, :, [_PLACES[mask] for mask in wanted]])


def _masks(data: bytes, header: BmpHeader) -> tuple[int, ...]:
    if header.compression == _RGB:
        return _COLOURS
    masks = struct.unpack_from("<4I", data, 14 + _INFO)
    with_alpha = header.size >= _WITH_ALPHA or header.compression == _MASKS_ALPHA
    return masks if with_alpha else (*masks[:3], 0)


def _check_runs(data: bytes, header: BmpHeader) -> None:
    """Refuse runs that do not fill every row: what they leave out OpenCV makes black."""
    nibbles = header.compression == _RLE4
    at, x, rows = header.pixels_at, 0, 0
    while rows < header.height:
        if at + 1 >= len(data):
            raise cut_off("the runs of the BMP end before the image does")
        count, value = data[at], data[at + 1]
        at += 2
        if count:
            x += count
        elif value == _END_OF_ROW:
            if x < header.width:
                raise _left_out()
            x, rows = 0, rows + 1
        elif value == _END_OF_IMAGE:
            if rows < header.height - 1 or x < header.width:
                raise _left_out()
            return
        elif value == _JUMP:
            raise _left_out()
        else:
            stored = (value + 1) // 2 if nibbles else value
            x, at = x + value, at + stored + stored % 2
            if at > len(data):
                raise cut_off("the runs of the BMP end before the image does")


def _left_out() -> CropUnreadable:
    return CropUnreadable(
        "damaged", "the runs of the BMP leave pixels out; copy or export the file again"
    )
