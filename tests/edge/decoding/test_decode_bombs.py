"""Small files that would take hours or gigabytes: refused from what they say, before decoding."""

from __future__ import annotations

import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from edge_helpers import encoded, small_cell

from edge.decoding.decode import MAX_PIXELS, decode
from edge.errors import CropUnreadable

WIDTH, HEIGHT = 10_000, 5_000  # as many pixels as are decoded
SECONDS, BYTES = 30, 3 << 30  # of the processor, of addresses: for the worst that is decoded
CELL = small_cell()


def zeros(n: int) -> bytes:
    """Deflate n zeros without ever holding them."""
    packer = zlib.compressobj(9)
    pieces = [packer.compress(bytes(min(n - at, 1 << 20))) for at in range(0, n, 1 << 20)]
    return b"".join([*pieces, packer.flush()])


def png(width: int, height: int, *extra: tuple[bytes, bytes]) -> bytes:
    """Build a black PNG with more chunks after its header."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zeros(height * (1 + 3 * width))
    chunks = [(b"IHDR", header), *extra, (b"IDAT", pixels), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def scans(n: int, width: int, height: int) -> bytes:
    """Build a progressive JPEG whose last scan comes n times."""
    black = np.zeros((height, width, 3), np.uint8)
    data = encoded(black, ".jpg", (cv2.IMWRITE_JPEG_PROGRESSIVE, 1))
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * n + b"\xff\xd9"


def rle(width: int, height: int) -> bytes:
    """Build a run-length encoded BMP that ends at once."""
    palette, pixels = bytes(1024), b"\0\1"
    at = 54 + len(palette)
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(pixels), 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", at + 2, 0, 0, at) + header + palette + pixels


def tiff(
    data: bytes, width: int, height: int, piece: tuple[int, int], more: dict[int, list[int]]
) -> bytes:
    """Build a deflated TIFF in tiles, all of them the same bytes."""
    pieces = -(-width // piece[0]) * -(-height // piece[1])
    longs = {256: [width], 257: [height], 322: [piece[0]], 323: [piece[1]]}
    longs |= {258: [8, 8, 8], 259: [8], 262: [2], 277: [3], 325: [len(data)] * pieces} | more
    tables_at = 8 + 2 + 12 * (len(longs) + 1) + 4
    longs[324] = [tables_at] * pieces
    tables, entries = data, b""
    for tag, values in sorted(longs.items()):
        packed = struct.pack(f"<{len(values)}I", *values)
        if len(values) > 1:
            packed, tables = struct.pack("<I", tables_at + len(tables)), tables + packed
        entries += struct.pack("<HHI", tag, 4, len(values)) + packed
    return b"II*\0" + struct.pack("<IH", 8, len(longs)) + entries + bytes(4) + tables


@dataclass(frozen=True)
class Bomb:
    """A file, and why it is refused; None if it may be decoded."""

    name: str
    make: Callable[[], bytes]
    reason: str | None = None


REFUSED = [
    Bomb("PNG chunks", lambda: png(9, 9, *[(b"tEXt", b"")] * 200_000), "damaged"),
    Bomb("JPEG scans", lambda: scans(100, 50, 50), "damaged"),
    Bomb("JPEG fill bytes", lambda: b"\xff\xd8" + b"\xff" * 300_000, "damaged"),
    Bomb("JPEG segments", lambda: b"\xff\xd8" + b"\xff\xe1\0\2" * 200_001, "damaged"),
    Bomb("TIFF tile", lambda: tiff(b"", 50, 50, (30_000, 30_000), {}), "too-large"),
    Bomb("TIFF tiles", lambda: tiff(zeros(3), 500, 500, (1, 1), {}), "damaged"),
    Bomb("TIFF channels", lambda: tiff(b"", 50, 50, (50, 50), {277: [60_000]}), "damaged"),
    Bomb("TIFF depths", lambda: tiff(b"", 50, 50, (50, 50), {258: [8] * 300_000}), "damaged"),
]
DECODED = [
    Bomb("PNG", lambda: png(WIDTH, HEIGHT)),
    Bomb("PNG text", lambda: png(50, 50, *[(b"zTXt", b"x\0\0" + zeros(500 << 20))] * 4)),
    Bomb("PNG profile", lambda: png(50, 50, (b"iCCP", b"x\0\0" + zeros(500 << 20)))),
    Bomb("BMP", lambda: rle(WIDTH, HEIGHT)),
    Bomb("JPEG", lambda: scans(80, WIDTH, HEIGHT)),
    Bomb("WebP", lambda: encoded(np.zeros((HEIGHT, WIDTH, 3), np.uint8), ".webp", (64, 101))),
    Bomb("TIFF in one tile", lambda: tiff(zeros(3 * MAX_PIXELS), WIDTH, HEIGHT, (9984, 4992), {})),
    Bomb("TIFF in tiles", lambda: tiff(zeros(768), WIDTH, HEIGHT, (16, 16), {})),
    Bomb("TIFF strip too long", lambda: tiff(zeros(1 << 30), 48, 48, (48, 48), {})),
    Bomb("TIFF tags", lambda: tiff(zeros(7500), 48, 48, (48, 48), {65_000: [0] * 10_000_000})),
]


@pytest.mark.parametrize("bomb", REFUSED, ids=lambda bomb: bomb.name)
def test_a_file_that_asks_for_more_than_it_can_need_is_refused(bomb: Bomb) -> None:
    with pytest.raises(CropUnreadable) as refused:
        decode(bomb.make())
    assert refused.value.reason == bomb.reason


def test_these_files_are_refused_for_what_was_changed_alone() -> None:
    assert decode(png(9, 9, *[(b"tEXt", b"k\0v")] * 10)).shape == (9, 9, 3)
    assert decode(scans(3, 50, 50)).shape == (50, 50, 3)
    assert decode(tiff(zeros(768), 48, 48, (16, 16), {})).shape == (48, 48, 3)


WITHIN_LIMITS = """
import resource, sys
from edge.decoding.decode import read_crop
from edge.errors import CropUnreadable
seconds, bytes_ = map(int, sys.argv[2:])
resource.setrlimit(resource.RLIMIT_AS, (bytes_, bytes_))
resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
try:
    print(read_crop(sys.argv[1], 70).shape)
except CropUnreadable as error:
    print(error.reason)
print(resource.getrusage(resource.RUSAGE_SELF).ru_utime, "s")
"""


@pytest.mark.robustness
@pytest.mark.parametrize("bomb", DECODED, ids=lambda bomb: bomb.name)
def test_the_worst_that_is_decoded_takes_seconds_and_megabytes(tmp_path: Path, bomb: Bomb) -> None:
    (tmp_path / "bomb").write_bytes(bomb.make())
    limits = [str(SECONDS), str(BYTES)]
    done = subprocess.run(
        [sys.executable, "-c", WITHIN_LIMITS, str(tmp_path / "bomb"), *limits],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    print(bomb.name, *done.stdout.split("\n"))
