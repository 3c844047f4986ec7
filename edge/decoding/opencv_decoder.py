"""OpenCV's decoder, with nothing but pixels or None coming out of it."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[Any]


def opencv_pixels(data: bytes, flags: int = cv2.IMREAD_UNCHANGED) -> Pixels | None:
    """Decode an image file, as it is unless `flags` say otherwise: BGR order, its own depth.

    What a file lacks, OpenCV fills in with black or grey, and says so on standard error or
    nowhere. So who calls this must know that the file is whole.

    Returns
    -------
    ndarray, shape (height, width) or (height, width, channels), or None
        None if OpenCV cannot decode it.

    Raises
    ------
    MemoryError
        If there is not enough for it.
    """
    try:
        found = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError from error
        return None
    return None if found is None else np.asarray(found)
