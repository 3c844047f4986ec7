"""``edge-all segment``: fields into crops, pictures with outlines, and tables."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from edge.cli.command import SOME_FAILED, one_sentence, say
from edge.cli.options import at_least
from edge.contract import BACKGROUNDS, BLACK

_PARAMETERS = {
    "level": "share of the density of cytoplasm at which the outline lies: higher is tighter",
    "pale": "share of the typical contrast of nuclei below which one is a ghost",
    "small": "share of the typical area of nuclei below which an object is none",
    "neck": "how narrow may be what joins lobes of one cell: higher parts more",
    "floor": "contrast (optical density) below which nothing is a nucleus",
}


def describe(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "sources", nargs="+", metavar="FIELD", help="images of fields, as classify takes them"
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FOLDER", help="where to; made if need be"
    )
    parser.add_argument(
        "--preview",
        action="store_true",
        help="write parameters.html, too: what other parameters find in the first fields",
    )
    parser.add_argument(
        "--pixel-size",
        type=at_least(0.001, float, 100),
        metavar="UM",
        help="micrometres a pixel: then sizes of cells are judged by it",
    )
    parser.add_argument(
        "--background",
        choices=BACKGROUNDS,
        default=BLACK,
        help="what lies around the cell of a crop",
    )
    parser.add_argument(
        "--keep-cut", action="store_true", help="keep cells that the edge of the field cuts"
    )
    for name, words in _PARAMETERS.items():
        parser.add_argument(f"--{name}", type=at_least(0.001, float, 10), metavar="X", help=words)
    parser.epilog = (
        "Writes crops/, overlays/, cells.csv and left-out.csv. Crops have the scale of the field;"
        " classify --fields brings them to that of the network."
    )


@one_sentence
def run(options: argparse.Namespace) -> None:
    """Find the cells of each field, and write them."""
    from edge.decoding.decode import decode
    from edge.errors import CropUnreadable
    from edge.fields.cells import LEFT_OUT
    from edge.fields.parameters import Parameters
    from edge.fields.segmenting import Segmenter
    from edge.instrument.stage import InstrumentStage
    from edge.sources.fields_only import FieldsOnly
    from edge.sources.registry import open_source

    given = {name: value for name in _PARAMETERS if (value := getattr(options, name)) is not None}
    parameters = Parameters(keeps_cut=options.keep_cut, **given)
    segmenter = Segmenter(options.out, parameters, options.background)
    even = InstrumentStage()
    failed, left = 0, dict.fromkeys(LEFT_OUT, 0)
    with FieldsOnly(open_source(options.sources)) as batches:
        for sample in (sample for batch in batches for sample in batch):
            try:
                pixels = sample.pixels if sample.pixels is not None else decode(sample.read())
                (field,) = even(replace(sample, pixels=pixels))
            except CropUnreadable as error:
                failed += 1
                say(f"failed: {sample.file}: {error}")
                continue
            um = options.pixel_size or field.um_per_pixel
            found = segmenter.add(replace(field, um_per_pixel=um))
            for reason, boxes in found.left_out.items():
                left[reason] += len(boxes)
    segmenter.finish(options.preview)
    done = segmenter.done
    words = ", ".join(f"{count} {reason}" for reason, count in left.items() if count) or "nothing"
    print(f"{done.cells} cells in {done.fields} fields, left out: {words}; see {options.out}")
    if failed:
        raise SystemExit(SOME_FAILED)
