"""The scale of an image of a stage micrometer: lines at equal distances that are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from edge.crops.preprocess import UInt8Image
from edge.errors import InstrumentRefused

FEWEST_LINES = 5
"""Lines that have to be seen."""

MOST_UNCERTAIN = 0.003
"""Largest standard error of a scale that is taken, as a share: three of them are 1 %."""

_Floats = npt.NDArray[np.float64]
_COARSE = 400  # pixels of the longer side on which the direction of the lines is looked for
_AROUND = 0.35  # of the image: the ground is told from lines by so much of it
_LEAST_HEIGHT = 0.25  # of the highest line: short ones are crossed by less of the image
_MOST_UNEVEN = 0.06  # of a distance, root mean square
_LEAST_AREA = 0.3  # of that of the middle line: specks are smaller
_LEAST_SEEN = 0.6  # of the lines that should be there


@dataclass(frozen=True)
class Scale:
    """A scale, and how well it is known.

    Attributes
    ----------
    um_per_pixel : float
    lines : int
        That were seen.
    error : float
        Standard error, as a share.
    angle : float
        Of the direction across the lines, in degrees.
    """

    um_per_pixel: float
    lines: int
    error: float
    angle: float


def measure_scale(rgb: UInt8Image, division: float) -> Scale:
    """Measure the scale of an image of a stage micrometer.

    The image is summed along its lines, whose direction is where the sums vary most. Their middles
    are fitted by a line over their numbers (least squares), which counts every distance.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (height, width, 3)
        Dark lines on a bright ground or bright on dark, in any direction.
    division : float
        Micrometres between two lines.

    Returns
    -------
    Scale

    Raises
    ------
    InstrumentRefused
        If there are no such lines, or the scale is not known to 1 %.
    """
    contrast = _contrast(rgb)
    angle = _direction(contrast)
    profile = _level(_profile(contrast, angle))
    for signed in sorted((profile, -profile), key=lambda each: -float(np.max(each))):
        positions = _middles(signed)
        if len(positions) >= FEWEST_LINES:
            return _fitted(positions, division, angle)
    raise InstrumentRefused(
        f"fewer than {FEWEST_LINES} lines are seen in this image; take one of the stage micrometer,"
        " in focus, that its lines cross"
    )


def _contrast(rgb: UInt8Image) -> _Floats:
    """Optical density: light that falls off to one side adds to it, and lines stay as high."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float64)
    return np.asarray(-np.log((grey + 1) / 256))


def _direction(contrast: _Floats) -> float:
    """Angle across the lines, in radians."""
    shrink = max(1.0, max(contrast.shape) / _COARSE)
    size = round(contrast.shape[1] / shrink), round(contrast.shape[0] / shrink)
    small = np.asarray(cv2.resize(contrast, size, interpolation=cv2.INTER_AREA), np.float64)
    best = _best_of(small, np.radians(np.linspace(0.0, 179.0, 180)))
    best = _best_of(small, best + np.radians(np.linspace(-1.0, 1.0, 21)))
    return _best_of(contrast, best + np.radians(np.linspace(-0.1, 0.1, 11)))


def _best_of(contrast: _Floats, angles: Any) -> float:
    spread = [_variation(_profile(contrast, angle)) for angle in angles]
    return float(angles[int(np.argmax(spread))])


def _variation(profile: _Floats) -> float:
    """How much a profile varies, but for noise and for light that falls off."""
    wide = 2 * (int(_AROUND * len(profile)) // 4) + 1
    inside = slice(wide // 2, -(wide // 2) or None)
    lines = np.convolve(profile, np.ones(3) / 3, "same") - np.convolve(
        profile, np.ones(wide) / wide, "same"
    )
    return float(np.var(lines[inside]))


def _profile(contrast: _Floats, angle: float) -> _Floats:
    """Mean of each strip across the image, a pixel wide, where the strips are long enough."""
    height, wide = contrast.shape
    x = np.cos(angle) * np.arange(wide)
    y = np.sin(angle) * np.arange(height)
    place = x[None, :] + y[:, None] - min(x.min(), 0) - min(y.min(), 0)
    at = np.rint(place).astype(np.int32).ravel()
    pixels = np.bincount(at)
    sums = np.bincount(at, contrast.ravel())
    long_enough = pixels >= 0.3 * pixels.max()  # those at the corners are a few pixels
    first, last = np.flatnonzero(long_enough)[[0, -1]]
    return np.asarray(sums[first : last + 1] / np.maximum(pixels[first : last + 1], 1))


def _level(profile: _Floats) -> _Floats:
    """Profile above its ground, the median of what is around."""
    reach = max(int(_AROUND * len(profile)) // 2, 1)
    padded = np.pad(profile, reach, mode="reflect" if reach < len(profile) else "edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1)
    return np.asarray(profile - np.median(windows, axis=1))


def _middles(profile: _Floats) -> _Floats:
    """Middles of what stands out, in bins."""
    smooth = np.convolve(profile, np.ones(3) / 3, mode="same")
    is_line = smooth > _LEAST_HEIGHT * smooth.max()
    edges = np.flatnonzero(np.diff(np.concatenate([[False], is_line, [False]]).astype(int)))
    found: list[tuple[float, float]] = []
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        if start == 0 or end == len(profile):  # cut off by the end of the image
            continue
        weight = smooth[start:end]
        found.append((float(np.sum(weight * np.arange(start, end)) / weight.sum()), weight.sum()))
    if not found:
        return np.empty(0)
    middles, areas = np.array(found).T
    return np.asarray(middles[areas >= _LEAST_AREA * np.median(areas)])


def _fitted(positions: _Floats, division: float, angle: float) -> Scale:
    distance = float(np.median(np.diff(positions)))
    numbers = np.round((positions - positions[0]) / distance)
    for _ in range(3):  # the first distance may be a little off: numbers of the last lines, too
        distance, start = np.polyfit(numbers, positions, 1)
        numbers = np.round((positions - start) / distance)
    off = positions - (start + distance * numbers)
    uneven = float(np.sqrt(np.mean(off**2))) / distance
    seen = len(np.unique(numbers)) / (numbers[-1] - numbers[0] + 1)
    if uneven > _MOST_UNEVEN or seen < _LEAST_SEEN or len(np.unique(numbers)) < len(numbers):
        raise InstrumentRefused(
            "what is seen in this image is not at equal distances; take one of the stage micrometer"
            " alone, in focus, without writing"
        )
    freedom = len(positions) - 2
    spread = float(np.sum((numbers - numbers.mean()) ** 2))
    error = float(np.sqrt(np.sum(off**2) / freedom / spread)) / distance
    if error > MOST_UNCERTAIN:
        raise InstrumentRefused(
            f"the scale is known with a standard error of {error:.1%} only, from {len(positions)}"
            " lines; take an image of more lines, in focus"
        )
    return Scale(division / float(distance), len(positions), error, float(np.degrees(angle)))
