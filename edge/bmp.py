"""Pixels of a plain BMP without a decoder: they lie in the file as they are."""

from __future__ import annotations

import struct

import numpy as np

from edge.preprocess import UInt8Image

_HEADER = struct.Struct("<10xIIiiHHI")
_INFO_HEADER = 40  # bytes of the header that every program writes


def plain_pixels(data: bytes) -> UInt8Image | None:
    """Take the pixels of an uncompressed 24-bit BMP out of the file.

    C-NMC's crops are such files, and OpenCV's decoder takes half as long for one as the
    int8 CNN for its crop.

    Parameters
    ----------
    data : bytes
        A BMP file that :func:`edge.image_header.read_header` found whole.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3), or None
        In BGR order, top row first: a view of `data`. None for any other kind of BMP.
    """
    at, header, width, height, planes, depth, compression = _HEADER.unpack_from(data)
    if (header, planes, depth, compression) != (_INFO_HEADER, 1, 24, 0):
        return None
    rows, stride = abs(height), (3 * width + 3) // 4 * 4
    stored = np.frombuffer(data, np.uint8, stride * rows, at).reshape(rows, stride)
    pixels = stored[:, : 3 * width].reshape(rows, width, 3)
    return pixels[::-1] if height > 0 else pixels  # a positive height: stored from the bottom up
