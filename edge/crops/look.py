"""What is kept of how a cell looks once its pixels are gone: enough to compare smears by."""

from __future__ import annotations

from dataclasses import astuple, dataclass

import cv2
import numpy as np

from edge.crops.image_statistics import ImageStatistics, statistics_and_foreground
from edge.crops.preprocess import UInt8Image

_RIM = 3
"""Width of the rim in pixels: where the outline is drawn 2 px off, its colour is another."""


@dataclass(frozen=True)
class Look:
    """How one cell looks.

    Attributes
    ----------
    statistics : ImageStatistics
    area : int
        Pixels of the foreground; at least 1.
    rim_red, rim_green, rim_blue : float
        Mean levels of its outermost pixels, 0..255.
    """

    statistics: ImageStatistics
    area: int
    rim_red: float
    rim_green: float
    rim_blue: float

    @property
    def numbers(self) -> tuple[float, ...]:
        """All of it in a row, as :meth:`of_numbers` takes it."""
        return *astuple(self.statistics), self.area, self.rim_red, self.rim_green, self.rim_blue

    @classmethod
    def of_numbers(cls, numbers: tuple[float, ...]) -> Look:
        """Make a look of its :attr:`numbers`."""
        *statistics, area, red, green, blue = numbers
        return cls(ImageStatistics(*statistics), int(area), red, green, blue)


def look_at(crop: UInt8Image, background: str) -> Look | None:
    """Measure how a cell looks; None where there is no foreground.

    Parameters
    ----------
    crop : ndarray of uint8, shape (height, width, 3)
        RGB.
    background : str
        Of the contract.
    """
    statistics, inside = statistics_and_foreground(crop, background)
    area = int(cv2.countNonZero(inside))
    return Look(statistics, area, *_rim_levels(crop, inside)) if area else None


def _rim_levels(crop: UInt8Image, inside: UInt8Image) -> tuple[float, float, float]:
    """Mean levels of the outermost pixels of the foreground."""
    side = 2 * _RIM + 1
    core = cv2.erode(inside, np.ones((side, side), np.uint8), borderValue=0)
    rim = np.asarray(cv2.subtract(inside, core), np.uint8)
    pixels = cv2.countNonZero(rim)
    red, green, blue, _ = cv2.sumElems(cv2.copyTo(crop, rim))
    return red / pixels, green / pixels, blue / pixels
