"""What red cells of a field look like: an outline must not take them in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from edge.fields.illumination import Floats
from edge.fields.numbered import Numbered
from edge.fields.parameters import CLOSE_UP

_STAINED = 0.07  # density from which something lies there
_NEAR_RED, _NEAR_RED_IN_FIELD = 2.0, 3.0  # spreads within which a place may be a red cell
_MANY = 5  # nuclei of a field, not of a close-up
_FAR_IN_FIELD, _SHARE_IN_FIELD = 0.5, 0.1  # between many cells there is less room
_FAR = 1.0  # radii of a nucleus (and its hull) from it: beyond most cytoplasm
_SHARE = 0.5  # of the nuclear area: what is less may be cytoplasm of large cells
_THICKNESS = 0.4  # spread of the thickness of a red cell, in shares of its mean
_SEEN = 3  # pixels: fewer have no hull
_SAMPLED = 20_000  # pixels that tell enough


@dataclass(frozen=True)
class RedCells:
    """Density of red cells.

    Attributes
    ----------
    mean : ndarray of float64, shape (3,)
    covariance : ndarray of float64, shape (3, 3)
    reach : float
        Spreads within which a place may be a red cell.
    """

    mean: npt.NDArray[np.float64]
    covariance: npt.NDArray[np.float64]
    reach: float

    @property
    def paler_and_darker(self) -> npt.NDArray[np.float64]:
        """Covariance of how thick they are: pale in the middle, dark where two lie."""
        return np.outer(self.mean, self.mean) * _THICKNESS**2

    def distance(self, density: Floats) -> Floats:
        """Spreads of densities, shape (height, width, 3), from red cells of any thickness."""
        along = cv2.transform(density, self._in_spreads)
        squares = cv2.transform(cv2.multiply(along, along), np.ones((1, 3)))
        return np.asarray(cv2.sqrt(squares), np.float32)

    @cached_property
    def _in_spreads(self) -> npt.NDArray[np.float64]:
        """Matrix, shape (3, 4), of what has the length of a distance."""
        inverse = np.linalg.inv(self.covariance + self.paler_and_darker)
        root = np.linalg.cholesky(inverse).T
        return np.column_stack((root, -root @ self.mean))


def find_red_cells(density: Floats, stain: Floats, nuclei: Numbered) -> RedCells | None:
    """Look at what is stained far from all nuclei; None where that is too little to tell.

    Parameters
    ----------
    density : ndarray of float32, shape (height, width, 3)
    stain : ndarray of float32, shape (height, width)
    nuclei : Numbered
    """
    step = max(1, int(np.sqrt(stain.size / _SAMPLED)))
    hulls, radius = _hulls_of(nuclei)
    distance = cv2.distanceTransform(np.asarray(hulls == 0, np.uint8), cv2.DIST_L2, 3)
    is_field = nuclei.count >= _MANY and 2 * radius < CLOSE_UP * min(stain.shape)
    away, share = (_FAR_IN_FIELD, _SHARE_IN_FIELD) if is_field else (_FAR, _SHARE)
    far = distance[::step, ::step] > away * radius
    chosen = far & (stain[::step, ::step] > _STAINED)
    nuclear = float(np.count_nonzero(nuclei.labels[::step, ::step]))
    if np.count_nonzero(chosen) < max(30, share * nuclear):
        return None
    values = density[::step, ::step][chosen].astype(np.float64)
    off = np.abs(values - np.median(values, axis=0)).sum(axis=1)
    values = values[off <= np.percentile(off, 80)]
    reach = _NEAR_RED_IN_FIELD if is_field else _NEAR_RED
    return RedCells(values.mean(axis=0), np.cov(values.T) + 1e-4 * np.eye(3), reach)


def _hulls_of(nuclei: Numbered) -> tuple[npt.NDArray[np.uint8], float]:
    """Hulls of all nuclei, filled, and the radius of one of the larger ones."""
    filled = np.asarray(nuclei.labels > 0, np.uint8)
    radii = []
    for area, hull in zip(nuclei.areas.tolist(), nuclei.hulls, strict=True):
        if area >= _SEEN:
            cv2.fillConvexPoly(filled, hull, 1)
            radii.append(np.sqrt(cv2.contourArea(hull) / np.pi))
    return filled, float(np.percentile(radii, 90)) if radii else 0.0
