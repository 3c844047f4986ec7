"""Nuclei of a field: parts of them first, then which parts are lobes of one cell."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from edge.fields.illumination import Floats
from edge.fields.necks import cut_at_necks
from edge.fields.numbered import Labels, Numbered, join_pieces
from edge.fields.parameters import CLOSE_UP, Parameters
from edge.fields.red_cells import find_red_cells
from edge.fields.thresholds import otsu
from edge.samples import Box

CONTRAST = (-0.4, 1.0, -0.6)
"""Of the densities of red, green and blue: azure and eosin of a nucleus take green most, red
cells take blue (haemoglobin) or, where the white balance is off, red as much."""

STAIN = (0.35, 0.4, 0.25)
"""Of the densities: everything that is not empty."""

_MOST_PARTS = 4000  # of a field: dirt, or no smear at all
_STAINED = 0.02  # density from which something lies there
_SEEN = 6  # pixels: what is smaller is noise
_FEW_PARTS = 6  # of which no size is typical: lobes of one cell may be all there is
_SEVERAL = 1.8  # typical areas: a part with a hole that is so large is several cells
_EMPTY = 0.6  # share of the threshold below which a hole shows what lies between cells
_WHOLE = 0.45  # share of the typical area from which a part can be a nucleus of its own
_MORE_THAN_ONE = 1.3  # typical areas
_LOBE = 0.1  # share of the typical area: what is smaller is no lobe of a nucleus
_FRAGMENT = 0.3  # share of the typical area: a piece of a nucleus, not a nucleus
_NEAR = 0.9  # diameters of a nucleus between lobes, at most
# radii of the larger part from the edge of what is stained: a cell is larger than its lobes
_WITHIN, _WITHIN_IF_FRAGMENT, _WITHIN_IF_TWO = 1.0, 0.8, 2.0


@dataclass(frozen=True)
class Nuclei:
    """Nuclei of a field.

    Attributes
    ----------
    pieces : Numbered
        Lobes of one cell have one number.
    diameter : float
        Of the typical one, in pixels: by area, half of the nuclear area is in larger ones.
    threshold : float
        Contrast above which it is nucleus.
    fragments : tuple of Box
        What is stained as nuclei are, and smaller than a lobe of one.
    """

    pieces: Numbered
    diameter: float
    threshold: float
    fragments: tuple[Box, ...]

    @cached_property
    def nearest(self) -> Labels:
        """Number of the nearest nucleus of each pixel; shape (height, width)."""
        return _nearest(self.pieces.labels)


def contrast_of(density: Floats) -> Floats:
    """Contrast of the stain of nuclei; shape (height, width)."""
    return np.asarray(cv2.transform(density, np.array([CONTRAST], np.float32)), np.float32)


def stain_of(density: Floats) -> Floats:
    """Density of any stain; shape (height, width)."""
    return np.asarray(cv2.transform(density, np.array([STAIN], np.float32)), np.float32)


def find_nuclei(
    density: Floats, contrast: Floats, stain: Floats, parameters: Parameters
) -> Nuclei | None:
    """Find nuclei, and tell lobes of one cell from cells that touch.

    Parameters
    ----------
    density : ndarray of float32, shape (height, width, 3)
    contrast, stain : ndarray of float32, shape (height, width)
    parameters : Parameters

    Returns
    -------
    Nuclei or None
        None where nothing is stained as nuclei are.
    """
    smooth = np.asarray(cv2.GaussianBlur(contrast, (0, 0), 1.2), np.float32)
    stained = smooth[smooth > parameters.floor]
    if stained.size < 20:
        return None
    top = float(np.percentile(stained, 98))
    # of the root: pale nuclei beside dark ones shall be nuclei, too
    threshold = otsu(np.sqrt(np.minimum(stained, top)), parameters.floor**0.5, top**0.5) ** 2
    parts = _parts_of(smooth, threshold)
    if not 0 < parts.count <= _MOST_PARTS:
        return None
    typical = _typical(parts.areas)
    size = float(np.sqrt(4 * typical / np.pi)) / min(contrast.shape)
    large = np.count_nonzero(parts.areas >= max(_LOBE * typical, 12))
    is_field = bool(large >= _FEW_PARTS and size < CLOSE_UP)
    reached = _reached(density, stain, parts, is_field)
    groups = _group_lobes(parts, typical, reached, is_field, parameters)
    if not groups.any():
        return None
    pieces = join_pieces(parts, groups)
    diameter = float(np.sqrt(4 * _typical(pieces.areas) / np.pi))
    return Nuclei(pieces, diameter, threshold, _fragments(parts, groups))


def _fragments(parts: Numbered, groups: npt.NDArray[np.int32]) -> tuple[Box, ...]:
    """Boxes around the parts that are in no group."""
    alone = (groups[1:] == 0) & (parts.areas >= _SEEN)
    return tuple(Box(*each) for each in parts.boxes[alone].tolist())


def _nearest(labels: Labels) -> Labels:
    """Number of the nearest nucleus of each pixel."""
    empty = np.asarray(labels == 0, np.uint8)
    _, pixels = cv2.distanceTransformWithLabels(
        empty, cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
    )
    numbers = np.zeros(int(pixels.max()) + 1, np.int32)
    inside = empty == 0
    numbers[pixels[inside]] = labels[inside]
    return np.asarray(numbers[pixels], np.int32)


def _parts_of(contrast: Floats, threshold: float) -> Numbered:
    """What is dark, with its holes filled unless cells lie around them, cut at its necks."""
    dark = np.asarray(contrast > threshold, np.uint8)
    filled = _filled(dark)
    parts = cut_at_necks(filled)
    if not 0 < parts.count <= _MOST_PARTS:
        return parts
    between = _between_cells(np.asarray(filled - dark, np.uint8), contrast, threshold, parts)
    return cut_at_necks(np.asarray(filled & ~between)) if between.any() else parts


def _filled(mask: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return np.asarray(cv2.drawContours(mask.copy(), outlines, -1, 1, cv2.FILLED), np.uint8)


def _between_cells(
    holes: npt.NDArray[np.uint8], contrast: Floats, threshold: float, parts: Numbered
) -> npt.NDArray[np.uint8]:
    """Holes that are no part of a nucleus: cells that touch in a ring have one between them."""
    between = np.zeros_like(holes)
    several = _SEVERAL * _typical(parts.areas)
    if parts.areas.max() <= several:
        return between
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(holes, connectivity=4)
    for number in range(1, count):
        x, y, width, height, area = boxes[number].tolist()
        window = slice(y, y + height), slice(x, x + width)
        hole = labels[window] == number
        around = parts.areas[parts.labels[window][hole] - 1].max()
        is_empty = contrast[window][hole].min() < _EMPTY * threshold
        if area >= _SEEN and around > several and is_empty:
            between[window][hole] = 1
    return between


def _typical(areas: npt.NDArray[np.integer]) -> float:
    """Area such that half of all is in larger ones."""
    ordered = np.sort(areas)[::-1]
    return float(ordered[np.searchsorted(np.cumsum(ordered), ordered.sum() / 2)])


def _reached(
    density: Floats, stain: Floats, parts: Numbered, is_field: bool
) -> npt.NDArray[np.uint8]:
    """Where a white cell may be: 1 where it is stained, in a field not as red cells are."""
    reached = stain > _STAINED
    red = find_red_cells(density, stain, parts) if is_field else None
    if red is not None:
        reached &= (parts.labels > 0) | (red.distance(density) > red.reach)
    return np.asarray(reached, np.uint8)


def _group_lobes(
    parts: Numbered,
    typical: float,
    reached: npt.NDArray[np.uint8],
    is_field: bool,
    parameters: Parameters,
) -> npt.NDArray[np.int32]:
    """Number of the cell of each part, from 1; 0 for what is too small to be a lobe."""
    count, areas = parts.count, parts.areas
    kept = np.flatnonzero(areas >= max(_LOBE * typical, 12)) + 1
    centres = np.concatenate(([(0, 0)], parts.centres))
    radii = np.sqrt(np.concatenate(([0], areas)) / np.pi)
    depth = np.asarray(cv2.distanceTransform(reached, cv2.DIST_L2, 3), np.float32)
    cell = list(range(count + 1))
    near = _NEAR * float(np.sqrt(4 * typical / np.pi))
    for at, one in enumerate(kept.tolist()):
        others = kept[at + 1 :]
        gaps = np.hypot(*(centres[others] - centres[one]).T) - radii[others] - radii[one]
        for other in others[gaps <= near].tolist():
            sizes = sorted((areas[one - 1] / typical, areas[other - 1] / typical))
            may_be_two = sizes[0] >= _WHOLE and sum(sizes) > _MORE_THAN_ONE
            may_be_two &= is_field
            within = _WITHIN
            if sizes[0] < _FRAGMENT:
                within = _WITHIN_IF_FRAGMENT
            elif may_be_two:
                within = _WITHIN_IF_TWO
            neck, middle = _depths(depth, centres[one], centres[other])
            if neck >= parameters.neck and middle >= within * max(radii[one], radii[other]):
                _join(cell, one, other)
    roots = [_root(cell, part) for part in kept.tolist()]
    numbers = {root: number for number, root in enumerate(dict.fromkeys(roots), 1)}
    groups = np.zeros(count + 1, np.int32)
    groups[kept] = [numbers[root] for root in roots]
    return groups


def _depths(
    depth: Floats, start: npt.NDArray[np.float64], end: npt.NDArray[np.float64]
) -> tuple[float, float]:
    """How deep in what is stained the way between two points lies.

    Returns
    -------
    tuple of float
        At its narrowest, against its ends; and in the middle, in pixels.
    """
    steps = max(int(np.hypot(*(end - start))), 3)
    x, y = np.rint(np.linspace(start, end, steps)).astype(np.intp).T
    profile = depth[y, x]
    neck = float(profile.min() / max(min(profile[0], profile[-1]), 1e-6))
    return neck, float(profile[steps // 2])


def _root(cell: list[int], part: int) -> int:
    while cell[part] != part:
        part = cell[part]
    return part


def _join(cell: list[int], one: int, other: int) -> None:
    cell[_root(cell, one)] = _root(cell, other)
