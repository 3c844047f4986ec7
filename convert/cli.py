"""``edge-all-convert``: Keras model to a verified int8 model file."""

import os
from pathlib import Path
from typing import Annotated

import typer

from convert.inspect_cli import diff, inspect
from convert.report_cli import report
from edge.command import one_sentence
from edge.extras import need

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="Turn Keras models into verified int8 model files. For research, not diagnosis.",
)
app.command()(inspect)
app.command()(diff)


@app.command()
@one_sentence
def run(
    keras_file: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL.keras",
            help="Model of edge-all-train; MODEL.json and MODEL-calibration.json lie beside it.",
        ),
    ],
    cells: Annotated[
        Path | None,
        typer.Option(
            help="Folder of labelled crops: training subjects set the int8 ranges, held-out"
            " subjects measure the fidelity. Without it, the ranges are those saved in"
            " MODEL-ranges.json and the fidelity is measured on drawn cells."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the model file and its twin.")] = Path(
        "build/convert"
    ),
    n: Annotated[
        int, typer.Option("--n", "-n", min=100, help="Size of the representative set.")
    ] = 300,
    representative: Annotated[
        Path | None,
        typer.Option(
            help="Manifest of edge-all-calibrate select: the cells of --cells that set the ranges."
        ),
    ] = None,
    agreement: Annotated[
        float, typer.Option(min=0, max=1, help="Gate: least agreement of int8 with float.")
    ] = 0.995,
) -> None:
    """Convert a Keras model into a full-int8 model file and prove how close it is.

    Exit code 3 if float TFLite differs from Keras, or int8 from float, by more than allowed.
    """
    if representative and not cells:
        raise typer.BadParameter("--representative needs --cells, the folder its cells lie in")
    need("convert", "keras", "tensorflow", "ai_edge_quantizer", "sklearn")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # before TensorFlow is imported
    from calibration.calibrate import read_calibration
    from convert.cells import drawn_cells, labelled_cells
    from convert.gates import Limits
    from convert.pipeline import convert
    from convert.record import read_record

    beside = keras_file.with_suffix("")
    record = read_record(beside.with_name(f"{beside.name}.json"))
    calibration = read_calibration(beside.with_name(f"{beside.name}-calibration.json"))
    converted = convert(
        keras_file,
        record,
        calibration,
        labelled_cells(cells, record.held_out, n, manifest=representative)
        if cells
        else drawn_cells(),
        out,
        None if cells else beside.with_name(f"{beside.name}-ranges.json"),
        Limits(agreement=agreement),
    )
    fidelity, int8 = converted.fidelity, converted.fidelity.quantization
    print(f"Keras to float TFLite: logits equal within {fidelity.export.max_logit_error:.1e}")
    print(
        f"int8 agrees with float on {int8.agreement:.2%} of {fidelity.cells} cells"
        f" ({fidelity.cells_are}); logits off by {int8.mean_logit_error:.3f} on average,"
        f" {int8.max_logit_error:.3f} at most (one int8 step is {fidelity.logit_step:.3f})"
    )
    print(f"saved {converted.model} ({converted.model.stat().st_size / 1e6:.2f} MB)")


app.command()(report)


@app.command()
@one_sentence
def compare_cells(
    keras_file: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL.keras", help="Model of edge-all-train; MODEL.json lies beside it."
        ),
    ],
    cells: Annotated[
        Path,
        typer.Option(help="Folder of labelled crops, the one the network was trained from."),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the table and the JSON file.")] = Path(
        "build/convert"
    ),
    draws: Annotated[int, typer.Option(min=2, help="Halves of the cells to choose from.")] = 10,
) -> None:
    """Compare the ways of choosing representative cells by how faithful int8 gets."""
    need("convert", "keras", "tensorflow", "ai_edge_quantizer")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # before TensorFlow is imported
    from convert.record import read_record
    from convert.strategy_report import compare_on, save_comparison

    record = read_record(keras_file.with_suffix(".json"))
    for path in save_comparison(compare_on(keras_file, cells, record.held_out, draws), out):
        print(f"saved {path}")
