"""Pictures of fields with their cells in the colours of what was decided, one a field."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edge.contract import FAILED, Contract
from edge.crops.preprocess import UInt8Image
from edge.fields.cells import Found
from edge.fields.overlay import GREY, Colour, Marked, as_jpeg, draw_overlay, from_jpeg
from edge.files import file_name
from edge.rows import Result
from edge.samples import Sample
from edge.sinks.page.palette import colours
from edge.whole_file import save_bytes

_LONGEST_NAME = 80


@dataclass
class _Field:
    """A field whose results are not all there."""

    jpeg: bytes
    found: Found
    results: dict[str, Result] = field(default_factory=dict)


class DecidedFields:
    """Writes a picture of each field once all its cells are decided.

    Fields wait as JPEG, as many as are between the stage and the results at once.

    Parameters
    ----------
    folder : Path
        Made if need be.
    contract : Contract
        Of the network that decides.

    Attributes
    ----------
    drawn : int
        Pictures written so far.
    """

    def __init__(self, folder: Path, contract: Contract) -> None:
        self._folder = folder
        self._colours = colours(contract)
        self._waiting: dict[str, _Field] = {}
        self._names: dict[str, str] = {}
        self._lock = threading.Lock()
        self.drawn = 0

    def note_field(self, sample: Sample, found: Found) -> None:
        """Keep a field until its results come; called by the stage, in any thread."""
        assert sample.pixels is not None
        waiting = _Field(as_jpeg(sample.pixels), found)
        with self._lock:
            self._waiting[file_name(sample.id)] = waiting

    def add(self, result: Result) -> Path | None:
        """Take a result; the path of the picture if it was the last one of its field.

        Raises
        ------
        OutputFailed
        """
        picture = self.picture_after(result)
        if picture is None:
            return None
        path = self._folder / self._name_of(result.parent or result.sample or "")
        save_bytes(path, picture)
        self.drawn += 1
        return path

    def picture_after(self, result: Result) -> bytes | None:
        """Take a result; the picture, as JPEG, if it was the last one of its field."""
        name = result.parent or result.sample
        with self._lock:
            waiting = self._waiting.get(name or "")
            if name is None or waiting is None:
                return None
            if result.box:
                waiting.results[result.box] = result
            if len(waiting.results) < len(waiting.found.cells):
                return None
            del self._waiting[name]
        return as_jpeg(_drawn(waiting, self._colours))

    def _name_of(self, field_id: str) -> str:
        """Name of a picture: like the field's, and of no other field of the run."""
        last = re.split(r"[/\\!]", field_id)[-1]
        stem = re.sub(r"[^\w.-]+", "_", last)[-_LONGEST_NAME:].lstrip(".") or "field"
        name, number = f"{stem}.jpg", 1
        while self._names.setdefault(name, field_id) != field_id:
            number += 1
            name = f"{stem}-{number}.jpg"
        return name


def _drawn(waiting: _Field, colours_of: Mapping[str, Colour]) -> UInt8Image:
    cells = []
    for cell in waiting.found.cells:
        decision = waiting.results[str(cell.box)].decision or FAILED
        colour = colours_of.get(decision, GREY)
        cells.append(Marked(cell.box, cell.outline, colour, decision))
    return draw_overlay(from_jpeg(waiting.jpeg), cells, waiting.found.left_out)
