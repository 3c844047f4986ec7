"""Files damaged at random, the same for the same seed."""

from __future__ import annotations

import io
import random
import tarfile
import zipfile
from collections.abc import Callable, Iterator

import cv2
from edge_helpers import FORMATS, encoded, small_cell
from tiff_files import big_tiff, stack

_HEADER = 64  # bytes: most formats say there what they hold


def flip(data: bytes, at: int, piece: bytes) -> bytes:
    flipped = bytes(old ^ new for old, new in zip(data[at:], piece, strict=False))
    return data[:at] + flipped + data[at + len(flipped) :]


def cut(data: bytes, at: int, piece: bytes) -> bytes:
    return data[:at]


def remove(data: bytes, at: int, piece: bytes) -> bytes:
    return data[:at] + data[at + len(piece) :]


def insert(data: bytes, at: int, piece: bytes) -> bytes:
    return data[:at] + piece + data[at:]


def duplicate(data: bytes, at: int, piece: bytes) -> bytes:
    return data[: at + len(piece)] + data[at:]


def zero(data: bytes, at: int, piece: bytes) -> bytes:
    return data[:at] + bytes(len(data[at : at + len(piece)])) + data[at + len(piece) :]


def fill(data: bytes, at: int, piece: bytes) -> bytes:
    return data[:at] + b"\xff" * len(data[at : at + len(piece)]) + data[at + len(piece) :]


WAYS: list[Callable[[bytes, int, bytes], bytes]] = [
    flip,
    cut,
    remove,
    insert,
    duplicate,
    zero,
    fill,
]
"""Ways to damage bytes at a place, with a piece of other bytes."""


def image_files() -> dict[str, bytes]:
    """Suffix, with a word on what is special before it -> a whole file of every format."""
    cell = small_cell()
    return {
        **{suffix: encoded(cell, suffix, params) for suffix, params in FORMATS.items()},
        "progressive.jpg": encoded(cell, ".jpg", (cv2.IMWRITE_JPEG_PROGRESSIVE, 1)),
        "lossy.webp": encoded(cell, ".webp", (cv2.IMWRITE_WEBP_QUALITY, 80)),
        "raw.tiff": encoded(cell, ".tiff", (cv2.IMWRITE_TIFF_COMPRESSION, 1)),
    }


def container_files() -> dict[str, bytes]:
    """Likewise of every kind of file that holds several images."""
    cells = [small_cell(seed) for seed in range(2)]
    files = {f"{i}.png": encoded(cell) for i, cell in enumerate(cells)} | {"s.tif": stack(cells)}
    archives = {f".tar{kind and '.' + kind}": _tar(files, kind) for kind in ("", "gz", "bz2", "xz")}
    return {".tif": stack(cells), "big.tif": big_tiff(cells), ".zip": _zip(files), **archives}


def _zip(files: dict[str, bytes]) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return memory.getvalue()


def _tar(files: dict[str, bytes], kind: str) -> bytes:
    memory = io.BytesIO()
    with tarfile.open(fileobj=memory, mode=f"w:{kind}") as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            header = tarfile.TarInfo(name)
            header.size = len(data)
            archive.addfile(header, io.BytesIO(data))
    return memory.getvalue()


def mutants(files: dict[str, bytes], n: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield n damaged files with their suffix: each kind in turn, in one to four places.

    Headers and the end, where archives keep their directory, are hit as often as the rest.
    """
    chance = random.Random(seed)
    kinds = list(files)
    for i in range(n):
        suffix = kinds[i % len(kinds)]
        data = files[suffix]
        for _ in range(chance.randint(1, 4)):
            size = len(data)
            places = [chance.randrange(_HEADER), chance.randrange(size + 1), size - _HEADER]
            at = min(max(chance.choice(places), 0), size)
            data = chance.choice(WAYS)(data, at, chance.randbytes(chance.randint(1, 40)))
        yield suffix, data
