"""``edge-all-calibrate``: choose representative cells; temperature, band and thresholds."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge.cli.command import SOME_FAILED, one_sentence, say
from edge.cli.extras import need
from edge.contract import BACKGROUNDS, BLACK, LARGEST_SIDE, SMALLEST_SIDE
from edge.models import cnmc
from edge.whole_file import save_text

if TYPE_CHECKING:
    from calibration.probabilities.calibrate import Calibration

_MOST_LISTED = 20

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="Choose the cells a conversion is calibrated on, and calibrate a network's probabilities"
    " on people it was not trained on. For research, not diagnosis.",
)


def _known_strategy(name: str | None) -> str | None:
    from calibration.representative.strategies import STRATEGIES

    if name is not None and name not in STRATEGIES:
        raise typer.BadParameter(f"{name!r} is none of {', '.join(STRATEGIES)}")
    return name


def _known_background(name: str) -> str:
    if name not in BACKGROUNDS:
        raise typer.BadParameter(f"{name!r} is none of {', '.join(BACKGROUNDS)}")
    return name


@app.command()
@one_sentence
def select(
    data: Annotated[
        Path,
        typer.Argument(
            help="Folder of crops, with a folder for each label or without labels, or a CSV file"
            " file,label."
        ),
    ],
    n: Annotated[int, typer.Option("--n", "-n", min=50, help="How many cells.")] = 300,
    strategy: Annotated[
        str | None,
        typer.Option(
            callback=_known_strategy,
            help="How to choose: stratified (the default), coverage or random.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of what is left to chance.")] = 0,
    labels: Annotated[
        str | None,
        typer.Option(
            help="Folders that are labels, separated by commas; without it those of C-NMC alone."
        ),
    ] = None,
    side: Annotated[
        int,
        typer.Option(min=SMALLEST_SIDE, max=LARGEST_SIDE, help="Of the network's crops, pixels."),
    ] = cnmc.SIDE,
    background: Annotated[
        str,
        typer.Option(
            callback=_known_background, help="What lies around the cells: black or natural."
        ),
    ] = BLACK,
    exclude: Annotated[
        list[str] | None,
        typer.Option(
            help="Cells not to choose, because something is measured on them: subjects, and files"
            " that list cells (NETWORK-held-out.csv, a manifest), separated by commas."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="The manifest, as JSON.")] = Path("build/cells.json"),
) -> None:
    """Choose the representative set: the cells int8 ranges are calibrated on.

    The manifest names the cells and their hashes. Exit code 1 if a file could not be used.
    """
    from calibration.representative.select import select_cells
    from calibration.representative.strategies import DEFAULT_STRATEGY

    chosen = select_cells(
        data,
        n,
        strategy or DEFAULT_STRATEGY,
        seed,
        exclude or (),
        say,
        None if labels is None else [name.strip() for name in labels.split(",")],
        side,
        background,
    )
    chosen.save(out)
    print(f"{len(chosen.cells)} of {chosen.candidates} cells, {chosen.strategy}, seed {seed}")
    if chosen.excluded:
        print(f"{chosen.excluded} cells were excluded")
    print(f"saved {out}")
    for cell in chosen.refused[:_MOST_LISTED]:
        say(f"left out: {cell.name}: {cell.reason}: {cell.message}")
    if len(chosen.refused) > _MOST_LISTED:
        say(f"... and {len(chosen.refused) - _MOST_LISTED} more; {out} names them all")
    if any(cell.reason != "duplicate" for cell in chosen.refused):
        raise SystemExit(SOME_FAILED)


@app.command()
@one_sentence
def probabilities(
    predictions: Annotated[
        list[Path],
        typer.Argument(
            help="NETWORK-held-out.csv files of edge-all-train; NETWORK.json beside one says what"
            " people read."
        ),
    ],
    out: Annotated[
        Path, typer.Option(help="Temperature, and refer band or thresholds, as JSON.")
    ] = Path("build/calibration.json"),
    missed: Annotated[
        float,
        typer.Option(
            min=0,
            max=0.5,
            help="Most cells of the positive label (of two, the second) decided as another, 0..0.5;"
            " of more than two, as any one other.",
        ),
    ] = 0.05,
    false_alarms: Annotated[
        float,
        typer.Option(min=0, max=0.5, help="The same for cells of the other labels, 0..0.5."),
    ] = 0.05,
    sensitivity: Annotated[
        float | None,
        typer.Option(
            min=0.5,
            max=1,
            help="Of two labels: of the cells of the second that are decided, not referred, the"
            " fewest to decide so, 0.5..1: stricter than --missed, and holds besides it.",
        ),
    ] = None,
    positive: Annotated[
        str | None,
        typer.Option(help="Label that is not to be missed; without it as NETWORK.json says."),
    ] = None,
    int8: Annotated[
        list[Path] | None,
        typer.Option(help="Predictions of the int8 network for the same cells; once per file."),
    ] = None,
    people_alike: Annotated[
        bool,
        typer.Option(
            "--people-alike",
            help="Everybody of a label weighs the same, however many cells there are.",
        ),
    ] = False,
) -> None:
    """Fit temperature and refer band on people the networks were not trained on.

    Networks of more than two labels get a threshold for each instead of a band.
    """
    need("convert", "sklearn")
    from calibration.probabilities.calibrate import calibrate
    from calibration.probabilities.called import recorded_labels
    from calibration.probabilities.predictions import join, read_predictions

    folds = [read_predictions(path) for path in predictions]
    called = recorded_labels(predictions, join(folds))
    if positive is not None:
        called = called.with_positive(positive)
    result = calibrate(
        folds,
        missed,
        false_alarms,
        sensitivity,
        [read_predictions(path) for path in int8 or ()],
        called=called,
        alike=people_alike,
    )
    save_text(out, json.dumps(asdict(result), indent=2) + "\n")
    print(f"temperature {_with_interval(result, 'temperature')}")
    for line in _decisions(result, called.words):
        print(line)
    for name, words in (("ece", "calibration error"), ("brier", "Brier score")):
        before, after = (_with_interval(result, f"{name}_{when}") for when in ("before", "after"))
        print(f"{words} {before} before, {after} after")
    if result.int8:
        print(f"int8 alone: temperature {_with_interval(result, 'int8.temperature')}")
    print(f"saved {out}")
    for warning in result.warnings:
        say(f"warning: {warning}")


def _decisions(result: "Calibration", words: Sequence[str]) -> Iterator[str]:
    """What is decided from where on, and how often wrongly, in lines."""
    cells = f"{result.cells} cells of {result.subjects} subjects"
    if result.people_alike:
        cells += ", who weigh alike"
    if result.refer_band is not None and result.on_these is not None:
        first, second = words
        yield f"refers from p = {result.refer_band.low:.3f} to {result.refer_band.high:.3f}"
        yield (
            f"{cells}: {result.on_these.referred:.1%} referred,"
            f" {result.on_these.missed:.1%} of {second} cells decided {first},"
            f" {result.on_these.false_alarms:.1%} of {first} cells decided {second}"
        )
    if result.thresholds is not None and result.thresholds_on_these is not None:
        found = result.thresholds_on_these
        for name, threshold, of in zip(words, result.thresholds, found.labels, strict=True):
            yield (
                f"{name} from p = {threshold:.3f}; of {of.cells} {name} cells {of.referred:.1%}"
                f" referred, {of.wrong:.1%} decided as another"
            )
        yield f"{cells}: {found.referred:.1%} referred, {found.wrong:.1%} decided as another"


def _with_interval(result: "Calibration", name: str) -> str:
    """A number of a calibration with its 95 % interval."""
    *of, field = name.split(".")
    value = getattr(result.int8 if of else result, field)
    low, high = result.intervals[name]
    return f"{value:.3f} (95 %: {low:.3f} to {high:.3f})"


@app.command()
@one_sentence
def recalibrate(
    model: Annotated[Path, typer.Argument(help="Model file of a device.")],
    reviewed: Annotated[
        Path,
        typer.Argument(
            help="About 100 reviewed cells or more: a folder with a folder for each label, or a"
            " CSV file file,label[,subject]."
        ),
    ],
    out: Annotated[Path, typer.Option(help="New model file, beside the old one.")],
    missed: Annotated[
        float,
        typer.Option(min=0, max=0.5, help="As for probabilities; 0.05 by default."),
    ] = 0.05,
    false_alarms: Annotated[
        float,
        typer.Option(min=0, max=0.5, help="As for probabilities; 0.05 by default."),
    ] = 0.05,
) -> None:
    """Fit temperature and refer band of a model file again, on cells that people have reviewed.

    The network stays as it is. The old file is not changed.
    """
    need("convert", "sklearn")
    from calibration.cells.labelled_crops import find_labelled_crops
    from calibration.recalibration import recalibrate as fit_again
    from calibration.recalibration import write_recalibrated
    from edge.errors import OutputFailed
    from edge.models.model_file import read_model_file

    if out.exists():
        raise OutputFailed(f"cannot write {out}: it is there already; name another file")
    read = read_model_file(model)
    crops = find_labelled_crops(reviewed, read.metadata.contract.names, on_remark=say)
    found = fit_again(model, crops.crops, missed, false_alarms)
    write_recalibrated(read, found, out)
    for when, working in (("before", found.before), ("after", found.after)):
        print(
            f"{when:<6} temperature {working.temperature:.3f}, calibration error"
            f" {working.ece:.3f}, {working.referred:.1%} referred, {working.wrong:.1%} decided as"
            " another"
        )
    print(f"on the same {found.cells_are.partition(',')[0]}: on others the gain is smaller")
    print(f"saved {out}")
    for warning in found.calibration.warnings:
        say(f"warning: {warning}")
