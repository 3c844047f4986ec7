"""PNG: its chunks, all there and with the right checksums; and only those that matter decoded."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from edge.decoding.opencv_decoder import Pixels, opencv_pixels
from edge.errors import CropUnreadable, cut_off

SIGNATURE = b"\x89PNG\r\n\x1a\n"
"""First bytes of a PNG."""

_MOST_CHUNKS = 200_000  # looking at each takes a microsecond
_DECODED = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}


@dataclass(frozen=True)
class Png:
    """What the chunks of a PNG say.

    Attributes
    ----------
    width, height : int
        Pixels.
    bits : int
        Bits per channel.
    chunks : tuple of (int, int)
        Where each chunk that is needed to decode it begins and ends in the file, in bytes.
    others : bool
        Whether there are more chunks.
    """

    width: int
    height: int
    bits: int
    chunks: tuple[tuple[int, int], ...]
    others: bool


def read_png(data: bytes) -> Png:
    """Read the chunks of a PNG and check that it is whole.

    Raises
    ------
    CropUnreadable
        ``truncated``, ``damaged`` or ``unsupported``.
    struct.error
        If the file ends within its first chunk, or between chunks.
    """
    width, height, bits = struct.unpack_from(">IIB", data, 16)
    at, chunks = len(SIGNATURE), []
    for number in range(1, _MOST_CHUNKS + 1):
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
            raise CropUnreadable(
                "unsupported",
                "an animated PNG: several pictures, not one cell; save one frame",
            )
        if kind in _DECODED:
            chunks.append((at, end + 4))
        if kind == b"IEND":
            return Png(width, height, max(bits, 8), tuple(chunks), len(chunks) < number)
        at = end + 4
    raise CropUnreadable("damaged", "it has too many PNG chunks; export the file again")


def png_pixels(data: bytes, png: Png) -> Pixels | None:
    """Decode a PNG; libpng never sees profiles and texts, of which it complains.

    Returns
    -------
    ndarray, shape (height, width) or (height, width, channels), or None
        In BGR order; None if OpenCV cannot decode it.
    """
    if png.others:
        data = SIGNATURE + b"".join(data[begin:end] for begin, end in png.chunks)
    return opencv_pixels(data)
