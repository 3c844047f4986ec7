"""Material the tests of `edge` share: small images, files, and folders nobody may enter."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge.crops.drawn import draw_cell
from edge.crops.preprocess import UInt8Image
from edge.models.model_file import SHIPPED_MODEL, read_model_file, write_model_file

LOSSLESS = {
    ".bmp": (),
    ".png": (),
    ".webp": (cv2.IMWRITE_WEBP_QUALITY, 101),
    ".tiff": (),
}
"""Suffix -> OpenCV parameters of the formats that keep every pixel."""

FORMATS = {**LOSSLESS, ".jpg": (cv2.IMWRITE_JPEG_QUALITY, 95)}
"""The five formats edge-all reads."""

SEVERAL_CHUNKS = 40
"""Cells that a reader hands on in more than one batch."""

_NOBODY = 65534


def small_cell(seed: int = 3) -> UInt8Image:
    """Draw a cell of 50x50 pixels: every ninth pixel of a drawn one."""
    return np.ascontiguousarray(draw_cell(seed)[::9, ::9])


def encoded(pixels: np.ndarray, suffix: str = ".png", params: tuple[int, ...] = ()) -> bytes:
    """Encode pixels, colours in RGB order, as an image file."""
    codes = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}
    if pixels.ndim == 3:
        pixels = cv2.cvtColor(pixels, codes[pixels.shape[2]])
    return cv2.imencode(suffix, pixels, params)[1].tobytes()


def write_cells(folder: Path, n: int) -> list[Path]:
    """Write n different small cells as PNG files."""
    paths = [folder / f"cell-{i:02d}.png" for i in range(n)]
    cell = small_cell()
    for i, path in enumerate(paths):
        path.write_bytes(encoded(np.roll(cell, i, axis=2) // (1 + i // 3)))
    return paths


def write_changed_model(path: Path, **fields: Any) -> Path:
    """Write the shipped model with other metadata fields, or another `golden`."""
    shipped = read_model_file(SHIPPED_MODEL)
    golden = fields.pop("golden", shipped.golden)
    metadata = dataclasses.replace(shipped.metadata, **fields)
    write_model_file(path, shipped.flatbuffer, metadata, golden)
    return path


def batching_flatbuffer() -> bytes:
    """The shipped network, which takes any number of crops at once: its RESHAPE says -1."""
    return read_model_file(SHIPPED_MODEL).flatbuffer


def one_by_one_flatbuffer() -> bytes:
    """The shipped network, able to take one crop at a time only: its RESHAPE says so."""
    any_batch, one = (np.array([n, 32], np.int32).tobytes() for n in (-1, 1))
    flatbuffer = batching_flatbuffer()
    assert flatbuffer.count(any_batch) == 1
    return flatbuffer.replace(any_batch, one)


def write_model_of(path: Path, flatbuffer: bytes) -> Path:
    """Write a model file of another flatbuffer of the shipped network."""
    shipped = read_model_file(SHIPPED_MODEL)
    sha256 = hashlib.sha256(flatbuffer).hexdigest()
    metadata = dataclasses.replace(shipped.metadata, flatbuffer_sha256=sha256)
    write_model_file(path, flatbuffer, metadata, shipped.golden)
    return path


@contextmanager
def forbidden_folder() -> Iterator[Path]:
    """Make ``closed/cell.png`` in a folder, and be a user who may not enter ``closed``."""
    folder = Path(tempfile.mkdtemp(prefix="edge-all-"))  # pytest's own are closed to nobody
    closed = folder / "closed"
    closed.mkdir()
    (closed / "cell.png").write_bytes(encoded(small_cell()))
    folder.chmod(0o755)
    closed.chmod(0)
    try:
        with _as_nobody():
            yield folder
    finally:
        closed.chmod(0o700)
        shutil.rmtree(folder)


@contextmanager
def _as_nobody() -> Iterator[None]:
    """Root may enter every folder: be nobody for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
