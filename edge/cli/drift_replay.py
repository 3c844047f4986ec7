"""``edge-all drift replay``: run the networks of a replay package on its cells, here."""

from __future__ import annotations

import argparse
from pathlib import Path

from edge.cli.command import one_sentence


def describe(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "package", type=Path, metavar="FILE.zip", help="as edge-all drift --replay wrote it"
    )


@one_sentence
def run(options: argparse.Namespace) -> None:
    """Run it, and print how far this machine is from that one."""
    from edge.drift.replay import run_replay

    found = run_replay(options.package)
    print(
        f"{found.cells} cells: int8 logits differ by {found.int8_off:.4g} at most from those of"
        f" the package, float logits by {found.twin_off:.4g}"
    )
    print(f"{found.flips_there} flips there, {found.flips_here} here")
