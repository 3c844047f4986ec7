"""Where a histogram falls into two."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

_STEPS = 255


def otsu(values: npt.NDArray[np.float32], low: float, high: float) -> float:
    """Threshold that leaves the least variance on its sides.

    Parameters
    ----------
    values : ndarray of float32, shape (n,)
    low, high : float
        Values beyond them count as they.

    Returns
    -------
    float
        `low` where nothing is between them.

    References
    ----------
    N. Otsu: A threshold selection method from gray-level histograms. IEEE Transactions on Systems,
    Man, and Cybernetics 9, 1979, 62-66.
    """
    if high <= low or not len(values):
        return low
    step = (high - low) / _STEPS
    levels = np.clip((values - low) * (1 / step), 0, _STEPS).astype(np.uint8)
    level, _ = cv2.threshold(levels[:, None], 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    return float(low + (level + 1) * step)
