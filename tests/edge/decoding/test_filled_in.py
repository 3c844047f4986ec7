"""JPEG, PNG, WebP and BMP: no pixels that a decoder filled in, and all intact ones read."""

from __future__ import annotations

import contextlib
import struct
import zlib
from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from edge_helpers import encoded, small_cell

from edge.decoding.decode import decode
from edge.decoding.jpeg import _stops_where_data_end
from edge.errors import CropUnreadable

CELL = small_cell()
LARGE = cv2.resize(CELL, (150, 131), interpolation=cv2.INTER_CUBIC)
END = b"\xff\xd9"
SAMPLING = getattr(cv2, "IMWRITE_JPEG_SAMPLING_FACTOR", 7)  # OpenCV 4.6 knows its number only
JPEGS: dict[str, tuple[int, ...]] = {
    "baseline": (),
    "poor": (cv2.IMWRITE_JPEG_QUALITY, 20),
    "optimised": (cv2.IMWRITE_JPEG_OPTIMIZE, 1),
    "progressive": (cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    "restarts": (cv2.IMWRITE_JPEG_RST_INTERVAL, 5),
    "restart after each": (cv2.IMWRITE_JPEG_RST_INTERVAL, 1),
    "4:4:4": (SAMPLING, 0x111111),
    "4:2:2": (SAMPLING, 0x211111),
    "progressive 4:4:4": (SAMPLING, 0x111111, cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
}


def opencv(data: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)[:, :, ::-1]


def refused(data: bytes) -> str:
    with pytest.raises(CropUnreadable) as error:
        decode(data)
    return error.value.reason


def sizes() -> Iterator[np.ndarray]:
    for height, width in ((131, 150), (16, 16), (17, 33), (8, 7), (1, 1), (1, 40), (48, 3)):
        yield np.ascontiguousarray(LARGE[:height, :width])
        yield np.full((height, width, 3), 128, np.uint8)  # what libjpeg fills in, and intact


@pytest.mark.parametrize("name", JPEGS)
def test_intact_jpegs_are_read_as_opencv_reads_them(name: str) -> None:
    for image in sizes():
        data = encoded(image, ".jpg", JPEGS[name])
        assert (decode(data) == opencv(data)).all(), image.shape
        assert (decode(data[:-2] + b"\xff" + END + END) == opencv(data)).all(), "fill byte"


@pytest.mark.parametrize("name", JPEGS)
def test_a_jpeg_cut_anywhere_and_closed_gives_no_pixels(name: str) -> None:
    data = encoded(LARGE, ".jpg", JPEGS[name])
    whole, start = decode(data), data.index(b"\xff\xda") + 14
    last = len(data) - (3 if _stops_where_data_end() else 9)
    for cut in [*range(start, last, len(data) // 60), *range(last - 30, last)]:
        with contextlib.suppress(CropUnreadable):
            # or only bits that decode to the same were lost
            assert (decode(data[:cut] + END) == whole).all(), cut
    assert refused(data[: len(data) // 2] + END) in ("truncated", "damaged")


def test_a_jpeg_that_lacks_scans_is_truncated() -> None:
    data = encoded(LARGE, ".jpg", JPEGS["progressive"])
    at = data.index(b"\xff\xda")
    while (at := data.find(b"\xff\xda", at + 2)) > 0:
        assert refused(data[:at] + END) == "truncated"


def test_a_jpeg_that_lacks_a_part_between_restarts_is_damaged() -> None:
    data = encoded(LARGE, ".jpg", JPEGS["restarts"])
    first = data.index(b"\xff\xd1")
    second = data.index(b"\xff\xd2")
    assert refused(data[:first] + data[second:]) == "damaged"
    if _stops_where_data_end():
        assert refused(data[: first + 4] + data[second:]) == "truncated"


def test_arithmetic_and_lossless_jpegs_are_unsupported() -> None:
    data = encoded(LARGE, ".jpg")
    for process in (0xC3, 0xC9, 0xCA):
        assert refused(data.replace(b"\xff\xc0", bytes([0xFF, process]))) == "unsupported"


def test_decoding_intact_files_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    profile = chunk(b"iCCP", b"broken\0\0" + zlib.compress(b"no profile"))
    for data in [encoded(LARGE, ".jpg", JPEGS[name]) for name in ("baseline", "restarts")]:
        decode(data)
    decode(png(raw_rows(CELL), more=profile))
    capfd.readouterr()  # which OpenCV this is, is found out once
    for data in [encoded(LARGE, ".jpg", JPEGS[name]) for name in ("baseline", "restarts")]:
        decode(data)
    decode(png(raw_rows(CELL), more=profile))
    assert capfd.readouterr().err == ""


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def raw_rows(image: np.ndarray) -> bytes:
    return b"".join(b"\0" + row.tobytes() for row in image)


def png(rows: bytes, more: bytes = b"", shape: tuple[int, int] = (50, 50)) -> bytes:
    header = struct.pack(">IIBBBBB", shape[1], shape[0], 8, 2, 0, 0, 0)
    chunks = chunk(b"IHDR", header) + more + chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + chunks + chunk(b"IEND", b"")


def test_a_png_with_right_checksums_that_lacks_rows_is_damaged() -> None:
    rows = raw_rows(CELL)
    assert (decode(png(rows)) == CELL).all()
    for left in (0, 1, 151 * 20, 151 * 49, len(rows) - 1):
        assert refused(png(rows[:left])) == "damaged"


def test_animations_are_unsupported() -> None:
    animated = chunk(b"acTL", struct.pack(">II", 2, 0))
    assert refused(png(raw_rows(CELL), animated)) == "unsupported"
    one = chunk(b"acTL", struct.pack(">II", 1, 0))
    assert (decode(png(raw_rows(CELL), one)) == CELL).all()
    webp = encoded(CELL, ".webp", (cv2.IMWRITE_WEBP_QUALITY, 80))
    for flags, reason in ((2, "unsupported"), (0, None)):
        extended = b"VP8X" + struct.pack("<IB3x", 10, flags) + b"\x31\0\0" * 2 + webp[12:]
        data = b"RIFF" + struct.pack("<I", 4 + len(extended)) + b"WEBP" + extended
        if reason:
            assert refused(data) == reason
        else:
            assert (decode(data) == opencv(webp)).all()


@pytest.mark.parametrize("quality", [80, 101])
def test_a_webp_whose_lengths_were_mended_after_a_cut_is_refused(quality: int) -> None:
    data = encoded(LARGE, ".webp", (cv2.IMWRITE_WEBP_QUALITY, quality))
    for size in range(60, len(data) - 2, len(data) // 30):
        cut = bytearray(data[:size])
        struct.pack_into("<I", cut, 4, size - 8)
        struct.pack_into("<I", cut, 16, size - 20)
        assert refused(bytes(cut)) in ("damaged", "truncated")


@pytest.mark.parametrize("suffix", [".png", ".webp", ".bmp"])
def test_a_fourth_channel_that_is_opaque_everywhere_is_dropped(suffix: str) -> None:
    params = (cv2.IMWRITE_WEBP_QUALITY, 101) if suffix == ".webp" else ()
    opaque = np.dstack([CELL, np.full(CELL.shape[:2], 255, np.uint8)])
    assert (decode(encoded(opaque, suffix, params)) == CELL).all()
    opaque[30, 30, 3] = 254
    assert refused(encoded(opaque, suffix, params)) == "alpha"
