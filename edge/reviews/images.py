"""The picture of a cell, for people: out of its file or field, or as the database keeps it."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from edge.crops.png import png_of
from edge.crops.preprocess import UInt8Image
from edge.decoding.decode import decode
from edge.errors import CropUnreadable
from edge.files import read_bytes
from edge.reviews.review import CellKey, ControlKey
from edge.rows import Result

_ROOM = 2.0  # side of what is shown of a field, in longer sides of the box


@dataclass(frozen=True)
class CellImage:
    """A picture.

    Attributes
    ----------
    rgb : ndarray of uint8, shape (height, width, 3)
    """

    rgb: UInt8Image

    @property
    def sha256(self) -> str:
        """Hash of the pixels, whatever file they come in: of ``height,width:`` and the bytes."""
        height, width = self.rgb.shape[:2]
        pixels = np.ascontiguousarray(self.rgb).tobytes()
        return hashlib.sha256(f"{height},{width}:".encode() + pixels).hexdigest()

    @property
    def png(self) -> bytes:
        """As a file."""
        return png_of(self.rgb)


def cell_image(connection: sqlite3.Connection, cell: CellKey, result: Result) -> CellImage:
    """Find the picture of a cell.

    A crop comes from its file, in full; a cell of a field with what lies around it; what is in no
    file of its own (of an archive, a camera) as ``--keep-crops`` has put it into the database.

    Parameters
    ----------
    connection : sqlite3.Connection
    cell : CellKey
    result : Result
        Of this cell.

    Raises
    ------
    CropUnreadable
        If it is nowhere.
    """
    try:
        if result.parent is None:
            return CellImage(decode(read_bytes(result.file)))
        if result.box and result.parent == result.file:
            return CellImage(_around(_field(result.file, *file_version(result.file)), result.box))
    except CropUnreadable as error:
        kept = kept_crop(connection, cell)
        if kept is None:
            raise CropUnreadable(error.reason, f"{error.message} ({result.file})") from error
        return kept
    kept = kept_crop(connection, cell)
    if kept is None:
        raise CropUnreadable(
            "not-found", "it is in no file of its own; run again with --keep-crops"
        )
    return kept


def kept_crop(connection: sqlite3.Connection, cell: CellKey) -> CellImage | None:
    """Give the crop of a cell as the network was shown it, if the database keeps it."""
    row = connection.execute(
        "SELECT png FROM crops WHERE run_id = ? AND idx = ?", [cell.run_id, cell.index]
    ).fetchone()
    return None if row is None else CellImage(decode(row[0]))


def control_image(connection: sqlite3.Connection, control: ControlKey) -> CellImage:
    """Give the picture of a control cell."""
    (png,) = connection.execute(
        "SELECT png FROM controls WHERE id = ?", [control.control_id]
    ).fetchone()
    return CellImage(decode(png))


def file_version(file: str | Path) -> tuple[int, int]:
    """When a file was written, in nanoseconds, and its bytes; zeros where there is none."""
    try:
        found = os.stat(file)
    except (OSError, ValueError):
        return 0, 0
    return found.st_mtime_ns, found.st_size


@lru_cache(maxsize=2)  # cells come field by field; 15 MB each
def _field(file: str, time: int, size: int) -> UInt8Image:
    return decode(read_bytes(file))


def _around(field: UInt8Image, box: str) -> UInt8Image:
    """Cut a square around a box; beyond the edge of the field its outermost pixels go on."""
    x, y, width, height = map(int, box.split(","))
    side = int(_ROOM * max(width, height))
    left, top = x + (width - side) // 2, y + (height - side) // 2
    columns = np.clip(np.arange(left, left + side), 0, field.shape[1] - 1)
    rows = np.clip(np.arange(top, top + side), 0, field.shape[0] - 1)
    return np.ascontiguousarray(field[np.ix_(rows, columns)])
