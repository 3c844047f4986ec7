"""``edge-all samples``: drawn cells to try edge-all on."""

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


@one_sentence
def run(options: argparse.Namespace) -> None:
    """Draw them."""
    from edge.crops.drawn import write_samples

    write_samples(options.folder, options.n)
    print(f"drew {options.n} cells in {options.folder}")
