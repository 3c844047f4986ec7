"""``edge-all-calibrate``: make probabilities mean what they say, choose the refer band."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from edge.command import one_sentence
from edge.extras import need

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="Calibrate a network on people it was not trained on. For research, not diagnosis.",
)


@app.callback()
def main() -> None:
    """Keep the name of the only command part of the command line."""


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
