"""TIFF files of several pages."""

from __future__ import annotations

import struct
import tempfile
from pathlib import Path

import cv2
import numpy as np


def stack(cells: list[np.ndarray], compression: int = 5) -> bytes:
    """Encode pages, colours in RGB order, as one TIFF."""
    pages = [np.ascontiguousarray(cell[:, :, ::-1]) for cell in cells]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stack.tiff"
        assert cv2.imwritemulti(str(path), pages, (cv2.IMWRITE_TIFF_COMPRESSION, compression))
        return path.read_bytes()


def big_tiff(cells: list[np.ndarray], order: str = "<") -> bytes:
    """Write pages as an uncompressed BigTIFF."""
    signature = b"II+\0" if order == "<" else b"MM\0+"
    data = bytearray(signature + struct.pack(f"{order}HHQ", 8, 0, 0))
    link = 8  # where the offset of the next directory goes
    for cell in cells:
        pixels_at = len(data)
        data += cell.tobytes()
        data += struct.pack(f"{order}3H", 8, 8, 8)
        struct.pack_into(f"{order}Q", data, link, len(data))
        height, width = cell.shape[:2]
        short = {256: width, 257: height, 259: 1, 262: 2, 277: 3, 278: height}
        entries = {tag: (3, 1, struct.pack(f"{order}H", value)) for tag, value in short.items()}
        entries[258] = (3, 3, struct.pack(f"{order}3H", 8, 8, 8))
        entries[273] = (16, 1, struct.pack(f"{order}Q", pixels_at))
        entries[279] = (16, 1, struct.pack(f"{order}Q", cell.size))
        data += struct.pack(f"{order}Q", len(entries))
        for tag in sorted(entries):
            kind, count, value = entries[tag]
            data += struct.pack(f"{order}HHQ", tag, kind, count) + value.ljust(8, b"\0")
        link = len(data)
        data += bytes(8)
    return bytes(data)
