"""Crops of the cells of captured fields, in a folder beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.capture.images import Image
from edge.fields.stage import CellStage
from edge.samples import Sample
from edge.sources.field_facts import CellFacts
from edge.sources.names import CELLS_FOLDER, cell_name


@dataclass(frozen=True)
class Cut:
    """A cell that was cut out of a field: its crop, and where it lies."""

    name: str
    image: Image
    where: CellFacts


class CellCutter:
    """Cuts the cells of fields out, on black; what it leaves out is counted.

    Nothing is decided here, and nothing is brought to the scale of a network: crops have that of
    their field.
    """

    def __init__(self) -> None:
        self._stage = CellStage()

    def cut(self, field: Sample, name: str) -> list[Cut]:
        """Cut out the cells of a field.

        Parameters
        ----------
        field : Sample
            With pixels and a time.
        name : str
            Of the file of its image.
        """
        assert field.time is not None
        found = []
        for number, cell in enumerate(self._stage(field), 1):
            assert cell.pixels is not None
            assert cell.mask is not None
            assert cell.box is not None
            crop = np.asarray(np.where(cell.mask[..., None], cell.pixels, 0), np.uint8)
            where = CellFacts(name, cell.box, cell.area or 0)
            found.append(Cut(cell_name(field.time, number), Image.of(crop), where))
        return found

    @property
    def left(self) -> Sequence[str]:
        """What was left out of all fields so far, a line each, for people."""
        return self._stage.left


def cells_folder(folder: Path) -> Path:
    """Where the crops of the fields of a folder are."""
    return folder / CELLS_FOLDER
