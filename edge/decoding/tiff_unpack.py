"""What TIFF strips and tiles hold, byte for byte: PackBits, Deflate, and the length of LZW.

TIFF 6.0, sections 9 and 13; Deflate is zlib's.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

_CLEAR, _END, _FIRST_FREE = 256, 257, 258
_WIDEST = 12  # bits of an LZW code


def _stored(piece: bytes, size: int) -> bytes:
    return piece[:size]


def _inflated(piece: bytes, size: int) -> bytes:
    """Unpack Deflate; nothing if it is damaged, its checksum included."""
    unpacker = zlib.decompressobj()
    try:
        unpacked = unpacker.decompress(piece, size)
        # no more than a byte is asked for: the checksum follows the last pixel
        rest = unpacker.decompress(unpacker.unconsumed_tail, 1) if not unpacker.eof else b""
    except zlib.error:
        return b""
    return unpacked if unpacker.eof or rest else b""


def _unpacked_bits(piece: bytes, size: int) -> bytes:
    """Unpack PackBits up to a size, or to where the runs end."""
    found, at = bytearray(), 0
    while at < len(piece) and len(found) < size:
        head = piece[at]
        if head < 128:
            found += piece[at + 1 : at + 2 + head]
            at += 2 + head
        elif head > 128:
            found += piece[at + 1 : at + 2] * (257 - head)
            at += 2
        else:
            at += 1
    return bytes(found[:size])


UNPACK: dict[int, Callable[[bytes, int], bytes]] = {
    1: _stored,
    8: _inflated,
    32773: _unpacked_bits,
    32946: _inflated,  # its number before it had one
}
"""Compression -> how a piece of at most so many bytes is unpacked; less comes out of a bad one."""


def is_marked_at_end(piece: bytes) -> bool:
    """Whether LZW data end with the code that says so, as all that writers finish do."""
    tail = int.from_bytes(piece[-3:], "big")
    # its last 9 bits, and zeros up to the end of the byte
    return any(tail & (0x200 << zeros) - 1 == _END << zeros for zeros in range(8))


def lzw_size(piece: bytes) -> int:
    """How many bytes LZW data unpack to, up to their end or the first code that cannot be.

    Codes are 9 bits wide at first, and a bit wider one code before the table needs it.
    """
    sizes = [1] * _FIRST_FREE
    total, before, width = 0, 0, 9
    bits, n = 0, 0
    for byte in piece:
        bits = (bits << 8 | byte) & 0xFFFFFF
        n += 8
        if n < width:
            continue
        n -= width
        code = bits >> n & (1 << width) - 1
        if code == _CLEAR:
            del sizes[_FIRST_FREE:]
            before, width = 0, 9
            continue
        if code == _END:
            break
        if before:
            sizes.append(before + 1)
            if len(sizes) + 1 >> width and width < _WIDEST:
                width += 1
        if code >= len(sizes):
            break
        before = sizes[code]
        total += before
    return total
