"""Numbered pieces of an image, and what is known of each."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.int32]
Points = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Numbered:
    """Pieces of an image, numbered from 1; the first is number 1 and at index 0.

    What is known of a piece was found where it lies: nobody has to look for its pixels again.

    Attributes
    ----------
    labels : ndarray of int32, shape (height, width)
        0 where there is none.
    areas : ndarray of int64, shape (n,)
        Pixels.
    centres : ndarray of float64, shape (n, 2)
        Mean x and y.
    boxes : ndarray of int32, shape (n, 4)
        x, y, width and height.
    hulls : tuple of ndarray of int32, shape (k, 2)
        Corners (x, y) of the hull, which are pixels of the piece.
    """

    labels: Labels
    areas: npt.NDArray[np.int64]
    centres: npt.NDArray[np.float64]
    boxes: npt.NDArray[np.int32]
    hulls: tuple[Points, ...]

    @property
    def count(self) -> int:
        """Largest number."""
        return len(self.areas)


def hull_of(points: Points) -> Points:
    """Corners of the hull of points; shapes (k, 2) and (n, 2)."""
    return np.asarray(cv2.convexHull(points), np.int32).reshape(-1, 2)


def join_pieces(pieces: Numbered, groups: npt.NDArray[np.int32]) -> Numbered:
    """Number pieces anew, some of them as one.

    Parameters
    ----------
    pieces : Numbered
    groups : ndarray of int32, shape (pieces.count + 1,)
        New number of each number, from 1 without gaps; 0 for what is left out.
    """
    members: list[list[int]] = [[] for _ in range(int(groups.max()))]
    for at, group in enumerate(groups[1:].tolist()):
        if group:
            members[group - 1].append(at)
    areas = np.array([pieces.areas[each].sum() for each in members], np.int64)
    weighted = pieces.centres * pieces.areas[:, None]
    centres = np.array([weighted[each].sum(axis=0) for each in members]).reshape(-1, 2)
    boxes = np.array([_around(pieces.boxes[each]) for each in members], np.int32).reshape(-1, 4)
    hulls = tuple(
        pieces.hulls[each[0]]
        if len(each) == 1
        else hull_of(np.concatenate([pieces.hulls[at] for at in each]))
        for each in members
    )
    return Numbered(groups[pieces.labels], areas, centres / areas[:, None], boxes, hulls)


def _around(boxes: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Box around boxes; shapes (4,) and (n, 4)."""
    if len(boxes) == 1:
        return np.asarray(boxes[0], np.int32)
    start = boxes[:, :2].min(axis=0)
    return np.concatenate((start, (boxes[:, :2] + boxes[:, 2:]).max(axis=0) - start))
