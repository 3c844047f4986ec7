"""``edge-all drift learn``: the people that later smears are compared with."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli.command import SOME_FAILED, one_sentence, say
from edge.cli.options import add_model

if TYPE_CHECKING:
    from edge.drift.learning import Learned


def describe(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_smears(parser)
    parser.add_argument(
        "--labels",
        metavar="WHAT",
        help="folders, or a CSV file, as for edge-all drift: for accuracy without labels later on",
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="write the people here, as JSON"
    )
    parser.epilog = (
        "Give smears that are as they should be, of 20 people or more. A file that is there is"
        " not added to: merge two with edge-all drift merge."
    )


def add_smears(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which smears, and what looks at them."""
    parser.add_argument(
        "sources", nargs="+", metavar="SOURCE", help="smears: each source is one, or see --people"
    )
    add_model(parser)
    parser.add_argument(
        "--people",
        metavar="REGEX",
        help="whose cell it is: first group of this expression in the name of its file",
    )


@one_sentence
def run(options: argparse.Namespace) -> None:
    """Learn, print and save."""
    from edge.drift.monitor import FEWEST_PEOPLE
    from edge.drift.people import save_people
    from edge.drift.smears import FEWEST_CELLS
    from edge.errors import NoInputs
    from edge.sinks.read_back import refuse_inputs

    refuse_inputs([options.out], options.sources)
    refuse_existing(options.out)
    learned = learn(options)
    enough = [smear for smear in learned.people.smears if smear.cells >= FEWEST_CELLS]
    if not learned.people.smears:
        raise NoInputs("no cell could be used; see edge-all classify for the reasons")
    save_people(options.out, learned.people)
    print(
        f"{learned.people.counts.cells} cells of {len(learned.people.smears)} people;"
        f" {len(enough)} have {FEWEST_CELLS} cells or more"
    )
    if len(enough) < FEWEST_PEOPLE:
        print(f"{FEWEST_PEOPLE - len(enough)} more people are needed for a verdict")
    print(f"saved {options.out}")
    say_failed(learned.failed)
    if learned.failed:
        raise SystemExit(SOME_FAILED)


def refuse_existing(path: Path) -> None:
    """Refuse to write over a file: people that were learned are hard to find again.

    Raises
    ------
    OutputFailed
    """
    from edge.errors import OutputFailed

    if path.exists():
        raise OutputFailed(f"cannot write {path}: it is there already; name another file")


def learn(options: argparse.Namespace, as_one: bool = False) -> Learned:
    """Classify the smears of a command line, or all its cells as those of one."""
    from edge.drift.labels import read_labels
    from edge.drift.learning import learn_people
    from edge.engine.classifier import Classifier
    from edge.sources.registry import open_source

    source = open_source(options.sources)
    with Classifier(options.model, keep_crops=True) as classifier, source as batches:
        people = None if as_one else options.people
        given = getattr(options, "labels", None)
        labels = read_labels(given, classifier.contract.names, people)
        samples = (sample for batch in batches for sample in batch)
        return learn_people(classifier, samples, labels, "control" if as_one else None)


def say_failed(failed: tuple[tuple[str, str], ...]) -> None:
    """Name inputs that could not be used, on stderr."""
    for name, why in failed[:10]:
        say(f"{name}: {why}")
    if len(failed) > 10:
        say(f"... and {len(failed) - 10} more")
