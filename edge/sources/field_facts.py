"""What is known of a captured field, or of a cell cut out of one: a file of JSON beside it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from edge.errors import CropUnreadable
from edge.files import read_bytes
from edge.records import checks
from edge.records.json_text import MOST_JSON, read_json
from edge.samples import Box, Sample
from edge.sources.names import facts_name, has_facts

SCHEMA = 1
"""Version of the file."""

_CHECK = checks.record(
    {
        "edge_all_field": checks.exactly(SCHEMA),
        "image": checks.string(255),
        "sha256": checks.string(64),
        "width": checks.whole(1, 1 << 20),
        "height": checks.whole(1, 1 << 20),
        "source": checks.string(4096),
        "sample": checks.string(4096),
        "time": checks.string(40),
        "um_per_pixel": checks.optional(checks.number(1e-6, 1e6)),
        "facts": checks.facts,
        "edge_all": checks.string(40),
        "cell": checks.record(
            {
                "field": checks.string(255),
                "box": checks.items(checks.whole(-(1 << 20), 1 << 20), 4, 4),
                "area": checks.whole(0, 1 << 40),
            }
        ),
    },
    may_lack=frozenset({"cell"}),
)


@dataclass(frozen=True)
class CellFacts:
    """Where a cell was cut out.

    Attributes
    ----------
    field : str
        Name of the image of the field: in the folder above that of the crop.
    box : Box
        Around the cell, in pixels of the field.
    area : int
        Of the cell, in pixels of the field.
    """

    field: str
    box: Box
    area: int


@dataclass(frozen=True)
class FieldFacts:
    """What is known of a field, or of a cell cut out of it.

    Attributes
    ----------
    image : str
        Name of its file.
    sha256 : str
        Of the bytes of the file.
    width, height : int
        In pixels.
    source, sample : str
        Camera, and id of the frame.
    time : float
        When it was taken, in seconds since 1970.
    um_per_pixel : float or None
    facts : mapping
        What the camera knew besides.
    edge_all : str
        Version that wrote it.
    cell : CellFacts or None
        None for a field.
    """

    image: str
    sha256: str
    width: int
    height: int
    source: str
    sample: str
    time: float
    um_per_pixel: float | None
    facts: Mapping[str, object]
    edge_all: str
    cell: CellFacts | None = None

    def to_json(self) -> str:
        """Text of the file."""
        whole, rest = divmod(round(self.time * 1e6), 1_000_000)
        moment = datetime.fromtimestamp(whole, timezone.utc).replace(microsecond=rest)
        values: dict[str, object] = {
            "edge_all_field": SCHEMA,
            "image": self.image,
            "sha256": self.sha256,
            "width": self.width,
            "height": self.height,
            "source": self.source,
            "sample": self.sample,
            "time": moment.isoformat(timespec="microseconds"),
            "um_per_pixel": self.um_per_pixel,
            "facts": dict(self.facts),
            "edge_all": self.edge_all,
        }
        if self.cell:
            box = self.cell.box
            values["cell"] = {
                "field": self.cell.field,
                "box": [box.x, box.y, box.width, box.height],
                "area": self.cell.area,
            }
        return json.dumps(values, indent=1, allow_nan=False) + "\n"


def read_facts(path: Path) -> FieldFacts:
    """Read a file of facts.

    Parameters
    ----------
    path : Path

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is none.
    """
    found = read_json(path, MOST_JSON)
    _CHECK("", found)
    moment = datetime.fromisoformat(found["time"])
    if moment.tzinfo is None:
        raise ValueError("its time has no time zone")
    cell = found.get("cell")
    return FieldFacts(
        **{name: found[name] for name in ("image", "sha256", "width", "height", "source")},
        **{name: found[name] for name in ("sample", "um_per_pixel", "facts", "edge_all")},
        time=moment.timestamp(),
        cell=cell and CellFacts(cell["field"], Box(*cell["box"]), cell["area"]),
    )


@dataclass(frozen=True)
class Captured:
    """The image of a field or cell, which must be the one that was captured."""

    path: str
    sha256: str

    def read(self) -> bytes:
        """Read it.

        Raises
        ------
        CropUnreadable
            ``damaged`` if it is another one; or as :func:`edge.files.read_bytes`.
        """
        data = read_bytes(self.path)
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise CropUnreadable(
                "damaged",
                "it is not the image that was captured: its hash is not the one in its .json; copy"
                " both again, or rename the image",
            )
        return data


def with_facts(sample: Sample) -> Sample:
    """Add what is known to a sample that is a captured field or cell; others stay as they are.

    One whose facts cannot be read is refused: its scale would be lost without a word.
    """
    if sample.error or not has_facts(sample.file):
        return sample
    path = Path(facts_name(sample.file))
    try:
        facts = read_facts(path)
    except FileNotFoundError:
        return sample
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        message = f"its facts cannot be read ({path.name}: {why}); copy them again, or remove them"
        return replace(sample, error=CropUnreadable("damaged", message))
    if facts.image != os.path.basename(sample.file):
        message = f"{path.name} holds the facts of {facts.image}; copy its own, or remove them"
        return replace(sample, error=CropUnreadable("damaged", message))
    known = replace(
        sample,
        content=sample.content or Captured(sample.file, facts.sha256),
        time=facts.time,
        um_per_pixel=facts.um_per_pixel,
        facts=facts.facts,
    )
    if facts.cell is None:
        return known
    above = os.path.dirname(os.path.dirname(sample.file))
    parent = os.path.join(above, facts.cell.field)
    return replace(known, parent=parent, box=facts.cell.box, area=facts.cell.area)
