"""``edge-all drift``: quantization drift, int8 against its float twin on the cells at hand."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import fields, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli.command import GATE_FAILED, SOME_FAILED, one_sentence, say
from edge.cli.options import add_model, add_report, at_least, days

if TYPE_CHECKING:
    from edge.drift.gates import DriftLimits
    from edge.drift.quantization import QuantizationDrift
    from edge.samples import Sample, Source

_MOST_THREADS = 256


def describe(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "sources",
        nargs="+",
        metavar="SOURCE",
        help="cells, as for classify; or a results database (.db, .sqlite), whose files are read"
        " again",
    )
    parser.add_argument(
        "--since",
        type=days,
        metavar="30d",
        help="of a results database, only runs of the last so many days",
    )
    add_model(parser)
    parser.add_argument(
        "--twin",
        type=Path,
        metavar="FILE",
        help="float twin; by default that in the model file, or NAME-float.tflite beside it",
    )
    add_labels(parser)
    parser.add_argument(
        "--share",
        type=at_least(0.0001, float, 1),
        default=1.0,
        metavar="S",
        help="compare this share of the cells, drawn by a seeded rule; all by default",
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of the rule; 0 by default"
    )
    parser.add_argument(
        "--most", type=at_least(1, int), metavar="N", help="end after so many cells"
    )
    add_report(parser)
    parser.add_argument(
        "--replay",
        type=Path,
        metavar="FILE",
        help="write cells, logits and both networks to this .zip, to look at elsewhere with"
        " edge-all drift replay; it holds images",
    )
    parser.add_argument(
        "--keep",
        type=Path,
        metavar="FILE.db",
        help="put the report into this results database, for edge-all drift history",
    )
    parser.add_argument("--layers", action="store_true", help="compare layer by layer always")
    limits = (
        ("agreement", 1.0, "least share of cells with the same likeliest label"),
        ("mean-p-error", 1.0, "largest mean difference of the probability"),
        ("flips-outside-band", 1e9, "most flips of cells that float does not refer"),
        ("weighted-f1-loss", 1.0, "most that weighted F1 may fall"),
        ("clipped-cells", 1.0, "largest share of cells that int8 cuts off in one layer"),
    )
    for name, most, about in limits:
        kind = int if most > 1 else float
        parser.add_argument(
            f"--{name}", type=at_least(0, kind, most), metavar="X", help=f"gate: {about}"
        )
    parser.add_argument(
        "--threads",
        type=at_least(1, int, _MOST_THREADS),
        metavar="N",
        help="cells at a time; by default one per processor",
    )
    parser.epilog = (
        "Gates are those that the model file was released with, unless given here. Exit code 3"
        " if one failed; the first bad layer is named then. Data drift of smears is edge-all"
        " drift smears."
    )


def add_labels(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what is known of cells."""
    parser.add_argument(
        "--labels",
        metavar="WHAT",
        help="folders, if cells of a label lie in folders called like it; or a CSV file"
        " file,label[,subject]",
    )
    parser.add_argument(
        "--people",
        metavar="REGEX",
        help="whose cell it is: first group of this expression in the name of its file; by"
        " default every source is a smear of its own",
    )


@one_sentence
def run(options: argparse.Namespace) -> None:
    """Compare, print and save."""
    from edge.drift.gates import limits_of
    from edge.drift.history import keep_report
    from edge.drift.labels import read_labels
    from edge.drift.quantization import measure_drift
    from edge.drift.replay import save_replay
    from edge.drift.report import check_reports, write_report
    from edge.drift.two_networks import TwoNetworks
    from edge.models.model_file import SHIPPED_MODEL, read_model_file
    from edge.reviews.database import ReviewDatabase
    from edge.sinks.read_back import refuse_inputs
    from edge.sources.registry import open_source

    check_reports(options.out)
    refuse_inputs([*options.out, *filter(None, [options.replay])], options.sources)
    history = ReviewDatabase(options.keep) if options.keep else None
    model = read_model_file(options.model or SHIPPED_MODEL)
    contract = model.metadata.contract
    labels = read_labels(options.labels, contract.names, options.people)
    source = open_source(_sources(options))
    limits = _limits(options, limits_of(model.metadata.fidelity))
    with TwoNetworks(model, options.twin, options.threads) as two:
        samples = islice(_drawn(source, options.share, options.seed), options.most)
        found, kept = measure_drift(two, samples, labels, limits, source.names, options.layers)
        for path in options.out:
            write_report(path, found, kept, contract)
        if options.replay:
            cells = save_replay(options.replay, found, kept, two)
    if history is not None:
        keep_report(history, found)
    print(_summary(found))
    for path in options.out:
        print(f"saved {path}")
    if options.replay:
        print(f"saved {options.replay}: {cells} cells, with their images")
    for name, why in found.failed[:10]:
        say(f"{name}: {why}")
    if found.has_failed:
        raise SystemExit(GATE_FAILED)
    if found.failed:
        raise SystemExit(SOME_FAILED)


def _sources(options: argparse.Namespace) -> list[str]:
    """Sources, with the files of a database in its place."""
    from edge.errors import NoInputs
    from edge.sinks.classified import SUFFIXES, files_of_results

    given: list[str] = options.sources
    are_databases = [Path(name).suffix.lower() in SUFFIXES for name in given]
    if options.since is not None and not any(are_databases):
        raise NoInputs("--since is for a results database; name one, as edge-all classify writes")
    return [
        file
        for name, is_database in zip(given, are_databases, strict=True)
        for file in (files_of_results(Path(name), options.since) if is_database else [name])
    ]


def _drawn(source: Source, share: float, seed: int) -> Iterator[Sample]:
    from edge.drift.drawing import is_drawn

    with source as batches:
        for batch in batches:
            for sample in batch:
                if share == 1 or is_drawn(sample.id, share, seed):
                    yield sample


def _limits(options: argparse.Namespace, released: DriftLimits) -> DriftLimits:
    given = {
        name: getattr(options, name)
        for name in (each.name for each in fields(released))
        if getattr(options, name) is not None
    }
    return replace(released, **given)


def _summary(found: QuantizationDrift) -> str:
    each = found.comparison
    lines = [
        f"int8 against float on {found.cells} cells:"
        f" {len(each.flips)} flips, {each.decisions_changed} decisions change,"
        f" logits off by {each.mean_logit_error:.3f} on average, {each.max_logit_error:.3f} at"
        " most",
        f"a cell takes {found.latency.int8:.2f} ms in int8, {found.latency.twin:.2f} ms in float",
        *(f"{gate.result:<8} {gate.name}: {gate.says}" for gate in found.gates),
    ]
    if found.first_bad:
        snr = found.first_bad.snr_db
        how = "is not there in int8" if snr is None else f"{snr:.1f} dB"
        cut = next((each for each in found.clipping if each.name == found.first_bad.name), None)
        if cut is not None and cut.clipped:
            how += f", {cut.share:.0%} of cells cut off"
        lines.append(f"first bad layer: {found.first_bad.words} ({how})")
    lines.append("Research software: this is not a diagnosis.")
    return "\n".join(lines)
