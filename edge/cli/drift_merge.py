"""``edge-all drift merge``: people of several files in one."""

from __future__ import annotations

import argparse
from functools import reduce
from pathlib import Path

from edge.cli.command import one_sentence


def describe(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "files",
        nargs="+",
        type=Path,
        metavar="FILE.json",
        help="as edge-all drift learn writes, or messages of edge-all run --mqtt",
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="write all of them here"
    )
    parser.epilog = (
        "Exact: as if all had been learned at once. Files of different models, or with the same"
        " person, are refused."
    )


@one_sentence
def run(options: argparse.Namespace) -> None:
    """Merge, print and save."""
    from edge.cli.drift_learn import refuse_existing
    from edge.drift.people import People, read_people, save_people

    refuse_existing(options.out)
    merged = reduce(People.merge, map(read_people, options.files))
    save_people(options.out, merged)
    print(f"{merged.counts.cells} cells of {len(merged.smears)} people")
    print(f"saved {options.out}")
