"""``edge-all drift history``: the reports that a results database keeps, as a trend."""

from __future__ import annotations

import argparse
from pathlib import Path

from edge.cli.command import GATE_FAILED, one_sentence
from edge.cli.options import add_report, days


def describe(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "database",
        type=Path,
        metavar="FILE.db",
        help="results database in which edge-all drift --keep put reports",
    )
    parser.add_argument(
        "--since", type=days, metavar="30d", help="only reports of the last so many days"
    )
    add_report(parser)
    parser.epilog = "Exit code 3 if a gate failed in the last report."


@one_sentence
def run(options: argparse.Namespace) -> None:
    """Read, print and save."""
    from edge.drift.history import read_history, write_history
    from edge.drift.report import check_reports
    from edge.reviews.database import ReviewDatabase
    from edge.sinks.read_back import refuse_inputs

    check_reports(options.out)
    refuse_inputs(options.out, [str(options.database)])
    reports = read_history(ReviewDatabase(options.database), options.since)
    for path in options.out:
        write_history(path, reports)
    for each in reports:
        print(each.words)
    print("Research software: this is not a diagnosis.")
    for path in options.out:
        print(f"saved {path}")
    if reports[-1].failed:
        raise SystemExit(GATE_FAILED)
