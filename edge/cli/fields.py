"""What ``classify`` does with fields: finds the cells, and draws what was decided."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.contract import Contract
    from edge.fields.cells import Found
    from edge.fields.decided import DecidedFields
    from edge.fields.stage import CellStage
    from edge.rows import Result
    from edge.samples import Sample


def add_fields(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "--fields",
        action="store_true",
        help="images are fields with many cells: find the cells, and classify each",
    )
    parser.add_argument(
        "--overlays",
        type=Path,
        metavar="FOLDER",
        help="with --fields: write each field with its cells in the colours of their decisions",
    )


class Fields:
    """What ``--fields`` and ``--overlays`` do besides the run."""

    def __init__(self, options: argparse.Namespace) -> None:
        from edge.errors import StagesRefused

        if options.overlays and not options.fields:
            raise StagesRefused("--overlays draws over fields; say --fields, too")
        self._folder: Path | None = options.overlays
        self._decided: DecidedFields | None = None
        self._stage: CellStage | None = None
        if options.fields:
            from edge.fields.stage import CellStage

            self._stage = CellStage(on_field=self._note)

    @property
    def stages(self) -> tuple[CellStage, ...]:
        """What samples go through."""
        return (self._stage,) if self._stage else ()

    def begin(self, contract: Contract) -> None:
        """Know the labels, and so the colours."""
        if self._folder:
            from edge.fields.decided import DecidedFields

            self._decided = DecidedFields(self._folder, contract)

    def _note(self, sample: Sample, found: Found) -> None:
        if self._decided:
            self._decided.note_field(sample, found)

    def add(self, result: Result) -> None:
        """Draw the field of a result, if it was its last one."""
        if self._decided:
            self._decided.add(result)

    @property
    def left(self) -> Sequence[str]:
        """What was left out of fields, for people."""
        return self._stage.left if self._stage else ()
