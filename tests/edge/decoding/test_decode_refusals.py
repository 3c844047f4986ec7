"""Every reason why a file gives no crop, each from a real file."""

from __future__ import annotations

import os
import resource
import socket
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from edge_helpers import encoded, forbidden_folder, small_cell

from edge.decoding.decode import read_crop
from edge.errors import CropUnreadable, EdgeAllError
from edge.files import MAX_BYTES
from edge.models.cnmc import SIDE
from edge.reasons import REASONS

CELL = small_cell()
GREY = CELL[:, :, 0]
CLEAR = np.dstack([CELL, np.full_like(GREY, 200)])
DEEP = CELL.astype(np.uint16) * 257
FLOATS = encoded(  # uncompressed: OpenCV 4 compresses floats to 16 bits
    CELL / np.float32(255), ".tiff", (cv2.IMWRITE_TIFF_COMPRESSION, 1)
)
HUGE = 60_000


@dataclass(frozen=True)
class Content:
    """Bytes of a file, why they are refused, and what the user is told to do."""

    name: str
    data: bytes
    reason: str
    advice: str


def png_with(width: int, height: int) -> bytes:
    """Replace the size in the header of a PNG, and its checksum."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = encoded(CELL, ".png")
    return data[:12] + chunk + struct.pack(">I", zlib.crc32(chunk)) + data[33:]


def jpeg_with(bits: int, height: int, width: int) -> bytes:
    """Replace depth and size in the frame header of a JPEG."""
    data = bytearray(encoded(CELL, ".jpg"))
    at = data.index(b"\xff\xc0") + 4
    struct.pack_into(">BHH", data, at, bits, height, width)
    return bytes(data)


def bmp_with(width: int, height: int, compression: int) -> bytes:
    data = bytearray(encoded(CELL, ".bmp"))
    struct.pack_into("<ii", data, 18, width, height)
    struct.pack_into("<I", data, 30, compression)
    return bytes(data)


def transparent_bmp() -> bytes:
    """Write a BMP that names its alpha channel, by hand: OpenCV 4's own does not."""
    masks = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    height, width = GREY.shape
    info = struct.pack("<IiiHHIIiiII4I52x", 108, width, height, 1, 32, 3, 0, 0, 0, 0, 0, *masks)
    pixels = np.ascontiguousarray(CLEAR[::-1, :, [2, 1, 0, 3]]).tobytes()
    start = 14 + len(info)
    return struct.pack("<2sI4xI", b"BM", start + len(pixels), start) + info + pixels


def webp_with(width: int, height: int) -> bytes:
    """Put an extended header, which can claim any size, before the image of a WebP."""
    claim = bytes(4) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    image = encoded(CELL, ".webp", (cv2.IMWRITE_WEBP_QUALITY, 80))
    chunks = b"WEBP" + b"VP8X" + struct.pack("<I", len(claim)) + claim
    chunks += image[image.index(b"VP8 ") :]
    return b"RIFF" + struct.pack("<I", len(chunks)) + chunks


def tiff_with(tags: dict[int, tuple[int, int]]) -> bytes:
    """Replace tags of a TIFF: tag -> (count, value)."""
    data = bytearray(encoded(CELL, ".tiff"))
    at = struct.unpack_from("<I", data, 4)[0]
    for entry in range(at + 2, at + 2 + 12 * struct.unpack_from("<H", data, at)[0], 12):
        tag = struct.unpack_from("<H", data, entry)[0]
        if tag in tags:
            struct.pack_into("<II", data, entry + 4, *tags[tag])
    return bytes(data)


def corrupt(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


CLAIMS_HUGE = [
    Content("huge PNG", png_with(HUGE, HUGE), "too-large", "cut the cells out"),
    Content("huge JPEG", jpeg_with(8, HUGE, HUGE), "too-large", "cut the cells out"),
    Content("huge WebP", webp_with(HUGE, HUGE), "too-large", "cut the cells out"),
    Content("huge TIFF", tiff_with({256: (1, HUGE), 257: (1, HUGE)}), "too-large", "cut the cells"),
    Content("huge compressed BMP", bmp_with(HUGE, HUGE, 1), "too-large", "cut the cells out"),
    Content("huge BMP", bmp_with(HUGE, HUGE, 0), "truncated", "copy the file again"),
]
CONTENTS = [
    Content("no bytes", b"", "empty", "copy it again"),
    Content("text", b"not an image\n", "not-an-image", "BMP, PNG, JPEG, TIFF or WebP"),
    Content("GIF", b"GIF89a" + bytes(20), "not-an-image", "BMP, PNG, JPEG, TIFF or WebP"),
    Content("half a PNG", encoded(CELL)[:900], "truncated", "copy the file again"),
    Content("changed PNG", corrupt(encoded(CELL), 100), "damaged", "export the file again"),
    Content("PNG without pixels", png_with(0, 9), "damaged", "0 x 9 pixels"),
    Content("JPEG without marker", b"\xff\xd8\xff\xe0\0\x04abcd", "damaged", "export the file"),
    Content("16-bit PNG", encoded(DEEP, ".png"), "wrong-depth", "save it with 8 bits"),
    Content("16-bit TIFF", encoded(DEEP, ".tiff"), "wrong-depth", "save it with 8 bits"),
    Content("float TIFF", FLOATS, "wrong-depth", "32 bits"),
    Content("12-bit JPEG", jpeg_with(12, 50, 50), "wrong-depth", "save it with 8 bits"),
    Content("grey BMP", encoded(GREY, ".bmp"), "greyscale", "save the stained image in colour"),
    Content("grey PNG", encoded(GREY, ".png"), "greyscale", "save the stained image in colour"),
    Content("grey JPEG", encoded(GREY, ".jpg"), "greyscale", "save the stained image in colour"),
    Content("grey TIFF", encoded(GREY, ".tiff"), "greyscale", "save the stained image in colour"),
    Content("transparent BMP", transparent_bmp(), "alpha", "save it as plain RGB"),
    Content("transparent PNG", encoded(CLEAR, ".png"), "alpha", "save it as plain RGB"),
    Content("transparent WebP", encoded(CLEAR, ".webp"), "alpha", "save it as plain RGB"),
    Content("transparent TIFF", encoded(CLEAR, ".tiff"), "alpha", "save it as plain RGB"),
    *CLAIMS_HUGE,
    Content("long thread", png_with(20_000, 1), "too-large", "10000 a side"),
    Content("TIFF without a depth", tiff_with({258: (0, 0)}), "damaged", "export the file again"),
]


def unnamed(_: Path) -> str:
    return "cell\0.png"


def missing(folder: Path) -> Path:
    return folder / "cell.png"


def below_a_file(folder: Path) -> Path:
    (folder / "notes.txt").write_text("text")
    return folder / "notes.txt" / "cell.png"


def broken_link(folder: Path) -> Path:
    (folder / "cell.png").symlink_to("nothing.png")
    return folder / "cell.png"


def link_to_itself(folder: Path) -> Path:
    (folder / "cell.png").symlink_to("cell.png")
    return folder / "cell.png"


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "cell.png")
    return folder / "cell.png"


def unix_socket(folder: Path) -> Path:
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(str(folder / "cell.png"))
    return folder / "cell.png"


def more_bytes_than_are_read(folder: Path) -> Path:
    with (folder / "cell.bmp").open("wb") as file:
        file.truncate(MAX_BYTES + 1)  # takes no space on the disk
    return folder / "cell.bmp"


@dataclass(frozen=True)
class Named:
    """A path, why it is refused, and what the user is told."""

    make: Callable[[Path], Path | str]
    reason: str
    advice: str


PATHS = [
    Named(missing, "not-found", "no such file"),
    Named(broken_link, "not-found", "broken link?"),
    Named(below_a_file, "not-found", "not a folder"),
    Named(unnamed, "not-found", "no file can have this name"),
    Named(link_to_itself, "link-loop", "remove it"),
    Named(pipe, "not-a-file", "name an image file"),
    Named(unix_socket, "not-a-file", "name an image file"),
    Named(lambda folder: folder, "not-a-file", "name an image file"),
    Named(lambda _: "/dev/null", "not-a-file", "name an image file"),
    Named(lambda folder: folder / ("x" * 300), "io-error", "check the disk"),
    Named(lambda _: "/proc/self/mem", "io-error", "check the disk"),
    Named(more_bytes_than_are_read, "too-large", "cut the cells out first"),
]
CLOSED = Named(lambda folder: folder / "closed/cell.png", "permission", "change its permissions")


def refusal(path: Path | str) -> CropUnreadable:
    with pytest.raises(CropUnreadable) as refused:
        read_crop(path, SIDE)
    return refused.value


def check(error: CropUnreadable, reason: str, advice: str) -> None:
    assert error.reason == reason
    assert advice in error.message
    assert str(error) == f"{reason}: {error.message}"


@pytest.mark.parametrize("case", CONTENTS, ids=lambda case: case.name)
def test_unusable_content_is_refused_by_name_with_advice(tmp_path: Path, case: Content) -> None:
    (tmp_path / "cell").write_bytes(case.data)
    check(refusal(tmp_path / "cell"), case.reason, case.advice)


@pytest.mark.parametrize("case", PATHS, ids=lambda case: f"{case.reason} {case.make.__name__}")
def test_an_unusable_path_is_refused_by_name_with_advice(tmp_path: Path, case: Named) -> None:
    check(refusal(case.make(tmp_path)), case.reason, case.advice)


def test_a_file_in_a_closed_folder_is_refused_for_want_of_permission() -> None:
    with forbidden_folder() as folder:
        check(refusal(CLOSED.make(folder)), CLOSED.reason, CLOSED.advice)


def test_every_reason_code_has_a_file_here_and_no_other_code_is_used() -> None:
    cases = [*CONTENTS, *PATHS, CLOSED]
    of_others = {"encrypted", "unsupported", "unreachable", "http-error", "quality", "no-cells"}
    of_others |= {"written-again"}
    of_others |= {"no-camera", "camera-lost", "no-frame", "frozen"}
    assert {case.reason for case in cases} | of_others == set(REASONS)


@pytest.mark.parametrize("case", CLAIMS_HUGE, ids=lambda case: case.name)
def test_no_memory_is_taken_for_a_header_that_claims_3600_megapixels(
    tmp_path: Path, case: Content
) -> None:
    (tmp_path / "cell").write_bytes(case.data)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refusal(tmp_path / "cell")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB


def test_unreadable_crops_are_errors_of_edge_all_and_value_errors() -> None:
    assert issubclass(CropUnreadable, EdgeAllError)
    assert issubclass(CropUnreadable, ValueError)
