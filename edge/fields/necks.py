"""Pieces of a mask, cut at their necks: what touches is told apart."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from edge.fields.numbered import Labels, Numbered, Points, hull_of

_SMALLEST_SPLIT = 30  # pixels: in less nobody sees two nuclei
_CONVEX = 0.93  # share of the hull: two discs that touch fill 0.88
_RISE, _LEAST_RISE = 0.15, 0.75  # of a maximum above the neck: share of the deepest, and pixels
_DEEP = 0.35  # share of the deepest from which a maximum is the middle of a part
_AT_ONCE = 4  # steps: looking whether something still grows takes as long as these


def cut_at_necks(mask: npt.NDArray[np.uint8]) -> Numbered:
    """Number the pieces of a mask, each cut where it is narrow between two wide places.

    Parameters
    ----------
    mask : ndarray of uint8, shape (height, width)
        0, and 1 where something is.
    """
    _, labels, stats, middles = cv2.connectedComponentsWithStats(mask, connectivity=4)
    parts = np.array(labels, np.int32)
    known = list(zip(stats[1:].tolist(), middles[1:].tolist(), strict=True))
    boxes = [each[:4] for each, _ in known]
    areas = [each[4] for each, _ in known]
    centres = [middle for _, middle in known]
    hulls: list[Points] = []
    cut: list[Points] = []
    for number, (x, y, width, height) in enumerate(list(boxes), 1):
        window = slice(y, y + height), slice(x, x + width)
        inside = np.asarray(labels[window] == number, np.uint8)
        outline = _outline_of(inside)
        hull = hull_of(outline)
        if areas[number - 1] < _SMALLEST_SPLIT or _is_convex(outline, hull):
            hulls.append(np.add(hull, (x, y), dtype=np.int32))
            continue
        found = _parts_of(inside)
        for at, part in enumerate(np.unique(found[found > 0]).tolist()):
            here = np.asarray(found == part, np.uint8)
            box, area, middle, hull = _measured(here, x, y)
            if at == 0:  # the first keeps the number of the piece
                boxes[number - 1], areas[number - 1], centres[number - 1] = box, area, middle
                hulls.append(hull)
            else:
                parts[window][here > 0] = len(areas) + 1
                boxes.append(box)
                areas.append(area)
                centres.append(middle)
                cut.append(hull)
    return Numbered(
        parts,
        np.array(areas, np.int64),
        np.array(centres, np.float64).reshape(-1, 2),
        np.array(boxes, np.int32).reshape(-1, 4),
        (*hulls, *cut),
    )


def _measured(
    here: npt.NDArray[np.uint8], x: int, y: int
) -> tuple[list[int], int, list[float], Points]:
    """Box, area, centre and hull of a part in a window at x and y."""
    left, top, width, height = cv2.boundingRect(here)
    moments = cv2.moments(here, binaryImage=True)
    area = int(moments["m00"])
    centre = [x + moments["m10"] / area, y + moments["m01"] / area]
    hull = np.add(hull_of(_outline_of(here)), (x, y), dtype=np.int32)
    return [x + left, y + top, width, height], area, centre, hull


def _outline_of(inside: npt.NDArray[np.uint8]) -> Points:
    """Points of the outlines of all that is in a window."""
    outlines, _ = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return np.asarray(np.concatenate(outlines) if len(outlines) > 1 else outlines[0], np.int32)


def _is_convex(outline: Points, hull: Points) -> bool:
    """Whether a piece is so nearly, and has no neck to be cut at."""
    return cv2.contourArea(outline) >= _CONVEX * cv2.contourArea(hull)


def _parts_of(inside: npt.NDArray[np.uint8]) -> Labels:
    """Parts of one piece: where its distance from the edge has maxima that necks part."""
    padded = cv2.copyMakeBorder(inside, 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    depth = cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1]
    deepest = float(depth.max())
    # by how much a maximum has to rise above the neck to the next one
    rise = max(_RISE * deepest, _LEAST_RISE)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    lowered = depth - rise
    for _ in range(50):
        before = lowered
        for _ in range(_AT_ONCE):
            lowered = np.minimum(cv2.dilate(lowered, kernel), depth)
        if np.array_equal(before, lowered):
            break
    tops = np.asarray((depth - lowered > 1e-3) & (depth > _DEEP * deepest), np.uint8)
    count, markers = cv2.connectedComponents(tops, connectivity=8)
    if count <= 2:
        return inside.astype(np.int32)
    distances = [
        cv2.distanceTransform(np.asarray(markers != number, np.uint8), cv2.DIST_L2, 5)
        - float(depth[markers == number].max())
        for number in range(1, count)
    ]
    return np.where(inside > 0, np.argmin(distances, axis=0) + 1, 0).astype(np.int32)
