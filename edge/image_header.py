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

from edge.errors import CropUnreadable, cut_off

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_JPEG_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}
_JPEG_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_MOST_PIECES = 200_000  # chunks or segments: looking at each takes a microsecond
_MOST_SCANS = 100  # of a progressive JPEG; each costs a pass over all pixels, writers make ten


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
    """

    format: str
    width: int
    height: int
    bits: int


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
        ``empty``, ``not-an-image``, ``truncated`` or ``damaged``.
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


def _too_many(pieces: str) -> CropUnreadable:
    return CropUnreadable("damaged", f"it has too many {pieces}; export the file again")


def _bmp(data: bytes) -> ImageHeader:
    pixels_at, header_size = struct.unpack_from("<II", data, 10)
    if header_size == 12:  # OS/2 header
        width, height, _, depth = struct.unpack_from("<HHHH", data, 18)
        compression = 0
    else:
        width, height, _, depth, compression = struct.unpack_from("<iiHHI", data, 18)
    height = abs(height)  # negative: stored top-down
    uncompressed = compression in (0, 3)
    if uncompressed and pixels_at + (width * depth + 31) // 32 * 4 * height > len(data):
        raise cut_off(f"{len(data)} bytes cannot hold {width} x {height} pixels")
    return ImageHeader("bmp", width, height, 8)


def _png(data: bytes) -> ImageHeader:
    width, height, bits = struct.unpack_from(">IIB", data, 16)
    at = len(_PNG_SIGNATURE)
    for _ in range(_MOST_PIECES):
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 8 + length
        if end + 4 > len(data):
            raise cut_off("the last PNG chunk is cut off")
        if zlib.crc32(memoryview(data)[at + 4 : end]) != struct.unpack_from(">I", data, end)[0]:
            raise CropUnreadable(
                "damaged",
                "a PNG checksum does not match; copy or export the file again",
            )
        if kind == b"IEND":
            return ImageHeader("png", width, height, max(bits, 8))
        at = end + 4
    raise _too_many("PNG chunks")


def _jpeg(data: bytes) -> ImageHeader:
    at, header = 2, None
    for _ in range(_MOST_PIECES):
        if data[at] != 0xFF:
            raise CropUnreadable("damaged", "a JPEG marker is missing; export the file again")
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        if marker == 0xDA:
            break
        if marker == 0xD9:
            raise cut_off("the JPEG ends before its image data")
        if marker in _JPEG_FRAMES:
            bits, height, width = struct.unpack_from(">BHH", data, at + 4)
            header = ImageHeader("jpeg", width, height, bits)
        no_length = marker in _JPEG_WITHOUT_LENGTH
        at += 2 if no_length else 2 + struct.unpack_from(">H", data, at + 2)[0]
    else:
        raise _too_many("JPEG segments")
    if header is None:
        raise CropUnreadable("damaged", "the JPEG has no frame header; export the file again")
    end = data.find(b"\xff\xd9", at)
    if end < 0:
        raise cut_off("the JPEG has no end marker")
    if data.count(b"\xff\xda", at, end) > _MOST_SCANS:
        raise _too_many("JPEG scans")
    return header


def _webp(data: bytes) -> ImageHeader:
    if struct.unpack_from("<I", data, 4)[0] + 8 > len(data):
        raise cut_off("the WebP is shorter than it says")
    kind = data[12:16]
    if kind == b"VP8X":
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
    from edge.tiff import TiffFile  # other formats need none of it

    page = TiffFile(io.BytesIO(data)).first_page()
    return ImageHeader("tiff", page.width, page.height, page.bits)
