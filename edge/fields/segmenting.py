"""Fields into a folder: crops, pictures with outlines, tables, a page about the parameters."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from edge.contract import BLACK
from edge.crops.preprocess import UInt8Image
from edge.documents.html import to_html
from edge.documents.model import Figure, Report, Section, Table, Text
from edge.fields.cells import LEFT_OUT, Found
from edge.fields.find import find_cells
from edge.fields.overlay import Colour, Marked, as_jpeg, as_png, draw_overlay
from edge.fields.parameters import Parameters
from edge.fields.stage import square_around
from edge.samples import Sample
from edge.whole_file import save_bytes, save_text

GREEN: Colour = (0, 158, 115)

_SHOWN = 3  # fields on the page: each is searched with every parameter
_COLUMNS = ("field", "crop", "box", "area", "nucleus_area")

TRIED = {
    "level": (0.25, 0.55),
    "pale": (0.25, 0.8),
    "small": (0.05, 0.5),
    "neck": (0.4, 0.95),
    "floor": (0.02, 0.12),
}
"""Parameter -> values that the page shows besides the one in use."""


@dataclass
class Segmented:
    """How many fields were searched so far, and cells found."""

    fields: int = 0
    cells: int = 0


class Segmenter:
    """Writes what is found in fields into a folder.

    Parameters
    ----------
    folder : Path
        Made if need be: ``crops/``, ``overlays/``, ``cells.csv``, ``left-out.csv``, and with a
        preview ``parameters.html``.
    parameters : Parameters
    background : str
        What lies around the cell of a crop, as a contract says it.
    """

    def __init__(self, folder: Path, parameters: Parameters, background: str = BLACK) -> None:
        self._folder = folder
        self._parameters = parameters
        self._background = background
        self._names: set[str] = set()
        self._cells: list[tuple[object, ...]] = []
        self._left: list[tuple[object, ...]] = []
        self._previewed: list[tuple[str, UInt8Image, float | None]] = []
        self.done = Segmented()

    def add(self, sample: Sample) -> Found:
        """Find the cells of a field, and write them.

        Parameters
        ----------
        sample : Sample
            With pixels.

        Raises
        ------
        OutputFailed
        """
        assert sample.pixels is not None
        found = find_cells(sample.pixels, self._parameters, sample.um_per_pixel)
        name = self._name_of(sample.id)
        for number, cell in enumerate(found.cells, 1):
            crop, mask = square_around(sample.pixels, cell)
            if self._background == BLACK:
                crop = np.asarray(np.where(mask[..., None], crop, 0), np.uint8)
            file = f"crops/{name}-{number:03d}.png"
            save_bytes(self._folder / file, as_png(crop))
            self._cells.append((sample.id, file, cell.box, cell.area, cell.nucleus_area))
        for reason, boxes in found.left_out.items():
            self._left += [(sample.id, reason, box) for box in boxes]
        save_bytes(self._folder / f"overlays/{name}.jpg", as_jpeg(overlay_of(sample.pixels, found)))
        if len(self._previewed) < _SHOWN:
            self._previewed.append((sample.id, sample.pixels, sample.um_per_pixel))
        self.done.fields += 1
        self.done.cells += len(found.cells)
        return found

    def finish(self, preview: bool = False) -> None:
        """Write the tables, and the page about the parameters.

        Raises
        ------
        OutputFailed
        """
        save_text(self._folder / "cells.csv", _csv(_COLUMNS, self._cells))
        save_text(self._folder / "left-out.csv", _csv(("field", "reason", "box"), self._left))
        if preview:
            save_text(self._folder / "parameters.html", to_html(self._page()))

    def _page(self) -> Report:
        return Report(
            "Parameters of finding cells",
            [
                "Research software: this is not a diagnosis.",
                "Green: cells. Grey: what was left out, with the reason.",
            ],
            [Section(name, list(self._parts(*field))) for name, field in self._sections()],
        )

    def _sections(self) -> Iterator[tuple[str, tuple[UInt8Image, float | None]]]:
        for name, pixels, um_per_pixel in self._previewed:
            yield name, (pixels, um_per_pixel)

    def _parts(
        self, pixels: UInt8Image, um_per_pixel: float | None
    ) -> Iterator[Text | Figure | Table]:
        rows = []
        for words, parameters in self._variants():
            found = find_cells(pixels, parameters, um_per_pixel)
            counts = [len(found.left_out.get(reason, ())) for reason in LEFT_OUT]
            rows.append([words, *map(str, (len(found.cells), _middle_area(found), *counts))])
            yield Figure("field.jpg", as_jpeg(overlay_of(pixels, found)), words, words)
        columns = ("parameters", "cells", "median area", *LEFT_OUT)
        yield Table("What each finds; areas in pixels of the field", columns, rows)

    def _variants(self) -> Iterator[tuple[str, Parameters]]:
        yield "as they are", self._parameters
        for name, values in TRIED.items():
            for value in values:
                now = getattr(self._parameters, name)
                words = f"{name} {value:g} in place of {now:g}"
                changed: dict[str, Any] = {name: value}
                yield words, replace(self._parameters, **changed)

    def _name_of(self, field_id: str) -> str:
        """Name of the files of a field: like the field's, and of no other field."""
        last = Path(re.split(r"[/\\!]", field_id)[-1]).stem
        stem = re.sub(r"[^\w.-]+", "_", last)[-80:].lstrip(".") or "field"
        name, number = stem, 1
        while name in self._names:
            number += 1
            name = f"{stem}-{number}"
        self._names.add(name)
        return name


def overlay_of(pixels: UInt8Image, found: Found) -> UInt8Image:
    """Draw what was found over a field, cells with their number."""
    cells = [
        Marked(cell.box, cell.outline, GREEN, str(number))
        for number, cell in enumerate(found.cells, 1)
    ]
    return draw_overlay(pixels, cells, found.left_out)


def _middle_area(found: Found) -> int:
    areas = sorted(cell.area for cell in found.cells)
    return areas[len(areas) // 2] if areas else 0


def _csv(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()
