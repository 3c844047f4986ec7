"""The methods of bringing colours of fields to those of one, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from edge.crops.preprocess import UInt8Image
from edge.fields.stains.macenko import Macenko
from edge.fields.stains.reinhard import Reinhard


class Colours(Protocol):
    """Colours of a field, that others can be given."""

    def normalised(self, rgb: UInt8Image) -> UInt8Image:
        """Give a field these colours; uint8 of shape (height, width, 3)."""


METHODS: dict[str, Callable[[UInt8Image], Colours]] = {
    "reinhard": Reinhard.of,
    "macenko": Macenko.of,
}
"""Name of a method -> what measures the colours of a field."""
