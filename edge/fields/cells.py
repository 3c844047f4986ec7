"""Cells of a field, and what was left out, with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from edge.fields.illumination import Floats
from edge.samples import Box

LEFT_OUT = {
    "border": "the edge of the field cuts it",
    "small": "smaller than a nucleus: a platelet, a fragment or dirt",
    "no-nucleus": "not stained as a nucleus is: a red cell, dirt, a hair, a scale bar",
    "ghost": "pale or ragged: a cell that burst",
    "too-large": "larger than any white cell: a clump that could not be parted",
}
"""Reason -> meaning, of objects that are no cell to be cut out. The codes are stable."""


@dataclass(frozen=True)
class Cell:
    """A white cell.

    Attributes
    ----------
    box : Box
        Around its outline, in pixels of the field.
    outline : ndarray of float32, shape (n, 2)
        x and y, in pixels of the field.
    nucleus : ndarray of bool, shape (box.height, box.width)
    area, nucleus_area : int
        Pixels of the field.
    """

    box: Box
    outline: Floats = field(repr=False, compare=False)
    nucleus: npt.NDArray[np.bool_] = field(repr=False, compare=False)
    area: int
    nucleus_area: int

    @property
    def mask(self) -> npt.NDArray[np.bool_]:
        """Where in its box the cell is; shape (box.height, box.width)."""
        return filled_outline(self.outline, self.box)


@dataclass(frozen=True)
class Found:
    """What is in a field.

    Attributes
    ----------
    cells : tuple of Cell
        From top to bottom.
    left_out : mapping
        Reason of :data:`LEFT_OUT` -> boxes of the objects.
    """

    cells: tuple[Cell, ...]
    left_out: Mapping[str, tuple[Box, ...]]


def filled_outline(outline: Floats, box: Box) -> npt.NDArray[np.bool_]:
    """Pixels of a box that an outline encloses."""
    mask = np.zeros((box.height, box.width), np.uint8)
    points = np.rint((outline - (box.x, box.y)) * 16).astype(np.int32)
    cv2.fillPoly(mask, [points], 1, shift=4)
    return mask.astype(bool)
