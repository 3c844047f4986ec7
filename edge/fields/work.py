"""A field as it is worked on: reduced, evened, and measured for stain."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from edge.crops.preprocess import UInt8Image
from edge.fields.illumination import Floats, background_of, density_of, evened
from edge.fields.nuclei import Nuclei, contrast_of, find_nuclei, stain_of
from edge.fields.parameters import Parameters

_SIDE = 1000  # pixels of the longer side that show cells of most fields well enough
_BLUR, _BLUR_IF_LARGE = 0.7, 1.0  # pixels: noise of a camera
_LARGE = 45.0  # diameter of a nucleus, in pixels, from which its texture disturbs more than blur
_SEEN_WELL = 18.0  # diameter of a nucleus, in pixels: below, an outline is no longer exact


@dataclass(frozen=True)
class Work:
    """A field as it is worked on.

    Attributes
    ----------
    by : int
        Pixels of the field, along a side, that one here stands for.
    density : ndarray of float32, shape (height, width, 3)
    contrast, stain : ndarray of float32, shape (height, width)
    nuclei : Nuclei or None
    """

    by: int
    density: Floats
    contrast: Floats
    stain: Floats
    nuclei: Nuclei | None


def prepare_field(rgb: UInt8Image, parameters: Parameters) -> Work:
    """Reduce a field as far as its nuclei stay large enough to be outlined."""
    by = 1
    while max(rgb.shape[:2]) / by > _SIDE:
        by *= 2
    background = background_of(_reduced(rgb, by))
    work = _at(rgb, background, by, parameters, _BLUR)
    while by > 1 and (work.nuclei is None or work.nuclei.diameter < _SEEN_WELL):
        by //= 2
        work = _at(rgb, background, by, parameters, _BLUR)
    if work.nuclei is not None and work.nuclei.diameter > _LARGE:
        work = _at(rgb, background, by, parameters, _BLUR_IF_LARGE)
    return work


def _at(rgb: UInt8Image, background: Floats, by: int, parameters: Parameters, blur: float) -> Work:
    density = density_of(_reduced(rgb, by), background)
    density = np.asarray(cv2.GaussianBlur(density, (0, 0), blur), np.float32)
    contrast = contrast_of(density)  # which grey light does not change
    density = evened(density, contrast)
    stain = stain_of(density)
    return Work(by, density, contrast, stain, find_nuclei(density, contrast, stain, parameters))


def _reduced(rgb: UInt8Image, by: int) -> UInt8Image:
    if by == 1:
        return rgb
    height, width = rgb.shape[:2]
    shape = max(width // by, 1), max(height // by, 1)
    whole = rgb[: shape[1] * by, : shape[0] * by]
    return np.asarray(cv2.resize(whole, shape, interpolation=cv2.INTER_AREA), np.uint8)
