"""``edge-all scale``: how many micrometres a pixel of a microscope's camera spans."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli.command import one_sentence, say
from edge.cli.options import add_instrument, at_least
from edge.wording import printable

if TYPE_CHECKING:
    from edge.crops.preprocess import UInt8Image
    from edge.instrument.store import Instrument, StoredScale


def describe(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "image",
        nargs="?",
        type=Path,
        metavar="IMAGE",
        help="of a stage micrometer, taken by the camera through the objective",
    )
    parser.add_argument(
        "--division",
        type=at_least(0.01, float, 10_000),
        default=10.0,
        metavar="UM",
        help="micrometres between two lines of the stage micrometer; 10 by default",
    )
    parser.add_argument(
        "--pixel-size",
        type=at_least(0.001, float, 100),
        metavar="UM",
        help="micrometres that a pixel spans, where that is known",
    )
    parser.add_argument(
        "--red-cells",
        type=Path,
        nargs="+",
        metavar="FIELD",
        help="warn if the scale that is kept makes the red cells of these fields implausibly wide",
    )
    add_instrument(parser)
    parser.epilog = (
        "Keeps the scale for SOURCE,objective=NAME of other commands. Without IMAGE and"
        " --pixel-size it says what is kept."
    )


@one_sentence
def run(options: argparse.Namespace) -> None:
    """Measure or take the scale, keep it, print it."""
    from edge.errors import InstrumentRefused
    from edge.instrument.store import Instrument, StoredScale

    instrument = Instrument(options.microscope, options.objective)
    if options.red_cells:
        _check_red_cells(instrument, options.red_cells)
        return
    if options.image and options.pixel_size:
        raise InstrumentRefused("give an image or --pixel-size, not both")
    if options.image:
        stored = _measured(options.image, options.division)
    elif options.pixel_size:
        stored = StoredScale(options.pixel_size, None, None, "given as --pixel-size")
    else:
        _print_kept(instrument)
        return
    instrument.save_scale(stored)
    print(f"{instrument}: {stored.um_per_pixel:.5g} um a pixel, {printable(stored.how)}")


def _check_red_cells(instrument: Instrument, fields: Sequence[Path]) -> None:
    from edge.errors import InstrumentRefused
    from edge.instrument.red_cells import FEWEST, USUAL_UM, measure_red_cells

    scale = instrument.scale()
    if scale is None:
        raise InstrumentRefused(f"the scale of {instrument} is not known; measure or give it first")
    found = measure_red_cells(map(_decoded, fields))
    plausible = found.is_plausible(scale.um_per_pixel)
    if plausible is None:
        raise InstrumentRefused(
            f"{found.cells} red cells lie alone in these fields, and it takes {FEWEST}; name more"
        )
    width = found.width * scale.um_per_pixel
    print(f"{instrument}: red cells are {width:.1f} um wide (median of {found.cells})")
    if not plausible:
        say(
            f"implausible: red cells are {USUAL_UM[0]:g} to {USUAL_UM[1]:g} um wide; check the"
            " objective, the resolution of the camera and the scale"
        )


def _decoded(path: Path) -> UInt8Image:
    from edge.decoding.decode import decode
    from edge.errors import CropUnreadable, InstrumentRefused
    from edge.files import file_name, read_bytes

    try:
        return decode(read_bytes(path))
    except CropUnreadable as error:
        raise InstrumentRefused(f"{file_name(path)}: {error}") from error


def _measured(path: Path, division: float) -> StoredScale:
    from edge.instrument.micrometer import measure_scale
    from edge.instrument.store import StoredScale

    rgb = _decoded(path)
    found = measure_scale(rgb, division)
    how = f"by {found.lines} lines at {division:g} um, standard error {found.error:.2%}"
    return StoredScale(found.um_per_pixel, rgb.shape[1], rgb.shape[0], how)


def _print_kept(instrument: Instrument) -> None:
    from edge.errors import InstrumentRefused

    scale, flat = instrument.scale(), instrument.flat_field()
    if scale is None and flat is None:
        raise InstrumentRefused(
            f"nothing is known of {instrument}; name an image of a stage micrometer or --pixel-size"
        )
    if scale:
        print(f"{instrument}: {scale.um_per_pixel:.5g} um a pixel, {printable(scale.how)}")
    if flat:
        print(f"{instrument}: flat field of {flat.width} x {flat.height} pixels")
