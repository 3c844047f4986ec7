"""What a crop looks like in six numbers: light, stain, size, focus.

They need no network. They are ratios of whole numbers, so that every machine finds
the same ones.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import cv2
import numpy as np

from edge.contract import BLACK as ON_BLACK
from edge.crops.preprocess import UInt8Image

BLACK = 8
"""Levels up to this one are the black around a cell: resizing blurs its edge into it."""

_OUTLINE = 3
"""Width in pixels of the rim whose Laplacian shows the step to black, not the focus."""

_LOBES = 8
"""A lobe of a nucleus is at least this part of the largest one."""


@dataclass(frozen=True)
class ImageStatistics:
    """Statistics of one crop; all 0 for a crop without foreground.

    The foreground is the cell: on black, every pixel with a channel above level 8; on natural
    background, what is stained in its middle: mostly the nucleus.

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


def image_statistics(crop: UInt8Image, background: str = ON_BLACK) -> ImageStatistics:
    """Measure one crop.

    Parameters
    ----------
    crop : ndarray of uint8, shape (height, width, 3)
        RGB, as :func:`edge.crops.preprocess.to_crop` makes it.
    background : str
        Of the contract.

    Returns
    -------
    ImageStatistics
    """
    return statistics_and_foreground(crop, background)[0]


def statistics_and_foreground(
    crop: UInt8Image, background: str = ON_BLACK
) -> tuple[ImageStatistics, UInt8Image]:
    """Measure one crop, and tell its foreground from its background.

    Parameters
    ----------
    crop, background
        As for :func:`image_statistics`.

    Returns
    -------
    ImageStatistics
    ndarray of uint8, shape (height, width)
        1 in the foreground, else 0.
    """
    red, green, blue = cv2.split(crop)
    highest = cv2.max(cv2.max(red, green), blue)
    if background == ON_BLACK:
        inside = _as_uint8(cv2.threshold(highest, BLACK, 1, cv2.THRESH_BINARY)[1])
    else:
        inside = _stained(*map(_as_uint8, (red, green, blue)))
    pixels = cv2.countNonZero(inside)
    if pixels == 0:
        return ImageStatistics(0.0, 0.0, 0.0, 0.0, 0.0, 0.0), inside
    lowest = cv2.min(cv2.min(red, green), blue)
    top = _sum(highest, inside)
    levels = cv2.sumElems(cv2.copyTo(crop, inside))
    return ImageStatistics(
        red=levels[0] / pixels,
        green=levels[1] / pixels,
        blue=levels[2] / pixels,
        foreground=pixels / inside.size,
        focus=focus_of(grey_of(red, green, blue), inside),
        saturation=(top - _sum(lowest, inside)) / top if top else 0.0,
    ), inside


def _stained(red: UInt8Image, green: UInt8Image, blue: UInt8Image) -> UInt8Image:
    """What is stained in the middle of a crop: mostly the nucleus, in all its lobes.

    Stains of nuclei take red and green out of the light and leave blue, while red cells take green
    and blue alike. Of the pieces that reach the middle of the crop the large ones count.
    """
    light = np.clip(red.astype(np.int16) + green - blue, 0, 255).astype(np.uint8)
    light = _as_uint8(cv2.medianBlur(light, 3))
    dark = _as_uint8(light <= _otsu(light))
    _, numbers, pieces, _ = cv2.connectedComponentsWithStats(dark, connectivity=8)
    height, width = dark.shape
    rows, columns = np.ogrid[:height, :width]
    off = (2 * rows - height + 1) ** 2 + (2 * columns - width + 1) ** 2  # in half pixels, squared
    reaching = np.unique(numbers[(4 * off <= height * width) & (dark > 0)])
    areas = np.asarray(pieces)[reaching, cv2.CC_STAT_AREA]
    large = reaching[areas * _LOBES >= areas.max(initial=0)]
    return _as_uint8(np.isin(numbers, large))


def _otsu(levels: UInt8Image) -> int:
    """Find the last dark level: that which parts dark from light best; -1 where all are alike.

    Otsu 1979, A Threshold Selection Method from Gray-Level Histograms, equation 18. OpenCV's
    own adds fractions up, which another processor may round otherwise.
    """
    counts = np.bincount(levels.ravel(), minlength=256)
    below = np.cumsum(counts)
    sums = np.cumsum(counts * np.arange(256))
    apart = (sums * levels.size - below * sums[-1]).astype(np.float64)
    room = np.maximum(below * (levels.size - below), 1).astype(np.float64)
    return int(np.argmax(apart * apart / room)) if apart.any() else -1


def grey_of(red: np.ndarray, green: np.ndarray, blue: np.ndarray) -> np.ndarray:
    """Add the channels. Floats hold whole numbers to 2**24, and OpenCV is quickest with them."""
    return np.asarray(cv2.add(cv2.add(red, green, dtype=cv2.CV_32F), blue, dtype=cv2.CV_32F))


def focus_of(grey: np.ndarray, inside: UInt8Image) -> float:
    """Variance of the Laplacian, as a share of the squared mean level; 0 where all is black.

    Parameters
    ----------
    grey : ndarray of float32, shape (height, width)
        As :func:`grey_of` gives it.
    inside : ndarray of uint8, shape (height, width)
        Above 0 where it counts; its rim does not.
    """
    side = 2 * _OUTLINE + 1
    core = (slice(1, -1), slice(1, -1))  # at the border a neighbour is missing
    sharp = cv2.erode(inside, np.ones((side, side), np.uint8))[core]
    pixels = cv2.countNonZero(sharp)
    if pixels == 0:
        return 0.0
    laplacian = cv2.copyTo(cv2.Laplacian(grey, cv2.CV_32F, ksize=1)[core], sharp).ravel()
    laplacian = laplacian.astype(np.float64)  # its square needs the room
    # pixels**2 times the variance, and pixels times the mean: whole numbers
    variance = pixels * int(np.dot(laplacian, laplacian)) - int(laplacian.sum()) ** 2
    light = _sum(grey[core], sharp)
    return variance / light**2 if light else 0.0  # on natural background all of it may be black


def focus_of_field(field: UInt8Image) -> float:
    """:func:`focus_of` of a whole field, uint8 RGB of shape (height, width, 3)."""
    channels = (np.ascontiguousarray(field[..., channel]) for channel in range(3))
    return focus_of(grey_of(*channels), np.ones(field.shape[:2], np.uint8))


def _sum(levels: np.ndarray, inside: np.ndarray) -> int:
    """Sum of the levels of the foreground."""
    return int(cv2.sumElems(cv2.copyTo(levels, inside))[0])


def _as_uint8(image: object) -> UInt8Image:
    return np.asarray(image, dtype=np.uint8)
