"""``edge-all-calibrate``: choose representative cells; temperature and refer band."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from edge.command import SOME_FAILED, one_sentence, say
from edge.extras import need

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="Choose the cells a conversion is calibrated on, and calibrate a network's probabilities"
    " on people it was not trained on. For research, not diagnosis.",
)


def _known_strategy(name: str | None) -> str | None:
    from calibration.strategies import STRATEGIES

    if name is not None and name not in STRATEGIES:
        raise typer.BadParameter(f"{name!r} is none of {', '.join(STRATEGIES)}")
    return name


@app.command()
@one_sentence
def select(
    data: Annotated[
        Path,
        typer.Argument(
            help="Folder of crops: with hem/ and all/ folders in it, or without labels."
        ),
    ],
    n: Annotated[int, typer.Option("--n", "-n", min=100, help="How many cells.")] = 300,
    strategy: Annotated[
        str | None,
        typer.Option(
            callback=_known_strategy,
            help="How to choose: stratified (the default), coverage or random.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of what is left to chance.")] = 0,
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
    from calibration.representative import select_cells
    from calibration.strategies import DEFAULT_STRATEGY

    chosen = select_cells(data, n, strategy or DEFAULT_STRATEGY, seed, exclude or ())
    chosen.save(out)
    print(f"{len(chosen.cells)} of {chosen.candidates} cells, {chosen.strategy}, seed {seed}")
    if chosen.excluded:
        print(f"{chosen.excluded} cells were excluded")
    print(f"saved {out}")
    for cell in chosen.refused:
        say(f"left out: {cell.name}: {cell.reason}: {cell.message}")
    if any(cell.reason != "duplicate" for cell in chosen.refused):
        raise SystemExit(SOME_FAILED)


@app.command()
@one_sentence
def probabilities(
    predictions: Annotated[
        list[Path], typer.Argument(help="NETWORK-held-out.csv files of edge-all-train.")
    ],
    out: Annotated[Path, typer.Option(help="Temperature and refer band, as JSON.")] = Path(
        "build/calibration.json"
    ),
    missed: Annotated[
        float, typer.Option(min=0, max=0.5, help="Most leukemic cells decided healthy, 0..0.5.")
    ] = 0.05,
    false_alarms: Annotated[
        float, typer.Option(min=0, max=0.5, help="Most healthy cells decided leukemia, 0..0.5.")
    ] = 0.05,
) -> None:
    """Fit temperature and refer band on people the networks were not trained on."""
    need("convert", "sklearn")
    from calibration.calibrate import calibrate
    from calibration.predictions import read_predictions

    result = calibrate([read_predictions(path) for path in predictions], missed, false_alarms)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(asdict(result), indent=2) + "\n", encoding="utf-8")
    low, high = result.refer_band.low, result.refer_band.high
    print(f"temperature {result.temperature:.3f}; refers from p = {low:.3f} to {high:.3f}")
    print(
        f"{result.cells} cells of {result.subjects} subjects: {result.on_these.referred:.1%}"
        f" referred, {result.on_these.missed:.1%} of leukemic cells decided healthy,"
        f" {result.on_these.false_alarms:.1%} of healthy cells decided leukemia"
    )
    print(f"calibration error {result.ece_before:.3f} before, {result.ece_after:.3f} after")
    print(f"saved {out}")
