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
    """

    height: int
    width: int
    border: float


def frame_of(image: UInt8Image) -> Frame:
    """Look at the frame of an image.

    Parameters
    ----------
    image : ndarray of uint8, shape (height, width, 3)
        The channels in any order.

    Returns
    -------
    Frame
    """
    border = np.concatenate((image[0], image[-1], image[1:-1, 0], image[1:-1, -1]))
    highest = np.maximum(np.maximum(border[:, 0], border[:, 1]), border[:, 2])
    height, width = image.shape[:2]
    return Frame(height, width, int(np.count_nonzero(highest > BLACK)) / len(border))
