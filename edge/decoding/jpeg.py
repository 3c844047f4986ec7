"""JPEG: what its segments say, and whether its image data are all there.

A decoder that comes to the end of the coded data too early fills the rest of the image with
grey (ITU-T T.81 asks for no more) and OpenCV hands that out as pixels. Where the data end can
only be known by decoding them. So they are decoded without the end marker, and a few
bytes longer than they are: libjpeg reads a little ahead, but never needs these bytes for an
image that is whole; where data are missing it runs out of bytes and OpenCV gives nothing.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from edge.decoding.opencv_decoder import Pixels, opencv_pixels
from edge.errors import CropUnreadable, cut_off

_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}
_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SEQUENTIAL, _PROGRESSIVE = {0xC0, 0xC1}, 0xC2
_MOST_SEGMENTS = 200_000  # looking at each takes a microsecond
_MOST_SCANS = 100  # of a progressive JPEG; each costs a pass over all pixels, writers make ten
_LARGEST_SIDE = 65_500  # of what libjpeg decodes
_END = b"\xff\xd9"
_AFTER_CODED_DATA = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_RESTART = re.compile(rb"\xff([\xd0-\xd7])")
_READ_AHEAD = bytes(8)  # libjpeg's bit buffer
_MORE = b"\xaa\x35\xc9"  # any bits, but neither all zeros nor ones


@dataclass(frozen=True)
class Scan:
    """One pass over the image: which components and which of their coefficients.

    Attributes
    ----------
    components : tuple of int
        Their numbers.
    first, last, low : int
        Coefficients in zigzag order, and the lowest bit that is coded of them.
    starts, ends : int
        Where its coded data lie in the file, in bytes.
    interval : int
        MCUs between two restart markers; 0 for none.
    """

    components: tuple[int, ...]
    first: int
    last: int
    low: int
    starts: int
    ends: int
    interval: int


@dataclass(frozen=True)
class Jpeg:
    """What the segments of a JPEG say.

    Attributes
    ----------
    width, height : int
        Pixels.
    bits : int
        Bits per channel.
    process : int
        Code of the frame marker: how it is coded.
    frame_at : int
        Where its height stands in the file, in bytes.
    sampling : dict of int to (int, int)
        Component -> how many blocks of it are in an MCU, across and down.
    scans : tuple of Scan
    """

    width: int
    height: int
    bits: int
    process: int
    frame_at: int
    sampling: dict[int, tuple[int, int]]
    scans: tuple[Scan, ...]

    @property
    def is_one_scan(self) -> bool:
        """Whether its coded data can be decoded as they come, without the end marker."""
        return self.process in _SEQUENTIAL and len(self.scans) == 1

    @property
    def mcu(self) -> tuple[int, int]:
        """Width and height of an MCU of all components, in pixels."""
        across, down = zip(*self.sampling.values(), strict=True)
        return (8, 8) if len(self.sampling) == 1 else (8 * max(across), 8 * max(down))

    def mcus(self, scan: Scan) -> int:
        """How many MCUs a scan holds."""
        width, height = self.width, self.height
        across, down = self.mcu
        if len(scan.components) == 1 and len(self.sampling) > 1:  # MCUs of one block
            (one,) = scan.components
            width = -(-width * self.sampling[one][0] * 8 // across)
            height = -(-height * self.sampling[one][1] * 8 // down)
            across = down = 8
        return -(-width // across) * -(-height // down)


def read_jpeg(data: bytes) -> Jpeg:
    """Read the segments of a JPEG, up to its end marker.

    Raises
    ------
    CropUnreadable
        ``truncated``, ``damaged`` or ``unsupported``.
    struct.error, IndexError
        If the file ends within a segment.
    """
    at, frame, interval = 2, None, 0
    scans: list[Scan] = []
    for _ in range(_MOST_SEGMENTS):
        if at == len(data) and scans:
            raise cut_off("the JPEG has no end marker")
        if data[at] != 0xFF:
            raise _damaged("a JPEG marker is missing")
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        if marker == 0xD9:
            break
        if marker in _FRAMES:
            frame = _frame(data, at, marker)
        if marker in _WITHOUT_LENGTH:
            at += 2
            continue
        (length,) = struct.unpack_from(">H", data, at + 2)
        if marker == 0xDD:
            (interval,) = struct.unpack_from(">H", data, at + 4)
        if marker != 0xDA:
            at += 2 + length
            continue
        scans.append(_scan(data, at, at + 2 + length, interval))
        if len(scans) > _MOST_SCANS:
            raise _damaged("it has too many JPEG scans")
        at = scans[-1].ends
    else:
        raise _damaged("it has too many JPEG segments")
    if not scans:
        raise cut_off("the JPEG ends before its image data")
    if frame is None:
        raise _damaged("the JPEG has no frame header")
    bits, height, width, process, frame_at, sampling = frame
    return Jpeg(width, height, bits, process, frame_at, sampling, tuple(scans))


_Frame = tuple[int, int, int, int, int, dict[int, tuple[int, int]]]


def _frame(data: bytes, at: int, process: int) -> _Frame:
    bits, height, width, count = struct.unpack_from(">BHHB", data, at + 4)
    sampling = {}
    for place in range(at + 10, at + 10 + 3 * count, 3):
        sampling[data[place]] = (data[place + 1] >> 4, data[place + 1] & 15)
    if not sampling or any(not across or not down for across, down in sampling.values()):
        raise _damaged("the JPEG has a component of no size")
    return bits, height, width, process, at + 5, sampling


def _scan(data: bytes, at: int, starts: int, interval: int) -> Scan:
    count = data[at + 4]
    components = tuple(data[at + 5 : at + 5 + 2 * count : 2])
    first, last, bits = struct.unpack_from("BBB", data, at + 5 + 2 * count)
    found = _AFTER_CODED_DATA.search(data, starts)
    if found is None:
        raise cut_off("the JPEG has no end marker")
    ends = found.start()
    while data[ends - 1] == 0xFF:  # fill bytes of the marker
        ends -= 1
    return Scan(components, first, last, bits & 15, starts, ends, interval)


def check_jpeg(data: bytes, jpeg: Jpeg) -> None:
    """Refuse a JPEG that lacks scans or parts of them, as far as its segments tell.

    Raises
    ------
    CropUnreadable
        ``truncated``, ``damaged`` or ``unsupported``.
    """
    if jpeg.process not in _SEQUENTIAL | {_PROGRESSIVE}:
        # where arithmetic-coded data end nobody can know: their last bytes may be left out
        raise CropUnreadable(
            "unsupported",
            "a lossless, arithmetic-coded or hierarchical JPEG; save it as an ordinary JPEG or PNG",
        )
    if any(component not in jpeg.sampling for scan in jpeg.scans for component in scan.components):
        raise _damaged("a JPEG scan names a component that the frame has not")
    for scan in jpeg.scans:
        _check_restarts(data, scan, jpeg.mcus(scan))
    progressive = jpeg.process == _PROGRESSIVE
    lowest = {  # of every coefficient: the lowest bit that is coded; a later scan refines it
        (component, coefficient): scan.low if progressive else 0
        for scan in jpeg.scans
        for component in scan.components
        for coefficient in (range(scan.first, min(scan.last, 63) + 1) if progressive else (0,))
    }
    wanted = range(64 if progressive else 1)
    if any(lowest.get((component, i), 1) for component in jpeg.sampling for i in wanted):
        raise cut_off("scans of the JPEG are missing")


def _check_restarts(data: bytes, scan: Scan, mcus: int) -> None:
    found = [piece[0] & 7 for piece in _RESTART.findall(data, scan.starts, scan.ends)]
    wanted = -(-mcus // scan.interval) - 1 if scan.interval else 0
    # some cameras write one more, after the last MCU
    if len(found) not in (wanted, wanted + bool(scan.interval)):
        raise _damaged(f"{len(found)} restart markers in the JPEG instead of {wanted}")
    if any(number != i % 8 for i, number in enumerate(found)):
        raise _damaged("the restart markers of the JPEG are out of order")


def jpeg_pixels(data: bytes, jpeg: Jpeg) -> Pixels | None:
    """Decode a JPEG, and nothing that a decoder filled in.

    Parameters
    ----------
    data : bytes
        The file.
    jpeg : Jpeg
        What it says of itself.

    Returns
    -------
    ndarray of uint8, shape (height, width) or (height, width, 3), or None
        In BGR order; None if OpenCV cannot decode it.

    Raises
    ------
    CropUnreadable
        ``truncated``, ``damaged`` or ``unsupported``.
    """
    check_jpeg(data, jpeg)
    last = jpeg.scans[-1]
    whole = data[: last.ends]
    if not jpeg.is_one_scan or not _stops_where_data_end():
        pixels = opencv_pixels(whole + _END)
        if pixels is None or not _may_end_early(jpeg, whole, pixels):
            return pixels
        # libjpeg speaks of bytes too many on standard error, not of one that it has read ahead
        more = _MORE * 8 if jpeg.is_one_scan else _MORE[:1]
        if not _same(opencv_pixels(whole + more + _END), pixels):
            raise _ended()
        return pixels
    _check_between_restarts(data, jpeg)
    pixels = opencv_pixels(whole + _READ_AHEAD)
    if pixels is None and opencv_pixels(whole + bytes(3 * jpeg.width * jpeg.height)) is not None:
        raise _ended()
    return pixels


@cache
def _stops_where_data_end() -> bool:
    """Whether this OpenCV gives nothing where bytes run out: from 4.11 on."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    data = cv2.imencode(".jpg", noise)[1].tobytes()
    return opencv_pixels(data[: len(data) // 2]) is None


def _check_between_restarts(data: bytes, jpeg: Jpeg) -> None:
    """Decode what lies between two restart markers as an image of its own, one MCU high."""
    scan = jpeg.scans[0]
    across, down = jpeg.mcu
    width = scan.interval * across
    if not scan.interval or width > _LARGEST_SIDE:
        return
    size = struct.pack(">HH", down, width)
    head = data[: jpeg.frame_at] + size + data[jpeg.frame_at + 4 : scan.starts]
    at = scan.starts
    for marker in _RESTART.finditer(data, scan.starts, scan.ends):
        if marker.end() == scan.ends:  # one more, after the last MCU
            return
        part = head + data[at : marker.start()] + _READ_AHEAD
        if opencv_pixels(part, cv2.IMREAD_REDUCED_COLOR_8) is None:
            raise _ended()
        at = marker.end()


def _may_end_early(jpeg: Jpeg, whole: bytes, pixels: Pixels) -> bool:
    """Whether an image may be partly filled in by the decoder.

    The last pixel of a single scan would be grey then. What later scans lack is less to be
    seen. But the last bit of the file would count, while as a rule up to seven
    bits are left over; they are ones.
    """
    if jpeg.is_one_scan:
        return len(jpeg.sampling) == 4 or bool(
            (np.abs(pixels[-1, -1].astype(int) - 128) <= 1).all()
        )
    cut = len(whole) - 1 - whole.endswith(b"\xff\x00")
    if not whole[cut] & 1:
        return True
    return not _same(opencv_pixels(whole[:cut] + bytes([whole[cut] - 1]) + _END), pixels)


def _same(found: Pixels | None, pixels: Pixels) -> bool:
    return found is not None and np.array_equal(found, pixels)


def _ended() -> CropUnreadable:
    return cut_off("the image data of the JPEG end before the image does")


def _damaged(what: str) -> CropUnreadable:
    return CropUnreadable("damaged", f"{what}; export the file again")
