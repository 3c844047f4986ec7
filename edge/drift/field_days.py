"""What the fields of a control slide look like on a day: red cells, empty places, focus."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.crops.image_statistics import focus_of_field
from edge.crops.preprocess import UInt8Image
from edge.errors import NotComparable
from edge.fields.illumination import background_of
from edge.instrument.red_cells import red_cell_widths
from edge.records.checks import items, number, record, string, whole
from edge.records.json_text import read_json
from edge.whole_file import save_text

FIELD_CHANNELS = (
    "red_cell_width",
    "background_red",
    "background_green",
    "background_blue",
    "log_field_focus",
)
"""Names of what is known of the fields of a day."""

FIELD_WORDS = {
    "red_cell_width": "median diameter of red cells, px",
    "background_red": "red level of empty places",
    "background_green": "green level of empty places",
    "background_blue": "blue level of empty places",
    "log_field_focus": "focus of fields (logarithm)",
}
"""Channel -> what it is, for people."""

FEWEST_RED_CELLS = 50
"""Red cells of a day, below which their median says little."""

SCHEMA = 1
"""Version of the schema of a file of days."""

KIND = "edge-all control of fields"
"""By which such a file is known."""

_MOST_DAYS = 20_000


@dataclass(frozen=True)
class FieldDay:
    """The fields of a control slide on one day.

    Attributes
    ----------
    name : str
    fields : int
    red_cells : int
        That lie alone, and were measured.
    values : dict
        Name of :data:`FIELD_CHANNELS` -> median over fields; of red cells, over all of them.
    """

    name: str
    fields: int
    red_cells: int
    values: dict[str, float]


@dataclass(frozen=True)
class FieldLook:
    """What one field looks like.

    Attributes
    ----------
    widths : ndarray of float64, shape (n,)
        Diameters of red cells that lie alone, in pixels.
    background : ndarray of float32, shape (3,)
        Levels of empty places.
    log_focus : float
    """

    widths: npt.NDArray[np.float64]
    background: npt.NDArray[np.float32]
    log_focus: float


def look_at_field(field: UInt8Image) -> FieldLook:
    """Look at one field.

    Parameters
    ----------
    field : ndarray of uint8, shape (height, width, 3)
    """
    focus = math.log(max(focus_of_field(field), 1e-6))
    return FieldLook(red_cell_widths(field), background_of(field), focus)


def field_day(name: str, looks: Sequence[FieldLook]) -> FieldDay:
    """Put the fields of a day together.

    Raises
    ------
    NotComparable
        If there are too few red cells in them.
    """
    widths = np.concatenate([np.empty(0), *(look.widths for look in looks)])
    if len(widths) < FEWEST_RED_CELLS:
        raise NotComparable(
            f"{len(widths)} red cells lie alone in {len(looks)} fields, and {FEWEST_RED_CELLS} are"
            " needed: give more fields, of a thinner place"
        )
    levels = np.median([look.background for look in looks], axis=0)
    focus = np.median([look.log_focus for look in looks])
    values = map(float, (np.median(widths), *levels, focus))
    named = dict(zip(FIELD_CHANNELS, values, strict=True))
    return FieldDay(name, len(looks), len(widths), named)


def save_days(path: Path, days: Sequence[FieldDay]) -> None:
    """Write a file of days.

    Raises
    ------
    OutputFailed
    """
    fields = {"kind": KIND, "schema": SCHEMA, "days": [asdict(day) for day in days]}
    save_text(path, json.dumps(fields, indent=1, sort_keys=True) + "\n")


_DAY = record(
    {
        "name": string(4000, len),
        "fields": whole(1, 10**6),
        "red_cells": whole(0, 10**9),
        "values": record(dict.fromkeys(FIELD_CHANNELS, number(-1e6, 1e6))),
    }
)
_FILE = record(
    {"kind": string(100), "schema": whole(SCHEMA, SCHEMA), "days": items(_DAY, 0, _MOST_DAYS)}
)


def read_days(path: Path) -> list[FieldDay]:
    """Read what :func:`save_days` wrote.

    Raises
    ------
    NotComparable
        If it is another file, or of another version.
    """
    try:
        fields: Any = read_json(path)
        if not isinstance(fields, dict) or fields.get("kind") != KIND:
            raise ValueError("it is no control of fields")
        _FILE("", fields)
    except (OSError, ValueError) as error:
        raise NotComparable(
            f"{path} cannot be used: {error}; edge-all control --fields --chart makes such a file"
        ) from error
    return [FieldDay(**day) for day in fields["days"]]


def add_day(days: Sequence[FieldDay], day: FieldDay) -> list[FieldDay]:
    """Add a day at the end.

    Raises
    ------
    NotComparable
        If a day is called so already.
    """
    if any(day.name == earlier.name for earlier in days):
        raise NotComparable(
            f"day {day.name} is there already, and would count twice; give --day another name"
        )
    return [*days, day]
