"""What a crop looks like in six numbers: light, stain, size, focus.

They need no network. They are ratios of whole numbers, so that every machine finds
the same ones.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from edge.preprocess import UInt8Image

BLACK = 8
"""Levels up to this one are the black around a cell: resizing blurs its edge into it."""

_OUTLINE = 3
"""Width in pixels of the rim whose Laplacian shows the step to black, not the focus."""


@dataclass(frozen=True)
class ImageStatistics:
    """Statistics of one crop; all 0 for a crop that is black throughout.

    The foreground is every pixel with a channel above level 8.

    Attributes
    ----------
    red, green, blue : float
        Mean level of the foreground, 0..255.
    foreground : float
        Share of the pixels that are foreground, 0..1.
    focus : float
        Variance of the Laplacian (four neighbours) of ``red + green + blue`` over the
        squared mean of that sum, so that brightness cancels; of the foreground without
        its rim of 3 pixels, so that the step to black does not count. At least 0; 0
        where nothing is left. The variance of the Laplacian is LAP4 of Pertuz, Puig and
        Garcia 2013, Analysis of focus measure operators for shape-from-focus.
    saturation : float
        Saturation of the colour: mean of ``highest - lowest channel`` over mean of
        ``highest channel``, 0..1.
    """

    red: float
    green: float
    blue: float
    foreground: float
    focus: float
    saturation: float

    @property
    def levels(self) -> tuple[float, float, float]:
        """Mean levels of red, green and blue."""
        return self.red, self.green, self.blue


STATISTICS = tuple(field.name for field in dataclasses.fields(ImageStatistics))
"""Names of all statistics."""


def image_statistics(crop: UInt8Image) -> ImageStatistics:
    """Measure one crop.

    Parameters
    ----------
    crop : ndarray of uint8, shape (height, width, 3)
        RGB, the cell on black, as :func:`edge.preprocess.to_crop` makes it.

    Returns
    -------
    ImageStatistics
    """
    red, green, blue = cv2.split(crop)
    inside = foreground(crop)
    pixels = cv2.countNonZero(inside)
    if pixels == 0:
        return ImageStatistics(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    highest = cv2.max(cv2.max(red, green), blue)
    lowest = cv2.min(cv2.min(red, green), blue)
    top = _sum(highest, inside)
    return ImageStatistics(
        red=_sum(red, inside) / pixels,
        green=_sum(green, inside) / pixels,
        blue=_sum(blue, inside) / pixels,
        foreground=pixels / inside.size,
        focus=_focus(red.astype(np.int32) + green + blue, inside),
        saturation=(top - _sum(lowest, inside)) / top,
    )


def foreground(crop: UInt8Image) -> UInt8Image:
    """Tell foreground from background.

    Parameters
    ----------
    crop : ndarray of uint8, shape (height, width, 3)

    Returns
    -------
    ndarray of uint8, shape (height, width)
        1 where a channel is above :data:`BLACK`, else 0.
    """
    red, green, blue = cv2.split(crop)
    return (cv2.max(cv2.max(red, green), blue) > BLACK).view(np.uint8)


def _focus(grey: npt.NDArray[np.int32], inside: UInt8Image) -> float:
    side = 2 * _OUTLINE + 1
    within = np.asarray(cv2.erode(inside, np.ones((side, side), np.uint8)))
    sharp = within[1:-1, 1:-1] > 0
    pixels = int(np.count_nonzero(sharp))
    if pixels == 0:
        return 0.0
    centre = grey[1:-1, 1:-1]
    around = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
    laplacian = (4 * centre - around)[sharp].astype(np.int64)  # its square needs the room
    # pixels**2 times the variance, and pixels times the mean: whole numbers
    variance = pixels * int(np.dot(laplacian, laplacian)) - int(laplacian.sum()) ** 2
    return variance / int(centre[sharp].sum()) ** 2


def _sum(levels: np.ndarray, inside: UInt8Image) -> int:
    """Sum of the levels of the foreground."""
    return int(cv2.sumElems(cv2.copyTo(levels, inside))[0])
