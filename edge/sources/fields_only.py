"""A source of fields: crops that edge-all cut out of them lie beside them, and are none."""

from __future__ import annotations

from collections.abc import Sequence

from edge.samples import Sample, Source
from edge.sources.changed import Changed
from edge.sources.names import is_cell


class FieldsOnly(Changed):
    """Another source without the crops that ``capture --cells`` wrote; a context manager.

    Parameters
    ----------
    source : Source
    """

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        self._crops = 0

    def change(self, sample: Sample) -> Sample | None:
        """Leave out a crop, which its name tells, and count it."""
        if not is_cell(sample.file):
            return sample
        self._crops += 1
        return None

    @property
    def left(self) -> Sequence[str]:
        """What was left out, for people."""
        crops = f"left out: {self._crops} (crops of cells of captured fields, which are no fields)"
        return [*super().left, *([crops] if self._crops else [])]

    def count(self) -> int | None:
        """Nobody knows how many are fields, nor how many cells are in them."""
