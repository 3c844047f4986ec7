"""Colours of one field made those of another by its two stains, after Macenko."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge.crops.preprocess import UInt8Image
from edge.errors import CropUnreadable
from edge.fields.illumination import OFFSET, background_of, density_of

_STAINED = 0.06  # density (base 10) below which a place is empty: 0.15 in natural logarithms
_ANGLES = (1, 99)  # percentiles: the colours of nearly one stain alone
_STRONGEST = 99  # percentile of the amount of a stain
_FEWEST = 100  # stained pixels that tell two stains
_APART = 0.05  # sine of the angle between two stains that can be told

_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Macenko:
    """Colours of a field as its two stains and an empty place.

    Attributes
    ----------
    stains : ndarray of float64, shape (2, 3)
        Densities of red, green and blue, of length 1: the one that takes more red (azure) first.
    strongest : ndarray of float64, shape (2,)
        Amount of each where there is most of it.
    background : ndarray of float64, shape (3,)
        Grey levels of an empty place.

    References
    ----------
    M. Macenko et al.: A method for normalizing histology slides for quantitative analysis. IEEE
    International Symposium on Biomedical Imaging, 2009, 1107-1110.
    """

    stains: _Floats
    strongest: _Floats
    background: _Floats

    @classmethod
    def of(cls, rgb: UInt8Image) -> Macenko:
        """Measure the colours of a field, uint8 of shape (height, width, 3).

        Raises
        ------
        CropUnreadable
            ``no-cells`` if it has no two stains.
        """
        background = background_of(rgb)
        density = density_of(rgb, background).reshape(-1, 3).astype(np.float64)
        stained = density[(density > _STAINED).any(axis=1)]
        if len(stained) < _FEWEST:
            raise _no_stains()
        _, directions = np.linalg.eigh(np.cov(stained.T))
        plane = directions[:, [2, 1]]
        plane = plane * np.where(plane.sum(axis=0) < 0, -1, 1)
        angles = np.arctan2(stained @ plane[:, 1], stained @ plane[:, 0])
        ends = np.percentile(angles, _ANGLES)
        if np.sin(ends[1] - ends[0]) < _APART:
            raise _no_stains()
        stains = np.stack([plane @ (np.cos(end), np.sin(end)) for end in ends])
        stains = stains[np.argsort(-stains[:, 0])]
        amounts = _amounts(stained, stains)
        strongest = np.maximum(np.percentile(amounts, _STRONGEST, axis=0), 1e-3)
        return cls(stains, strongest, background.astype(np.float64))

    def normalised(self, rgb: UInt8Image) -> UInt8Image:
        """Give a field these colours; shape (height, width, 3).

        Raises
        ------
        CropUnreadable
            As :meth:`of`.
        """
        own = Macenko.of(rgb)
        density = density_of(rgb, own.background.astype(np.float32)).reshape(-1, 3)
        amounts = _amounts(density.astype(np.float64), own.stains)
        amounts *= self.strongest / own.strongest
        light = (self.background + OFFSET) * 10 ** -(amounts @ self.stains) - OFFSET
        return np.clip(np.rint(light), 0, 255).astype(np.uint8).reshape(rgb.shape)


def _amounts(density: _Floats, stains: _Floats) -> _Floats:
    """How much of each stain there is, by least squares; shape (n, 2)."""
    return np.asarray(density @ np.linalg.pinv(stains))


def _no_stains() -> CropUnreadable:
    return CropUnreadable(
        "no-cells", "no two stains can be told in it; look at the field, or leave out --stain"
    )
