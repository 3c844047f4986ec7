"""``edge-all samples``: drawn cells, or fields of them, to try edge-all on."""

from __future__ import annotations

import argparse
from pathlib import Path

from edge.cli.command import one_sentence
from edge.cli.options import at_least


def describe(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "folder", type=Path, metavar="FOLDER", help="where to put them; made if need be"
    )
    parser.add_argument(
        "-n",
        "--n",
        type=at_least(1, int),
        default=24,
        metavar="N",
        help="how many; 24 by default",
    )
    parser.add_argument(
        "--fields", action="store_true", help="draw fields with eight white cells each"
    )


@one_sentence
def run(options: argparse.Namespace) -> None:
    """Draw them."""
    if options.fields:
        from edge.fields.drawn import draw_field
        from edge.fields.overlay import as_png
        from edge.whole_file import save_bytes

        for seed in range(options.n):
            save_bytes(options.folder / f"field-{seed:03d}.png", as_png(draw_field(seed).rgb))
        print(f"drew {options.n} fields in {options.folder}")
        return
    from edge.crops.drawn import write_samples

    write_samples(options.folder, options.n)
    print(f"drew {options.n} cells in {options.folder}")
