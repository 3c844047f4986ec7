"""What an image file says of itself, read before anything is decoded.

Decoders fill in what a truncated file lacks and allocate whatever a header
asks for; both would turn bad input into a result. So the header and the extent
of the file are checked first, for the five formats edge-all reads.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from edge.bmp import BmpHeader, read_bmp_header
from edge.errors import CropUnreadable, cut_off
from edge.jpeg import Jpeg, read_jpeg
from edge.tiff import Page, TiffFile

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_WEBP_ANIMATED = 2
_MOST_CHUNKS = 200_000  # looking at each takes a microsecond


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
    layout : BmpHeader, Jpeg, Page or None
        Where the image data of a BMP, JPEG or TIFF lie.
    """

    format: str
    width: int
    height: int
    bits: int
    layout: BmpHeader | Jpeg | Page | None = None


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
    if data[:8] == _PNG_SIGNATURE:
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
    width, height, bits = struct.unpack_from(">IIB", data, 16)
    at = len(_PNG_SIGNATURE)
    for _ in range(_MOST_CHUNKS):
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 8 + length
        if end + 4 > len(data):
            raise cut_off("the last PNG chunk is cut off")
        if zlib.crc32(memoryview(data)[at + 4 : end]) != struct.unpack_from(">I", data, end)[0]:
            raise CropUnreadable(
                "damaged",
                "a PNG checksum does not match; copy or export the file again",
            )
        if kind == b"acTL" and struct.unpack_from(">I", data, at + 8)[0] > 1:
            raise _animated("PNG")
        if kind == b"IEND":
            return ImageHeader("png", width, height, max(bits, 8))
        at = end + 4
    raise CropUnreadable("damaged", "it has too many PNG chunks; export the file again")


def _jpeg(data: bytes) -> ImageHeader:
    jpeg = read_jpeg(data)
    return ImageHeader("jpeg", jpeg.width, jpeg.height, jpeg.bits, jpeg)


def _animated(kind: str) -> CropUnreadable:
    return CropUnreadable(
        "unsupported", f"an animated {kind}: several pictures, not one cell; save one frame"
    )


def _webp(data: bytes) -> ImageHeader:
    if struct.unpack_from("<I", data, 4)[0] + 8 > len(data):
        raise cut_off("the WebP is shorter than it says")
    kind = data[12:16]
    if kind == b"VP8X":
        if data[20] & _WEBP_ANIMATED:
            raise _animated("WebP")
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
