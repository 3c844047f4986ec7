"""The stage that makes of a field its cells; what it leaves out is counted."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from edge.crops.preprocess import BoolImage, UInt8Image
from edge.fields.cells import LEFT_OUT, Cell, Found
from edge.fields.find import find_cells
from edge.fields.parameters import Parameters
from edge.fields.stains.methods import Colours
from edge.samples import Box, Sample

_ROOM = 2.0  # side of what is cut out, in longer sides of the box: what lies around a cell


class CellStage:
    """Makes of a field its cells; a :class:`~edge.samples.Stage`, for several threads.

    Parameters
    ----------
    parameters : Parameters, optional
    on_field : callable, optional
        Called with each field, a Sample with pixels, and what was found in it.
    colours : Colours, optional
        What cells are given, once they were found by the colours that the field has.
    """

    def __init__(
        self,
        parameters: Parameters | None = None,
        on_field: Callable[[Sample, Found], None] | None = None,
        colours: Colours | None = None,
    ) -> None:
        self._parameters = parameters or Parameters()
        self._colours = colours
        self._on_field = on_field
        self._lock = threading.Lock()
        self._fields = 0
        self._left: Counter[str] = Counter()

    def __call__(self, sample: Sample) -> Iterator[Sample]:
        """Give the cells of a field, each with its box, area and mask."""
        assert sample.pixels is not None
        found = find_cells(sample.pixels, self._parameters, sample.um_per_pixel)
        with self._lock:
            self._fields += 1
            self._left.update({reason: len(boxes) for reason, boxes in found.left_out.items()})
        if self._colours and found.cells:
            sample = replace(sample, pixels=self._colours.normalised(sample.pixels))
        if self._on_field:
            self._on_field(sample, found)
        for cell in found.cells:
            yield cut_cell(sample, cell)

    @property
    def left(self) -> Sequence[str]:
        """What was left out of all fields so far, a line each, for people."""
        with self._lock:
            fields = f"{self._fields} {'field' if self._fields == 1 else 'fields'}"
            return [
                f"left out of {fields}: {self._left[reason]} {reason} ({meaning})"
                for reason, meaning in LEFT_OUT.items()
                if self._left[reason]
            ]


def cut_cell(sample: Sample, cell: Cell) -> Sample:
    """Make a sample of a cell of a field.

    Parameters
    ----------
    sample : Sample
        The field, with pixels.
    cell : Cell

    Returns
    -------
    Sample
        Its pixels are a square around the cell, about twice as wide; beyond the edge of the field
        its outermost pixels are repeated. Its mask says where in them the cell is.
    """
    assert sample.pixels is not None
    pixels, mask = square_around(sample.pixels, cell)
    return replace(
        sample,
        id=f"{sample.id}@{cell.box}",
        content=None,
        pixels=pixels,
        mask=mask,
        parent=sample.id,
        box=cell.box,
        area=cell.area,
    )


def square_around(field: UInt8Image, cell: Cell) -> tuple[UInt8Image, BoolImage]:
    """Cut a square around a cell, and say where in it the cell is."""
    box, (height, width) = cell.box, field.shape[:2]
    side = int(_ROOM * max(box.width, box.height))
    x, y = box.x + (box.width - side) // 2, box.y + (box.height - side) // 2
    columns = np.clip(np.arange(x, x + side), 0, width - 1)
    rows = np.clip(np.arange(y, y + side), 0, height - 1)
    mask = np.zeros((side, side), bool)
    mask[box.y - y : box.y - y + box.height, box.x - x : box.x - x + box.width] = cell.mask
    return np.ascontiguousarray(field[np.ix_(rows, columns)]), mask


def box_of(text: str) -> Box:
    """Read a box as results have it."""
    x, y, width, height = map(int, text.split(","))
    return Box(x, y, width, height)
