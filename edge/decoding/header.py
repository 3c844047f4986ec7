"""What an image file says of itself, read before anything is decoded.

Decoders fill in what a truncated file lacks and allocate whatever a header
asks for; both would turn bad input into a result. So the header and the extent
of the file are checked first, for the five formats edge-all reads.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from dataclasses import dataclass

from edge.decoding.bmp import BmpHeader, read_bmp_header
from edge.decoding.jpeg import Jpeg, read_jpeg
from edge.decoding.png import SIGNATURE, Png, read_png
from edge.decoding.tiff import Page, TiffFile
from edge.errors import CropUnreadable, cut_off

_WEBP_ANIMATED = 2


@dataclass(frozen=True)
class ImageHeader:
    """Format and extent of an image file.

    Attributes
    ----------
    format : str
        ``bmp``, ``png``, ``jpeg``, ``tiff`` or ``webp``.
    width, height : int
        Pixels.
    bits : int
        Bits per channel.
    layout : BmpHeader, Jpeg, Png, Page or None
        Where the image data lie; None for WebP.
    """

    format: str
    width: int
    height: int
    bits: int
    layout: BmpHeader | Jpeg | Png | Page | None = None


def read_header(data: bytes) -> ImageHeader:
    """Read the header of an image file and check that the file is whole.

    Parameters
    ----------
    data : bytes
        The file.

    Returns
    -------
    ImageHeader

    Raises
    ------
    CropUnreadable
        ``empty``, ``not-an-image``, ``truncated``, ``damaged`` or ``unsupported``.
    """
    if not data:
        raise CropUnreadable("empty", "the file has no bytes; copy it again from the microscope")
    reader = _reader_for(data)
    if reader is None:
        raise CropUnreadable(
            "not-an-image", "the file does not start like BMP, PNG, JPEG, TIFF or WebP"
        )
    try:
        header = reader(data)
    except (struct.error, IndexError) as error:
        raise cut_off("its header is cut off") from error
    if header.width <= 0 or header.height <= 0:
        raise CropUnreadable("damaged", f"its header says {header.width} x {header.height} pixels")
    return header


def _reader_for(data: bytes) -> Callable[[bytes], ImageHeader] | None:
    if data[:2] == b"BM":
        return _bmp
    if data[:8] == SIGNATURE:
        return _png
    if data[:3] == b"\xff\xd8\xff":
        return _jpeg
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return _tiff
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp
    return None


def _bmp(data: bytes) -> ImageHeader:
    bmp = read_bmp_header(data)
    return ImageHeader("bmp", bmp.width, bmp.height, 8, bmp)


def _png(data: bytes) -> ImageHeader:
    png = read_png(data)
    return ImageHeader("png", png.width, png.height, png.bits, png)


def _jpeg(data: bytes) -> ImageHeader:
    jpeg = read_jpeg(data)
    return ImageHeader("jpeg", jpeg.width, jpeg.height, jpeg.bits, jpeg)


def _webp(data: bytes) -> ImageHeader:
    if struct.unpack_from("<I", data, 4)[0] + 8 > len(data):
        raise cut_off("the WebP is shorter than it says")
    kind = data[12:16]
    if kind == b"VP8X":
        if data[20] & _WEBP_ANIMATED:
            raise CropUnreadable(
                "unsupported",
                "an animated WebP: several pictures, not one cell; save one frame",
            )
        width, height = (1 + int.from_bytes(data[i : i + 3], "little") for i in (24, 27))
    elif kind == b"VP8L":
        packed = struct.unpack_from("<I", data, 21)[0]
        width, height = 1 + (packed & 0x3FFF), 1 + (packed >> 14 & 0x3FFF)
    elif kind == b"VP8 ":
        width, height = (size & 0x3FFF for size in struct.unpack_from("<HH", data, 26))
    else:
        raise CropUnreadable("damaged", "the WebP holds no image; export the file again")
    return ImageHeader("webp", width, height, 8)


def _tiff(data: bytes) -> ImageHeader:
    page = TiffFile(io.BytesIO(data)).first_page()
    return ImageHeader("tiff", page.width, page.height, page.bits, page)
