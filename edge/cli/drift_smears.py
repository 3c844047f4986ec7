"""``edge-all drift smears``: data drift, smears against the people of a reference."""

from __future__ import annotations

import argparse
from pathlib import Path

from edge.cli.command import GATE_FAILED, SOME_FAILED, one_sentence, say
from edge.cli.drift_learn import add_smears, learn, say_failed
from edge.cli.options import add_report, at_least


def describe(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_smears(parser)
    parser.add_argument(
        "--reference",
        type=Path,
        required=True,
        metavar="FILE",
        help="people, as edge-all drift learn writes them",
    )
    parser.add_argument(
        "--history",
        type=Path,
        metavar="FILE",
        help="smears of earlier days, to which these are added; made if it is not there",
    )
    parser.add_argument(
        "--run-length",
        type=at_least(10, float, 1e9),
        default=1000.0,
        metavar="N",
        help="smears to a false alarm, on average, at least; 1,000 by default",
    )
    add_report(parser)
    parser.epilog = (
        "Names what moved. With fewer than 20 people of 30 cells each there is no verdict yet."
        " Exit code 3 at an alarm; it stays until another history is named."
    )


@one_sentence
def run(options: argparse.Namespace) -> None:
    """Judge, print and save."""
    from edge.drift.accuracy_range import accuracy_range
    from edge.drift.monitor import ALARM, describe_distances, judge_smears
    from edge.drift.people import read_people, save_people
    from edge.drift.report import check_reports
    from edge.drift.smear_report import write_smear_report
    from edge.sinks.read_back import refuse_inputs

    check_reports(options.out)
    written = [*options.out, *filter(None, [options.history])]
    refuse_inputs(written, options.sources)
    reference = read_people(options.reference)
    earlier = None
    if options.history and options.history.exists():
        earlier = read_people(options.history)
        earlier.require_same_model(reference.model_sha256)
    learned = learn(options)
    learned.people.require_same_model(reference.model_sha256)
    # a smear that is in both is refused: it would count twice
    seen = learned.people if earlier is None else earlier.merge(learned.people)
    found = judge_smears(reference, seen.smears, options.run_length)
    accuracy = accuracy_range(reference, learned.people.smears, found)
    if options.history:
        save_people(options.history, seen)
    for path in options.out:
        distances = describe_distances(reference, learned.people)
        write_smear_report(path, found, reference, seen, distances, accuracy)
    print(found.says)
    print(accuracy.says)
    for name in found.too_small:
        say(f"{name}: too few cells to be judged")
    print("Research software: this is not a diagnosis.")
    for path in written:
        print(f"saved {path}")
    say_failed(learned.failed)
    if found.verdict == ALARM:
        raise SystemExit(GATE_FAILED)
    if learned.failed:
        raise SystemExit(SOME_FAILED)
