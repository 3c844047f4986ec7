"""Pixels of numbered pieces of an image."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.int32]
Points = npt.NDArray[np.int32]


def points_of(labels: Labels, count: int) -> list[Points]:
    """Points (x, y) of each number from 0 on; those of 0 are left empty.

    Parameters
    ----------
    labels : ndarray of int32, shape (height, width)
    count : int
        Largest number.

    Returns
    -------
    list of ndarray of int32, shape (n, 2)
    """
    y, x = np.nonzero(labels)
    numbers = labels[y, x]
    order = np.argsort(numbers, kind="stable")
    points = np.stack((x, y), axis=1).astype(np.int32)[order]
    ends = np.searchsorted(numbers[order], np.arange(count + 2))
    return [points[start:end] for start, end in pairwise(ends)]
