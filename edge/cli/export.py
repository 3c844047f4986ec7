"""``edge-all export``: reviewed cells as labelled crops."""

from __future__ import annotations

import argparse
from pathlib import Path

from edge.cli.command import one_sentence, say


def describe(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("database", type=Path, metavar="DB", help="results with reviews")
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="made, or empty: FOLDER/LABEL/SMEAR/cell.png, for edge-all-train --data FOLDER",
    )
    parser.epilog = (
        "A cell is written if everybody who reviewed it gave it the same label. Control cells are"
        " not. A smear counts as a person: put those of one person into one folder before training."
    )


@one_sentence
def run(options: argparse.Namespace) -> None:
    """Write them, and say what was left out."""
    from edge.reviews.database import ReviewDatabase
    from edge.reviews.export import LEFT_OUT, export_reviews

    found = export_reviews(ReviewDatabase(options.database), options.out)
    labels = ", ".join(f"{n} {label}" for label, n in sorted(found.labels.items()))
    print(f"{sum(found.labels.values())} cells of {found.smears} smears: {labels}")
    print(f"saved {options.out}")
    for why, n in sorted(found.left_out.items()):
        say(f"{n} left out: {LEFT_OUT[why]}")
