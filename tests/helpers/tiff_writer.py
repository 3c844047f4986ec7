"""Write TIFFs of every layout that is read, and such that lack pieces."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

RAW, LZW, DEFLATE, PACKBITS, OLD_DEFLATE = 1, 5, 8, 32773, 32946


def packed_bits(data: bytes) -> bytes:
    pieces = [data[at : at + 128] for at in range(0, len(data), 128)]
    return b"".join(bytes([len(piece) - 1]) + piece for piece in pieces)


def lzw(data: bytes) -> bytes:
    """Pack as codes of single bytes, with the table cleared before a code gets wider."""
    codes = [256]
    for at in range(0, len(data), 250):
        codes += [*data[at : at + 250], 256]
    bits = "".join(f"{code:09b}" for code in [*codes, 257])
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


PACK: dict[int, Callable[[bytes], bytes]] = {
    RAW: bytes,
    LZW: lzw,
    DEFLATE: zlib.compress,
    PACKBITS: packed_bits,
    OLD_DEFLATE: zlib.compress,
}


@dataclass(frozen=True)
class Layout:
    """How the pixels of a TIFF lie: `side` is that of a tile, `rows` those of a strip."""

    compression: int = RAW
    side: int = 0
    rows: int = 7
    planar: bool = False
    predictor: int = 1
    order: str = "<"

    def __str__(self) -> str:
        lie = f"tiles of {self.side}" if self.side else f"strips of {self.rows}"
        planes = " in planes" * self.planar
        return f"{self.compression} {lie}{planes} {self.predictor} {self.order}"


def _pieces(image: np.ndarray, layout: Layout) -> Iterator[bytes]:
    planes = [image[:, :, [i]] for i in range(image.shape[2])] if layout.planar else [image]
    height, width = layout.side or layout.rows, layout.side or image.shape[1]
    for plane in planes:
        for top in range(0, plane.shape[0], height):
            for left in range(0, plane.shape[1], width):
                part = plane[top : top + height, left : left + width]
                if layout.side:
                    missing = (height - part.shape[0], width - part.shape[1])
                    part = np.pad(part, ((0, missing[0]), (0, missing[1]), (0, 0)))
                if layout.predictor == 2:
                    part = np.concatenate([part[:, :1], np.diff(part, axis=1)], axis=1)
                yield part.astype(np.uint8).tobytes()


def packed(image: np.ndarray, layout: Layout) -> list[bytes]:
    """Pack an image, channels in RGB order, into its strips or tiles."""
    return [PACK[layout.compression](piece) for piece in _pieces(image, layout)]


def tiff(
    image: np.ndarray,
    layout: Layout,
    pieces: list[bytes],
    tags: dict[int, list[int] | None] | None = None,
) -> bytes:
    """Write pieces as a TIFF of an image, with some tags changed or left out."""
    height, width, channels = image.shape
    order = layout.order
    offsets, at = [], 8
    for piece in pieces:
        offsets.append(at)
        at += len(piece)
    where = (324, 325) if layout.side else (273, 279)
    values: dict[int, list[int] | None] = {256: [width], 257: [height], 258: [8] * channels}
    values |= {259: [layout.compression], 262: [2], 277: [channels], 317: [layout.predictor]}
    values |= {where[0]: offsets, where[1]: [len(piece) for piece in pieces]}
    values |= {284: [2 if layout.planar else 1]}
    values |= {322: [layout.side], 323: [layout.side]} if layout.side else {278: [layout.rows]}
    values |= {338: [2]} if channels == 4 else {}
    values |= tags or {}
    kept = {tag: value for tag, value in sorted(values.items()) if value is not None}
    at += at % 2
    tables_at, tables, entries = at + 2 + 12 * len(kept) + 4, b"", b""
    for tag, value in kept.items():
        code = "H" if max(value, default=0) < 1 << 16 and tag != where[0] else "I"
        data = struct.pack(f"{order}{len(value)}{code}", *value)
        if len(data) > 4:
            place = struct.pack(order + "I", tables_at + len(tables))
            tables, data = tables + data + b"\0" * (len(data) % 2), place
        entries += struct.pack(order + "HHI", tag, 3 if code == "H" else 4, len(value))
        entries += data.ljust(4, b"\0")
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, at)
    body = b"".join(pieces)
    directory = struct.pack(order + "H", len(kept)) + entries + bytes(4) + tables
    return (head + body).ljust(at, b"\0") + directory
