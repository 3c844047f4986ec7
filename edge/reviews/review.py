"""A review, and what the person who gave it had before them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

WAITING, AUDIT, SECOND = "waiting", "audit", "second"

QUEUES = {
    WAITING: "referred by the network: a person looks",
    AUDIT: "drawn at random, whatever was decided: measures accuracy",
    SECOND: "reviewed by somebody else: measures how far readers agree",
}
"""Why a person is shown a cell -> in words."""


@dataclass(frozen=True)
class CellKey:
    """A cell: the position of its row in a run."""

    run_id: int
    index: int


@dataclass(frozen=True)
class ControlKey:
    """A control cell, of which the label is known; it is no result and never counts as one."""

    control_id: int


Item = CellKey | ControlKey


@dataclass(frozen=True)
class Shown:
    """What was on the screen.

    Attributes
    ----------
    image_sha256 : str
        Of the PNG file that was shown.
    decision, quality : str or None
        What stood beside it; all but the hash is None in blind mode.
    probability : float or None
    model_sha256 : str or None
        Of the network that decided.
    """

    image_sha256: str
    decision: str | None = None
    quality: str | None = None
    probability: float | None = None
    model_sha256: str | None = None

    def to_json(self) -> str:
        """As the database keeps it: without what there was not."""
        given = {name: value for name, value in asdict(self).items() if value is not None}
        return json.dumps(given, ensure_ascii=False, sort_keys=True)


@dataclass(frozen=True)
class Review:
    """What a person says of a cell.

    Attributes
    ----------
    reader : str
        Who.
    item : CellKey or ControlKey
    label : str
        One of :func:`edge.reviews.labels.choices_of`.
    queue : str
        One of :data:`QUEUES`.
    blind : bool
        Whether the answer of the network was hidden.
    audit_probability : float or None
        With which the cell was drawn for the audit; None if it was not.
    shown : Shown
    """

    reader: str
    item: Item
    label: str
    queue: str
    blind: bool
    audit_probability: float | None
    shown: Shown


LONGEST_READER = 60
"""Characters of a name."""


def reader_name(text: str) -> str:
    """Name of a reader as it was typed, without blanks around it; empty if it can be none."""
    name = " ".join(text.split())
    return name if len(name) <= LONGEST_READER and name.isprintable() else ""
