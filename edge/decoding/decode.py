"""Image files to RGB pixels, refusing by name what is not an 8-bit colour image."""

from __future__ import annotations

import os

import cv2
import numpy as np

from edge.contract import BLACK
from edge.crops.frame import Frame, frame_of
from edge.crops.preprocess import MAX_SIDE, UInt8Image, to_crop
from edge.decoding.bmp import BmpHeader, bmp_pixels
from edge.decoding.header import read_header
from edge.decoding.jpeg import Jpeg, jpeg_pixels
from edge.decoding.opencv_decoder import Pixels, opencv_pixels
from edge.decoding.png import Png, png_pixels
from edge.decoding.tiff import Page
from edge.decoding.tiff_pixels import tiff_pixels
from edge.errors import CropUnreadable
from edge.files import read_bytes

_OPAQUE = 255

MAX_PIXELS = 50_000_000
"""Most pixels that are decoded (150 MB in memory): a field of any lab camera passes."""


def read_crop(path: str | os.PathLike[str], side: int, background: str = BLACK) -> UInt8Image:
    """Read an image file as the crop a network sees.

    Parameters
    ----------
    path : path-like
        BMP, PNG, JPEG, TIFF or WebP file.
    side, background : int, str
        As for :func:`edge.crops.preprocess.to_crop`.

    Returns
    -------
    ndarray of uint8, shape (side, side, 3)

    Raises
    ------
    CropUnreadable
        If the file cannot be read or decoded; ``reason`` says why.
    """
    return crop_of(read_bytes(path), side, background)


def crop_of(data: bytes, side: int, background: str = BLACK) -> UInt8Image:
    """Make the crop a network sees of the bytes of an image file; as :func:`read_crop`."""
    return crop_and_frame_of(data, side, background)[0]


def crop_and_frame_of(
    data: bytes, side: int, background: str = BLACK, zoom: float | None = None
) -> tuple[UInt8Image, Frame]:
    """Make the crop of an image file, and look at the frame of its image; as :func:`crop_of`."""
    try:
        bgr = _decode_bgr(data)
        # each channel is reduced by itself: their order is turned at the end, on fewer pixels
        turned = cv2.cvtColor(to_crop(bgr, side, background, zoom), cv2.COLOR_BGR2RGB)
        crop = np.asarray(turned, dtype=np.uint8)
        return crop, frame_of(bgr, crop, zoom)
    except MemoryError as error:
        raise CropUnreadable(
            "too-large", "it takes more memory than there is; cut the cells out first"
        ) from error


def decode(data: bytes) -> UInt8Image:
    """Decode an image file into RGB.

    Parameters
    ----------
    data : bytes
        The file. Of several pages the first is taken. EXIF orientation is
        ignored: a cell has no upright position. A transparency channel that is opaque
        everywhere is dropped.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)

    Raises
    ------
    CropUnreadable
        ``empty``, ``not-an-image``, ``truncated``, ``too-large``, ``damaged``,
        ``unsupported``, ``wrong-depth``, ``greyscale`` or ``alpha``.
    """
    return np.asarray(cv2.cvtColor(_decode_bgr(data), cv2.COLOR_BGR2RGB), dtype=np.uint8)


def _decode_bgr(data: bytes) -> UInt8Image:
    header = read_header(data)
    if header.width * header.height > MAX_PIXELS or max(header.width, header.height) > MAX_SIDE:
        raise CropUnreadable(
            "too-large",
            f"its header says {header.width} x {header.height} pixels, more than"
            f" {MAX_PIXELS // 1_000_000} million or {MAX_SIDE} a side; cut the cells out first",
        )
    if header.bits != 8:
        raise _wrong_depth(header.bits)
    pixels = _pixels(data, header.layout)
    if pixels is None:
        raise CropUnreadable("damaged", "OpenCV cannot decode it; copy or export the file again")
    return _in_colour(pixels)


def _pixels(data: bytes, layout: BmpHeader | Jpeg | Png | Page | None) -> Pixels | None:
    if isinstance(layout, BmpHeader):
        return bmp_pixels(data, layout)
    if isinstance(layout, Jpeg):
        return jpeg_pixels(data, layout)
    if isinstance(layout, Page):
        return tiff_pixels(data, layout)
    if isinstance(layout, Png):
        return png_pixels(data, layout)
    return opencv_pixels(data)


def _in_colour(pixels: Pixels) -> UInt8Image:
    if pixels.dtype != np.uint8:
        raise _wrong_depth(pixels.dtype.itemsize * 8)
    if pixels.ndim == 2 or pixels.shape[2] == 1:
        raise CropUnreadable("greyscale", "one channel; save the stained image in colour")
    if pixels.shape[2] == 4:
        if pixels[:, :, 3].min() < _OPAQUE:
            raise CropUnreadable("alpha", "parts of it are transparent; save it as plain RGB")
        pixels = cv2.cvtColor(pixels, cv2.COLOR_BGRA2BGR)
    return np.asarray(pixels, dtype=np.uint8)


def _wrong_depth(bits: int) -> CropUnreadable:
    return CropUnreadable("wrong-depth", f"{bits} bits per channel; save it with 8 bits")
