"""What ``classify`` does with fields: finds the cells, and draws what was decided."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edge.reasons import SCALE_UNKNOWN

if TYPE_CHECKING:
    from edge.contract import Contract
    from edge.fields.cells import Found
    from edge.fields.decided import DecidedFields
    from edge.fields.stage import CellStage
    from edge.fields.stains.methods import Colours
    from edge.rows import Result
    from edge.samples import Sample, Source, Stage


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
        help="with --fields: write each field with its cells in the colours of their decisions;"
        " beside the --report by default",
    )
    parser.add_argument(
        "--stain",
        choices=("reinhard", "macenko"),
        help="with --fields and --stain-like: bring the colours of cells to those of one field",
    )
    parser.add_argument(
        "--stain-like", type=Path, metavar="FIELD", help="the field whose colours --stain gives"
    )


class Fields:
    """What ``--fields`` and ``--overlays`` do besides the run."""

    def __init__(self, options: argparse.Namespace) -> None:
        _check_options(options)
        self._folder: Path | None = options.overlays
        if options.fields and options.report and not self._folder:
            self._folder = options.report.with_name(f"{options.report.stem}-fields")
        self._unknown = 0
        self._contract: Contract | None = None
        self._decided: DecidedFields | None = None
        self._stage: CellStage | None = None
        self._stages: tuple[Stage, ...] = ()
        if options.fields:
            from edge.fields.stage import CellStage
            from edge.instrument.stage import InstrumentStage

            self._stage = CellStage(on_field=self._note, colours=_colours(options))
            self._stages = InstrumentStage(), self._stage

    @property
    def stages(self) -> tuple[Stage, ...]:
        """What samples go through."""
        return self._stages

    def source_of(self, source: Source) -> Source:
        """The source without what is no field."""
        if not self._stage:
            return source
        from edge.sources.fields_only import FieldsOnly

        return FieldsOnly(source)

    def begin(self, contract: Contract) -> None:
        """Know the labels, and so the colours."""
        self._contract = contract
        if self._folder:
            from edge.fields.decided import DecidedFields

            self._decided = DecidedFields(self._folder, contract)

    def _note(self, sample: Sample, found: Found) -> None:
        if self._decided:
            self._decided.note_field(sample, found)

    def add(self, result: Result) -> None:
        """Take a result, and draw its field if it was the last one of it."""
        self._unknown += SCALE_UNKNOWN in (result.quality or "")
        if self._decided:
            self._decided.add(result)

    @property
    def left(self) -> Sequence[str]:
        """What was left out of fields, where they are drawn, and what to do about scale."""
        return [*self._left_out(), *self._drawn(), *self._advice()]

    def _left_out(self) -> Sequence[str]:
        return self._stage.left if self._stage else ()

    def _drawn(self) -> Iterator[str]:
        if self._decided and self._decided.drawn:
            fields = f"{self._decided.drawn} {'field' if self._decided.drawn == 1 else 'fields'}"
            yield f"{fields} with boxes in the colours of the decisions: {self._folder}"

    def _advice(self) -> Iterator[str]:
        if not self._unknown or not self._contract:
            return
        cells = f"{self._unknown} {'cell has' if self._unknown == 1 else 'cells have'}"
        if self._contract.um_per_pixel is None:
            yield (
                f"{SCALE_UNKNOWN}: {cells} no decision of the network, as its model file does not"
                " say at which scale it knows cells; give one that does with --model"
            )
        else:
            yield (
                f"{SCALE_UNKNOWN}: {cells} no decision of the network, as nobody knows the scale of"
                " the field; give --pixel-size, or measure it with edge-all scale and capture with"
                " objective="
            )


def _check_options(options: argparse.Namespace) -> None:
    from edge.errors import StagesRefused

    if options.overlays and not options.fields:
        raise StagesRefused("--overlays draws over fields; say --fields, too")
    stain = [bool(options.stain), bool(options.stain_like)]
    if any(stain) and not (all(stain) and options.fields):
        raise StagesRefused(
            "--stain brings cells of fields to the colours of another field; give --fields, --stain"
            " and --stain-like together"
        )


def _colours(options: argparse.Namespace) -> Colours | None:
    """Colours of the field that others are to look like, if there is one."""
    from edge.decoding.decode import decode
    from edge.errors import CropUnreadable, StagesRefused
    from edge.fields.stains.methods import METHODS
    from edge.files import file_name, read_bytes

    if not options.stain:
        return None
    try:
        return METHODS[options.stain](decode(read_bytes(options.stain_like)))
    except CropUnreadable as error:
        name = file_name(options.stain_like)
        message = f"--stain-like {name}: {error}; name a field that shows cells"
        raise StagesRefused(message) from error
