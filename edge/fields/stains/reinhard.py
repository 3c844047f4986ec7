"""Colours of one field made those of another by mean and spread, after Reinhard."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from edge.crops.preprocess import UInt8Image

_LEAST_SPREAD = 1e-3  # of a channel that is the same everywhere


@dataclass(frozen=True)
class Reinhard:
    """Colours of a field as mean and spread of L*, a* and b*.

    Attributes
    ----------
    mean, spread : ndarray of float64, shape (3,)

    References
    ----------
    E. Reinhard, M. Ashikhmin, B. Gooch, P. Shirley: Color transfer between images. IEEE Computer
    Graphics and Applications 21, 2001, 34-41. CIE L*a*b* stands for their l-alpha-beta.
    """

    mean: npt.NDArray[np.float64]
    spread: npt.NDArray[np.float64]

    @classmethod
    def of(cls, rgb: UInt8Image) -> Reinhard:
        """Measure the colours of a field, uint8 of shape (height, width, 3)."""
        lab = _to_lab(rgb).reshape(-1, 3).astype(np.float64)
        return cls(lab.mean(axis=0), np.maximum(lab.std(axis=0), _LEAST_SPREAD))

    def normalised(self, rgb: UInt8Image) -> UInt8Image:
        """Give a field these colours; shape (height, width, 3)."""
        own = Reinhard.of(rgb)
        lab = (_to_lab(rgb) - own.mean) * (self.spread / own.spread) + self.mean
        light = cv2.cvtColor(lab.astype(np.float32), cv2.COLOR_Lab2RGB)
        return np.asarray(np.clip(np.rint(light * 255), 0, 255), np.uint8)


def _to_lab(rgb: UInt8Image) -> npt.NDArray[np.float32]:
    light = rgb.astype(np.float32) / np.float32(255)
    return np.asarray(cv2.cvtColor(light, cv2.COLOR_RGB2Lab), np.float32)
