"""How an image lies around its cell: what the crop made of it no longer shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge.crops.image_statistics import BLACK
from edge.crops.preprocess import UInt8Image


@dataclass(frozen=True)
class Frame:
    """Size and border of an image, before it was padded and scaled to a crop.

    Attributes
    ----------
    height, width : int
        Pixels.
    border : float
        Share of the outermost pixels that are not black, 0..1.
    zoom : float or None
        Pixels of the crop that one of the image became, where the scale is known.
    """

    height: int
    width: int
    border: float
    zoom: float | None = None


def frame_of(image: UInt8Image, crop: UInt8Image, zoom: float | None = None) -> Frame:
    """Look at the frame of an image, and of the crop where that is only its middle.

    Parameters
    ----------
    image : ndarray of uint8, shape (height, width, 3)
        The channels in any order.
    crop : ndarray of uint8, shape (side, side, 3)
        Made of it.
    zoom : float, optional
        As for :func:`edge.crops.preprocess.to_crop`.

    Returns
    -------
    Frame
    """
    height, width = image.shape[:2]
    light = _light_border(image)
    if zoom is not None and max(height, width) * zoom > crop.shape[0]:
        light = max(light, _light_border(crop))
    return Frame(height, width, light, zoom)


def _light_border(image: UInt8Image) -> float:
    border = np.concatenate((image[0], image[-1], image[1:-1, 0], image[1:-1, -1]))
    highest = np.maximum(np.maximum(border[:, 0], border[:, 1]), border[:, 2])
    return int(np.count_nonzero(highest > BLACK)) / len(border)
