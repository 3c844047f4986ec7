"""``edge-all control``: the same slide day by day, held to the days on which it was established."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli.command import GATE_FAILED, one_sentence
from edge.cli.drift_learn import learn, say_failed
from edge.cli.options import add_model, add_report, at_least

if TYPE_CHECKING:
    from edge.crops.preprocess import UInt8Image
    from edge.drift.control import ControlVerdict
    from edge.samples import Sample

Failures = tuple[tuple[str, str], ...]
"""Names of inputs that cannot be used, each with the reason."""


def describe(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("sources", nargs="+", metavar="SOURCE", help="cells of the control slide")
    add_model(parser)
    parser.add_argument(
        "--fields",
        action="store_true",
        help="images are fields of the slide: red cells, empty places and focus are charted",
    )
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
    add_report(parser)
    parser.epilog = (
        "Give the cells of one control slide, 30 or more, every day, or with --fields some fields"
        " of it; all sources together are the slide. Exit code 3 where a rule of Westgard rejects"
        " the day."
    )


@one_sentence
def run(options: argparse.Namespace) -> None:
    """Add a day, judge it, print and save."""
    from edge.drift.control_report import write_control_report
    from edge.drift.report import check_reports
    from edge.sinks.read_back import refuse_inputs

    check_reports(options.out)
    refuse_inputs([*options.out, options.chart], options.sources)
    day = options.day or date.today().isoformat()
    found, failed = (_fields if options.fields else _cells)(options, day)
    for path in options.out:
        write_control_report(path, found)
    print(found.says)
    print("Research software: this is not a diagnosis.")
    for path in (options.chart, *options.out):
        print(f"saved {path}")
    say_failed(failed)
    if found.out:
        raise SystemExit(GATE_FAILED)


def _cells(options: argparse.Namespace, day: str) -> tuple[ControlVerdict, Failures]:
    """Add the cells of a slide to the chart; the verdict, and what failed."""
    from edge.drift.control import judge_control
    from edge.drift.people import read_people, save_people
    from edge.errors import NoInputs

    earlier = read_people(options.chart) if options.chart.exists() else None
    learned = learn(options, as_one=True)
    if not learned.people.smears:
        raise NoInputs("no cell of the control could be used; see edge-all classify for reasons")
    (slide,) = learned.people.smears
    today = replace(learned.people, smears=(replace(slide, name=day),))
    if earlier is not None:
        earlier.require_same_model(today.model_sha256)
        today = earlier.merge(today)
    found = judge_control(today.smears, options.established)
    save_people(options.chart, today)
    return found, learned.failed


def _fields(options: argparse.Namespace, day: str) -> tuple[ControlVerdict, Failures]:
    """Add the fields of a slide to the chart; the verdict, and what failed."""
    from edge.drift.control import judge_days
    from edge.drift.field_days import (
        FIELD_CHANNELS,
        add_day,
        field_day,
        look_at_field,
        read_days,
        save_days,
    )
    from edge.sources.fields_only import FieldsOnly
    from edge.sources.registry import open_source

    earlier = read_days(options.chart) if options.chart.exists() else []
    failures: list[tuple[str, str]] = []
    with FieldsOnly(open_source(options.sources)) as batches:
        samples = (sample for batch in batches for sample in batch)
        looks = [look_at_field(field) for field in _decoded(samples, failures)]
    days = add_day(earlier, field_day(day, looks))
    found = judge_days([each.values for each in days], FIELD_CHANNELS, options.established)
    save_days(options.chart, days)
    return found, tuple(failures)


def _decoded(samples: Iterable[Sample], failures: list[tuple[str, str]]) -> Iterator[UInt8Image]:
    """Pixels of fields as they were taken; those that cannot be read go to `failures`.

    Not evened by the calibration of the instrument: what it would take away is to be seen.
    """
    from edge.decoding.decode import decode
    from edge.errors import CropUnreadable

    for sample in samples:
        try:
            yield sample.pixels if sample.pixels is not None else decode(sample.read())
        except CropUnreadable as error:
            failures.append((sample.file, str(error)))
