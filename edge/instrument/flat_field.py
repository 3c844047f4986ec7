"""Evenness of light, and white, by an image of a place where nothing lies.

Every pixel is divided by what the empty field shows there, channel by channel, and brought to one
level: light that falls off to the corners and the colour of the lamp go together. What is corrected
is smooth: light is, and specks of dust in one empty field must not come back as ghosts in all
others.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from edge.crops.preprocess import UInt8Image
from edge.errors import InstrumentRefused

_Plane = npt.NDArray[np.float32]

REDUCED = 8
"""How many times smaller than a frame the stored light is, in length."""

_SMOOTH = 1 / 30  # sigma, as a share of the longer side
_DARKEST, _BRIGHTEST = 50, 250  # grey levels that an empty field has
_MOST_BRIGHT = 0.01  # share of pixels that may be brighter
_MOST_UNEVEN = 0.25  # darkest place, as a share of the brightest
_MOST_OFF = 0.12  # from the smooth light, as a share: what lies there is further off
_MOST_OFF_PIXELS = 0.002  # share of pixels that may be: specks


@dataclass(frozen=True)
class FlatField:
    """The light of an empty field.

    Attributes
    ----------
    light : ndarray of float32, shape (rows, columns, 3)
        Grey levels, smooth, :data:`REDUCED` times smaller than a frame.
    width, height : int
        Of the frames it is for, in pixels.
    """

    light: _Plane = field(repr=False, compare=False)
    width: int
    height: int

    @property
    def level(self) -> float:
        """Grey level of white after the correction: that of the brightest channel before."""
        return float(self.light.mean(axis=(0, 1)).max())

    def gain(self) -> _Plane:
        """What each pixel is multiplied by, float32 of shape (height, width, 3)."""
        full = cv2.resize(self.light, (self.width, self.height), interpolation=cv2.INTER_LINEAR)
        return np.asarray(np.float32(self.level) / full, np.float32)


def correct(rgb: UInt8Image, gain: _Plane) -> UInt8Image:
    """Correct a frame.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (height, width, 3)
    gain : ndarray of float32, shape (height, width, 3)
        :meth:`FlatField.gain`.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
    """
    return np.asarray(cv2.multiply(rgb, gain, dtype=cv2.CV_8U), np.uint8)


def measure_flat_field(frames: Iterable[UInt8Image]) -> FlatField:
    """Measure the light of an empty field.

    Parameters
    ----------
    frames : iterable of ndarray of uint8, shape (height, width, 3)
        Of places where nothing lies, one at least; the mean of them is taken.

    Returns
    -------
    FlatField

    Raises
    ------
    InstrumentRefused
        If there are none, something lies there, or they are too dark or too bright.
    """
    total: npt.NDArray[np.float64] | None = None
    number = 0
    for frame in frames:
        _check(frame)
        if total is not None and total.shape != frame.shape:
            raise InstrumentRefused("frames of different sizes; capture the empty field again")
        total = frame.astype(np.float64) if total is None else total + frame
        number += 1
    if total is None:
        raise InstrumentRefused("there is no frame of an empty field")
    mean = np.asarray(total / number, np.float32)
    height, width = mean.shape[:2]
    size = -(-width // REDUCED), -(-height // REDUCED)
    small = cv2.resize(_smooth(mean), size, interpolation=cv2.INTER_AREA)
    return FlatField(np.asarray(small, np.float32), width, height)


def _check(frame: UInt8Image) -> None:
    """Refuse a frame that shows no empty field."""
    brightest = frame.max(axis=2)
    if float((brightest > _BRIGHTEST).mean()) > _MOST_BRIGHT:
        raise InstrumentRefused(
            "the empty field is over-exposed: what is lighter cannot be told; use less light or a"
            " shorter exposure, and fix it"
        )
    smooth = _smooth(frame.astype(np.float32))
    level = smooth.max(axis=2)
    if float(level.mean()) < _DARKEST:
        raise InstrumentRefused(
            "the empty field is too dark; use more light or a longer exposure, and fix it"
        )
    if float(level.min()) < _MOST_UNEVEN * float(level.max()):
        raise InstrumentRefused(
            "a part of the empty field is dark: is something in the light path? Align the lamp"
        )
    off = np.abs(frame.astype(np.float32) / np.maximum(smooth, 1) - 1).max(axis=2)
    if float((off > _MOST_OFF).mean()) > _MOST_OFF_PIXELS:
        raise InstrumentRefused(
            "something lies in the empty field; go to a place without cells, and out of focus"
        )


def _smooth(image: _Plane) -> _Plane:
    sigma = max(image.shape[:2]) * _SMOOTH / REDUCED
    height, width = image.shape[:2]
    size = max(-(-width // REDUCED), 1), max(-(-height // REDUCED), 1)
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.float32)
    bowl = _bowl(small)  # a blur alone would be wrong where the light falls off to the edges
    blurred = cv2.GaussianBlur(small - bowl, (0, 0), sigma, borderType=cv2.BORDER_REFLECT) + bowl
    return np.asarray(cv2.resize(blurred, (width, height), interpolation=cv2.INTER_LINEAR))


def _bowl(image: _Plane) -> _Plane:
    """The surface of second order that fits an image best, channel by channel (least squares)."""
    height, width = image.shape[:2]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1).reshape(-1, 6)
    found, *_ = np.linalg.lstsq(terms, image.reshape(-1, 3).astype(np.float64), rcond=None)
    return np.asarray((terms @ found).reshape(image.shape), np.float32)
