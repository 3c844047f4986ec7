"""``edge-all control``: the same slide day by day, held to the days on which it was established."""

from __future__ import annotations

import argparse
from dataclasses import replace
from datetime import date
from pathlib import Path

from edge.cli.command import GATE_FAILED, one_sentence
from edge.cli.drift_learn import learn, say_failed
from edge.cli.options import add_model, at_least


def describe(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("sources", nargs="+", metavar="SOURCE", help="cells of the control slide")
    add_model(parser)
    parser.add_argument(
        "--chart",
        type=Path,
        required=True,
        metavar="FILE",
        help="days so far, as JSON; made on the first day",
    )
    parser.add_argument(
        "--day", default="", metavar="DAY", help="what to call this day; its date by default"
    )
    parser.add_argument(
        "--established",
        type=at_least(10, int, 1000),
        default=20,
        metavar="N",
        help="first days that the others are held to; 20 by default, at least 10",
    )
    parser.add_argument(
        "--out",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="write the report to this .json, .md, .html or .xml (JUnit); may be repeated",
    )
    parser.epilog = (
        "Give the cells of one control slide, 30 or more, every day; all sources together are the"
        " slide. Exit code 3 where a rule of Westgard rejects the day."
    )


@one_sentence
def run(options: argparse.Namespace) -> None:
    """Add a day, judge it, print and save."""
    from edge.drift.control import judge_control
    from edge.drift.control_report import write_control_report
    from edge.drift.people import read_people, save_people
    from edge.drift.report import check_reports
    from edge.errors import NoInputs
    from edge.sinks.read_back import refuse_inputs

    check_reports(options.out)
    refuse_inputs([*options.out, options.chart], options.sources)
    earlier = read_people(options.chart) if options.chart.exists() else None
    learned = learn(options, as_one=True)
    if not learned.people.smears:
        raise NoInputs("no cell of the control could be used; see edge-all classify for reasons")
    day = options.day or date.today().isoformat()
    (slide,) = learned.people.smears
    today = replace(learned.people, smears=(replace(slide, name=day),))
    if earlier is not None:
        earlier.require_same_model(today.model_sha256)
        today = earlier.merge(today)
    found = judge_control(today.smears, options.established)
    save_people(options.chart, today)
    for path in options.out:
        write_control_report(path, found)
    print(found.says)
    print("Research software: this is not a diagnosis.")
    for path in (options.chart, *options.out):
        print(f"saved {path}")
    say_failed(learned.failed)
    if found.out:
        raise SystemExit(GATE_FAILED)
