"""``edge-all-convert``: Keras models to verified int8 model files."""

from pathlib import Path
from typing import Annotated

import typer

from convert.cli.bench import bench
from convert.cli.compare import compare_cells
from convert.cli.inspect import diff, inspect
from convert.cli.model_options import (
    Background,
    InputRange,
    IntendedUse,
    Labels,
    PixelSize,
    Positive,
    Words,
    asked_of,
)
from convert.cli.report import report
from edge.cli.command import GATE_FAILED, WRONG_USAGE, one_sentence
from edge.cli.extras import need
from edge.wording import printable_lines

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="Turn Keras models into verified int8 model files. For research, not diagnosis.",
)


@app.command()
@one_sentence
def run(
    models: Annotated[
        list[Path],
        typer.Argument(
            metavar="MODEL.keras...",
            help="Keras models. MODEL.json and MODEL-calibration.json beside each say what"
            " edge-all-train and edge-all-calibrate know of it; of any other, say --labels.",
        ),
    ],
    cells: Annotated[
        Path | None,
        typer.Option(
            help="Labelled crops, as a folder with a folder for each label or a CSV file:"
            " training subjects set the int8 ranges, held-out subjects measure the fidelity, and"
            " some of these fit probabilities where MODEL-calibration.json is missing. Without"
            " it, the ranges are those saved in MODEL-ranges.json and the fidelity is measured on"
            " drawn cells."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for model files, twins and reports.")] = Path(
        "build/convert"
    ),
    n: Annotated[
        int, typer.Option("--n", "-n", min=50, help="Size of the representative set.")
    ] = 300,
    test: Annotated[
        Path | None,
        typer.Option(
            help="Measure on this other set of labelled crops, as edge-all-train --test did; all of"
            " --cells is of training subjects then."
        ),
    ] = None,
    representative: Annotated[
        Path | None,
        typer.Option(
            help="Manifest of edge-all-calibrate select: the cells of --cells that set the ranges."
        ),
    ] = None,
    agreement: Annotated[
        float, typer.Option(min=0, max=1, help="Gate: least agreement of int8 with float.")
    ] = 0.995,
    f1_loss: Annotated[
        float, typer.Option(min=0, max=1, help="Gate: most that weighted F1 may fall.")
    ] = 0.002,
    float_layers: Annotated[
        int, typer.Option(min=0, help="Layers that may stay in float to hold the gates.")
    ] = 3,
    slower: Annotated[
        float, typer.Option(min=1, help="Times as long as all-int8 that they may take.")
    ] = 1.25,
    allow_float: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Gate: most layers that run in float. By default those that --float-layers"
            " left in float to hold the gates, and none that int8 has no form of.",
        ),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(
            help="Gate: what must run the model file: tflite-2.14, or edgetpu, by the documentation"
            " of its compiler."
        ),
    ] = None,
    onnx: Annotated[
        bool, typer.Option("--onnx", help="Write MODEL.onnx as well, checked with onnxruntime.")
    ] = False,
    with_twin: Annotated[
        bool,
        typer.Option(
            "--with-twin",
            help="Pack the float twin into the model file, so that a device can measure its"
            " quantization drift; otherwise it lies beside it.",
        ),
    ] = False,
    labels: Labels = None,
    positive: Positive = None,
    words: Words = None,
    background: Background = None,
    pixel_size: PixelSize = None,
    input_range: InputRange = None,
    intended_use: IntendedUse = None,
    workers: Annotated[
        int, typer.Option(min=1, help="Models at a time; a large one takes 2 to 3 GB.")
    ] = 1,
) -> None:
    """Convert Keras models into full-int8 model files and prove how close they are.

    A model whose inputs are those of an earlier run is not converted again. Exit code 3 if a
    gate fails: its report is written then, its model file is not.
    """
    if representative and not cells:
        raise typer.BadParameter("--representative needs --cells, the folder its cells lie in")
    if test and not cells:
        raise typer.BadParameter("--test needs --cells, whose cells set the int8 ranges")
    need("convert", "keras", "tensorflow", "ai_edge_quantizer", "sklearn", "matplotlib")
    if onnx:
        need("onnx", "tf2onnx", "onnxruntime")
    from convert.job import Options
    from convert.many import convert_all
    from convert.quantize.accuracy_control import Budget
    from convert.verify.gates import Limits

    most_float = float_layers if allow_float is None else allow_float
    options = Options(
        cells,
        test,
        representative,
        n,
        Limits(agreement=agreement, weighted_f1_loss=f1_loss),
        Budget(float_layers=min(float_layers, most_float), latency=slower),
        profile,
        onnx,
        allow_float,
        with_twin,
        asked_of(labels, positive, words, background, pixel_size, input_range, intended_use),
    )
    codes = set()
    for outcome in convert_all(models, options, out, workers):
        typer.echo(printable_lines(outcome.words), err=bool(outcome.exit_code))
        codes.add(outcome.exit_code)
    if codes - {0}:  # that one could not be converted at all weighs more than a failed gate
        raise SystemExit(WRONG_USAGE if WRONG_USAGE in codes else GATE_FAILED)


for command in (report, inspect, diff, compare_cells, bench):
    app.command()(command)
