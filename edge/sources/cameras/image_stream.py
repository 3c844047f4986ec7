"""Images that follow one another with nothing between them, as programs write them to a pipe."""

from __future__ import annotations

import re

import numpy as np

from edge.crops.preprocess import UInt8Image
from edge.decoding.decode import MAX_PIXELS, decode
from edge.errors import CameraFault, CropUnreadable

MOST_IMAGE = 256 * 1024 * 1024
"""Bytes that an image may have."""

_PNG = b"\x89PNG\r\n\x1a\n"
_MOST_PPM_HEADER = 4096
_PPM = re.compile(rb"P6(?:\s+|#[^\n]*\n)+(\d{1,5})(?:\s+|#[^\n]*\n)+(\d{1,5})\s+255\s")
_ALONE = frozenset([0x01, *range(0xD0, 0xD8)])  # markers of JPEG without a length


class ImageStream:
    """Takes a stream of JPEG, PNG, BMP, WebP or PPM (P6, 8 bits) apart, as it comes."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._at = 0  # how far the image was walked through

    def __len__(self) -> int:
        return len(self._held)

    def feed(self, piece: bytes) -> None:
        """Add what came."""
        self._held += piece

    def next(self) -> bytes | None:
        """Take the next whole image, if it is there.

        Raises
        ------
        CameraFault
            If what comes is no image of these, or has no end.
        """
        end = self._end()
        if end is None or end > len(self._held):
            if max(end or 0, len(self._held)) > MOST_IMAGE:
                raise CameraFault("too-large", f"an image of more than {MOST_IMAGE >> 20} MB")
            return None
        image = bytes(self._held[:end])
        del self._held[:end]
        self._at = 0
        return image

    def _end(self) -> int | None:
        """Where the first image ends; None as long as that is not known."""
        held = self._held
        if len(held) < 12:
            return None
        if held.startswith(b"\xff\xd8"):
            return self._end_of_jpeg()
        if held.startswith(_PNG):
            return self._end_of_png()
        if held.startswith(b"BM"):
            return max(int.from_bytes(held[2:6], "little"), 14)
        if held.startswith(b"RIFF") and held[8:12] == b"WEBP":
            return 8 + int.from_bytes(held[4:8], "little") + (held[4] & 1)
        if held.startswith(b"P6"):
            return self._end_of_ppm()
        raise CameraFault(
            "not-an-image", "the program writes something else than JPEG, PNG, BMP, WebP or PPM"
        )

    def _end_of_ppm(self) -> int | None:
        found = _PPM.match(self._held, 0, _MOST_PPM_HEADER)
        if found:
            return found.end() + 3 * int(found[1]) * int(found[2])
        if len(self._held) >= _MOST_PPM_HEADER:
            raise CameraFault("unsupported", "a PPM that is not P6 with 8 bits a channel")
        return None

    def _end_of_png(self) -> int | None:
        self._at = max(self._at, len(_PNG))
        while len(self._held) >= self._at + 8:
            kind = self._held[self._at + 4 : self._at + 8]
            end = self._at + 12 + int.from_bytes(self._held[self._at : self._at + 4], "big")
            if kind == b"IEND" or end > MOST_IMAGE:
                return end
            self._at = end
        return None

    def _end_of_jpeg(self) -> int | None:
        """Walk the segments; within a scan, a marker is what is not stuffed."""
        held = self._held
        self._at = max(self._at, 2)
        while True:
            at = held.find(b"\xff", self._at)
            if at < 0 or at + 1 >= len(held):
                self._at = max(self._at, len(held)) if at < 0 else at
                return None
            marker = held[at + 1]
            if marker == 0xD9:
                return at + 2
            if marker == 0xFF:  # filling
                self._at = at + 1
            elif marker == 0 or marker in _ALONE:
                self._at = at + 2
            elif at + 4 > len(held):
                self._at = at
                return None
            else:
                self._at = at + 2 + int.from_bytes(held[at + 2 : at + 4], "big")


def pixels_of(image: bytes) -> UInt8Image:
    """Decode an image of such a stream.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
        RGB.

    Raises
    ------
    CameraFault
        Which does not mean that the camera is lost.
    """
    found = _PPM.match(image)
    if not found:
        try:
            return decode(image)
        except CropUnreadable as error:
            raise CameraFault(error.reason, error.message, is_lost=False) from error
    width, height = int(found[1]), int(found[2])
    if not 0 < width * height <= MAX_PIXELS:
        raise CameraFault("too-large", f"{width} x {height} pixels", is_lost=False)
    return np.frombuffer(image, np.uint8, 3 * width * height, found.end()).reshape(height, width, 3)
