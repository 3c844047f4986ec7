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
    places = np.flatnonzero(labels)
    numbers = labels.ravel()[places]
    if count < 1 << 16:  # which is sorted in far less time
        numbers = numbers.astype(np.uint16)
    order = np.argsort(numbers, kind="stable")
    y, x = np.divmod(places[order].astype(np.int32), np.int32(labels.shape[1]))
    points = np.stack((x, y), axis=1)
    ends = np.searchsorted(numbers[order], np.arange(count + 2))
    return [points[start:end] for start, end in pairwise(ends)]


def edges_of(labels: Labels) -> Labels:
    """Numbers of the pixels beside one of another number or at the edge; 0 elsewhere.

    Their hulls, and what is furthest away, are those of all pixels.

    Parameters
    ----------
    labels : ndarray of int32, shape (height, width)
    """
    inner = np.zeros(labels.shape, bool)
    middle = labels[1:-1, 1:-1]
    inner[1:-1, 1:-1] = (middle == labels[:-2, 1:-1]) & (middle == labels[2:, 1:-1])
    inner[1:-1, 1:-1] &= (middle == labels[1:-1, :-2]) & (middle == labels[1:-1, 2:])
    return np.where(inner, np.int32(0), labels)
