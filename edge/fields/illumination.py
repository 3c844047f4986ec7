"""What an empty place of a field looks like, and how much light its stain takes away."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from edge.crops.preprocess import UInt8Image

Floats = npt.NDArray[np.float32]

OFFSET = 4.0
"""Grey levels that all are lighter by: the noise of a dark pixel must not become a density of 2."""

_LOOKED_AT = 100  # pixels a side: what is empty shows there, and it takes no time
_NEAR = 5  # grey levels around the most frequent one that are empty, too
_OFTEN = 0.3  # of the most frequent grey level: empty is the lightest that is as frequent
_BELOW = 0.04  # density: what is darker than the surface so far is no empty place
_ENOUGH = 0.15  # of the field: a surface through less says nothing of the rest
_AWAY = 1.5  # diameters of a nucleus from it: beyond its cytoplasm, also between lobes
_ROUGHLY = 0.05  # contrast of the palest nuclei
_MOST_UNEVEN = 0.25  # density between middle and corner that vignetting may have


def background_of(rgb: UInt8Image) -> Floats:
    """Find the colour of empty places: the lightest that is frequent.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (height, width, 3)

    Returns
    -------
    ndarray of float32, shape (3,)
    """
    small = _reduced(rgb)
    green = small[..., 1]
    counts = np.bincount(green.astype(np.intp).ravel(), minlength=256)
    counts = np.convolve(counts, np.ones(9, np.intp), "same")
    lightest = 255 - int((counts[::-1] >= _OFTEN * counts.max()).argmax())
    start = max(lightest - 25, 0)
    level = start + int(counts[start : lightest + 1].argmax())
    empty = small[np.abs(green - level) <= _NEAR]
    return np.asarray(np.median(empty.reshape(-1, 3), axis=0), dtype=np.float32)


def density_of(rgb: UInt8Image, background: Floats) -> Floats:
    """Optical density: logarithm (base 10) of the light that is missing.

    It is proportional to the amount of stain (Beer and Lambert), as far as a camera is linear.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (height, width, 3)
    background : ndarray of float32, shape (3,)
        As :func:`background_of` gives it.

    Returns
    -------
    ndarray of float32, shape (height, width, 3)
        0 where it is empty; what is lighter is below 0.
    """
    levels = np.arange(256, dtype=np.float32)[None, :, None]
    table = np.log10((background + OFFSET) / (levels + OFFSET)).astype(np.float32)
    return np.asarray(cv2.LUT(np.ascontiguousarray(rgb), table), dtype=np.float32)


def evened(density: Floats, contrast: Floats) -> Floats:
    """Take away how unevenly a field is lit: a surface of second order through empty places.

    What lies around nuclei is not looked at: pale cytoplasm is hardly darker than
    an empty place.

    Parameters
    ----------
    density : ndarray of float32, shape (height, width, 3)
    contrast : ndarray of float32, shape (height, width)
        Of the stain of nuclei.

    Returns
    -------
    ndarray of float32, shape (height, width, 3)
        The same where too little of the field is empty to tell.
    """
    height, width = density.shape[:2]
    small = _reduced(density)
    y, x = np.mgrid[-1 : 1 : small.shape[0] * 1j, -1 : 1 : small.shape[1] * 1j]
    terms = np.stack((np.ones_like(x), x, y, x * x, x * y, y * y), axis=-1).reshape(-1, 6)
    away = _away_from_nuclei(_reduced(contrast)).ravel()
    values = small.reshape(-1, 3)
    surface = np.zeros_like(values)
    for _ in range(3):
        empty = (np.abs(values - surface) < _BELOW).all(axis=1) & away
        if empty.mean() < _ENOUGH:
            return density
        chosen = terms[empty]
        fitted = np.linalg.lstsq(chosen.T @ chosen, chosen.T @ values[empty], rcond=None)[0]
        surface = (terms @ fitted).astype(np.float32)
    if np.ptp(surface) > _MOST_UNEVEN:
        return density
    shape = (*small.shape[:2], 3)
    whole = cv2.resize(surface.reshape(shape), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(density - whole, dtype=np.float32)


def _away_from_nuclei(contrast: Floats) -> npt.NDArray[np.bool_]:
    dark = contrast > max(_ROUGHLY, 0.4 * float(np.percentile(contrast, 99)))
    if not dark.any():
        return ~dark
    _, _, boxes, _ = cv2.connectedComponentsWithStats(np.asarray(dark, np.uint8))
    diameter = np.sqrt(4 / np.pi * boxes[1:, cv2.CC_STAT_AREA].max())
    distance = cv2.distanceTransform(np.asarray(~dark, np.uint8), cv2.DIST_L2, 3)
    return np.asarray(distance > _AWAY * diameter)


def _reduced(image: UInt8Image | Floats) -> Floats:
    height, width = image.shape[:2]
    by = max(height, width) / _LOOKED_AT
    if by <= 1:
        return image.astype(np.float32)
    shape = max(round(width / by), 1), max(round(height / by), 1)
    small = cv2.resize(image, shape, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32)
