"""Which objects of a field are cells, and why the others are not."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from edge.fields.cells import Cell, Found, filled_outline
from edge.fields.illumination import Floats
from edge.fields.nuclei import Nuclei
from edge.fields.parameters import LARGEST_CELL, SMALLEST_NUCLEUS, Parameters
from edge.fields.thresholds import otsu
from edge.fields.work import Work
from edge.samples import Box

_OF_NUCLEUS = 0.72  # least contrast of a nucleus, in shares of its stain; red cells: 0.2 to 0.81
_SURELY = 1.0  # share that no red cell has
_PALE = 0.13  # contrast of no nucleus whose share is less than sure: the reddest red cells have 0.1
_COLOURLESS = 0.35  # share of the stain below which a dark thing has no colour of a nucleus
_BLACK = 0.3  # density from which a thing that is not a nucleus is dirt, or a scale bar
_LEAST_BLACK = 0.1  # share of the area of a nucleus
_PALE_AND_ODD = 0.78  # share of the typical contrast below which an odd object is a ghost
_PINKER = 1.12  # times the typical share: what is left of a cell that burst takes eosin only
_BEYOND = 0.05  # share of the outline that may lie beyond the edge: it is not exact
_TWO_TONES = 0.05  # contrast between cytoplasm and nucleus that can be told
_FEW = 6  # cells of which no size is typical
_GIANT = 5.0  # times the typical area: a clump


@dataclass(frozen=True)
class _Object:
    """One object around a nucleus; lengths in pixels of the work.

    Attributes
    ----------
    nucleus : ndarray of uint8, shape (height, width) of the box
        1 where it is.
    nucleus_area, area : int
        Of the nucleus, and of the whole.
    contrast, share : float
        Mean contrast of the nucleus, and its share of the stain.
    solidity : float
        Of the nucleus: its area over that of its hull.
    is_cut : bool
        The edge of the field cuts it.
    """

    outline: Floats
    box: Box
    nucleus: npt.NDArray[np.uint8]
    nucleus_area: int
    area: int
    contrast: float
    share: float
    solidity: float
    is_cut: bool


def sort_out(
    work: Work,
    nuclei: Nuclei,
    outlines: Floats,
    parameters: Parameters,
    um_per_pixel: float | None,
) -> Found:
    """Part cells from everything else.

    Parameters
    ----------
    work : Work
    nuclei : Nuclei
        Of it.
    outlines : ndarray of float32, shape (nuclei.count, n, 2)
        In pixels of the work.
    parameters : Parameters
    um_per_pixel : float or None
        Of the field.
    """
    objects = _objects_of(work, nuclei, outlines)
    um = um_per_pixel and um_per_pixel * work.by
    judge = _Judge(objects, parameters, um)
    cells: list[Cell] = []
    left: dict[str, list[Box]] = {}
    for each in objects:
        reason = judge.why_not(each)
        if reason is None:
            cells.append(_cell_of(each, work.by))
        else:
            left.setdefault(reason, []).append(_enlarged(each.box, work.by))
    small = [_enlarged(box, work.by) for box in nuclei.fragments]
    if small:
        left["small"] = [*left.get("small", []), *small]
    black = _black_things(work, nuclei, parameters)
    if black:
        left["no-nucleus"] = [*left.get("no-nucleus", []), *black]
    cells.sort(key=lambda cell: (cell.box.y, cell.box.x))
    return Found(tuple(cells), {reason: tuple(boxes) for reason, boxes in left.items()})


class _Judge:
    """Says why an object is no cell, by the other objects of the field, or by its scale."""

    def __init__(
        self, objects: list[_Object], parameters: Parameters, um_per_pixel: float | None
    ) -> None:
        self._parameters = parameters
        self._um = um_per_pixel
        nuclei = np.array([each.nucleus_area for each in objects], np.float64)
        self._nucleus = _weighted_median(nuclei, nuclei)
        self._contrast = _weighted_median(np.array([each.contrast for each in objects]), nuclei)
        self._share = _weighted_median(np.array([each.share for each in objects]), nuclei)
        areas = np.array([each.area for each in objects], np.float64)
        self._area = _weighted_median(areas, areas) if len(objects) >= _FEW else None

    def why_not(self, each: _Object) -> str | None:
        """Reason of :data:`~edge.fields.cells.LEFT_OUT`; None for a cell."""
        if each.share < _OF_NUCLEUS or (each.share < _SURELY and each.contrast < _PALE):
            return "no-nucleus"
        if self._is_small(each):
            return "small"
        if each.is_cut and not self._parameters.keeps_cut:
            return "border"
        if self._is_too_large(each):
            return "too-large"
        pale = each.contrast / max(self._contrast, 1e-6)
        is_odd = each.solidity < self._parameters.ragged or each.share > _PINKER * self._share
        if pale < self._parameters.pale or (pale < _PALE_AND_ODD and is_odd):
            return "ghost"
        return None

    def _is_small(self, each: _Object) -> bool:
        if self._um is not None:
            diameter = np.sqrt(4 * each.nucleus_area / np.pi) * self._um
            return bool(diameter < SMALLEST_NUCLEUS)
        return each.nucleus_area < self._parameters.small * self._nucleus

    def _is_too_large(self, each: _Object) -> bool:
        if self._um is not None:
            return bool(np.sqrt(4 * each.area / np.pi) * self._um > LARGEST_CELL)
        return self._area is not None and each.area > _GIANT * self._area


def _weighted_median(values: npt.NDArray[np.float64], weights: npt.NDArray[np.float64]) -> float:
    order = np.argsort(values)
    sums = np.cumsum(weights[order])
    return float(values[order[np.searchsorted(sums, sums[-1] / 2)]])


def _objects_of(work: Work, nuclei: Nuclei, outlines: Floats) -> list[_Object]:
    height, width = work.stain.shape
    beyond = ((outlines < 0) | (outlines > (width - 1, height - 1))).any(axis=2)
    cut = (beyond.mean(axis=1) > _BEYOND).tolist()
    low = np.maximum(np.floor(outlines.min(axis=1)), 0).astype(int)
    high = np.minimum(np.ceil(outlines.max(axis=1)) + 1, (width, height)).astype(int)
    sides = np.maximum(high - low, 1)
    boxes = (Box(*each) for each in np.column_stack((low, sides)).tolist())
    numbered = enumerate(zip(outlines, boxes, cut, strict=True), 1)
    return [_object_of(work, nuclei, *each, number) for number, each in numbered]


def _object_of(
    work: Work, nuclei: Nuclei, outline: Floats, box: Box, is_cut: bool, number: int
) -> _Object:
    window = slice(box.y, box.y + box.height), slice(box.x, box.x + box.width)
    mask = filled_outline(outline, box)
    contrast, area = work.contrast[window], int(np.count_nonzero(mask))
    nucleus, hull = _nucleus_in(contrast, mask & (nuclei.nearest[window] == number), nuclei)
    size = cv2.countNonZero(nucleus)
    if not size:
        return _Object(outline, box, nucleus, 0, area, 0.0, 0.0, 0.0, is_cut)
    mean = cv2.mean(contrast, nucleus)[0]
    share = mean / max(cv2.mean(work.stain[window], nucleus)[0], 1e-6)
    solidity = size / max(cv2.contourArea(hull), 1.0)
    return _Object(outline, box, nucleus, size, area, mean, share, solidity, is_cut)


def _nucleus_in(
    contrast: Floats, mask: npt.NDArray[np.bool_], nuclei: Nuclei
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32]]:
    """Where the nucleus of one cell is: what is darkest in it, with its holes filled; and its hull.

    The hull has no points where there is no nucleus.
    """
    values = np.sqrt(np.maximum(contrast[mask], 0))  # the root: as for nuclei of a field
    threshold = nuclei.threshold
    if len(values):
        ends = int(0.01 * len(values)), int(0.98 * len(values))
        low, high = np.partition(values, ends)[list(ends)].tolist()
        if high**2 - low**2 > _TWO_TONES:
            threshold = otsu(values, low, high) ** 2
    inside = ((contrast > threshold) & mask).view(np.uint8)
    outlines, _ = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not outlines:
        return inside, np.empty((0, 1, 2), np.int32)
    cv2.drawContours(inside, outlines, -1, 1, cv2.FILLED)
    return inside, np.asarray(cv2.convexHull(np.concatenate(outlines)), np.int32)


def _black_things(work: Work, nuclei: Nuclei, parameters: Parameters) -> list[Box]:
    """Things as dark as a nucleus that have none of its colour."""
    dark = (work.stain > _BLACK) & (work.contrast < _COLOURLESS * work.stain)
    dark &= nuclei.pieces.labels == 0
    least = _LEAST_BLACK * np.pi / 4 * nuclei.diameter**2
    if np.count_nonzero(dark) < least:
        return []
    count, _, boxes, _ = cv2.connectedComponentsWithStats(np.asarray(dark, np.uint8))
    return [
        _enlarged(Box(*(int(each) for each in boxes[number, :4])), work.by)
        for number in range(1, count)
        if boxes[number, cv2.CC_STAT_AREA] >= least
    ]


def _cell_of(each: _Object, by: int) -> Cell:
    box = _enlarged(each.box, by)
    nucleus = each.nucleus.view(bool)
    if by > 1:
        nucleus = nucleus.repeat(by, axis=0).repeat(by, axis=1)
    outline = np.asarray((each.outline + 0.5) * by - 0.5, np.float32)
    return Cell(box, outline, nucleus, each.area * by * by, each.nucleus_area * by * by)


def _enlarged(box: Box, by: int) -> Box:
    return Box(box.x * by, box.y * by, box.width * by, box.height * by)
