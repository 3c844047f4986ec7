"""``edge-all-convert compare-cells``: which representative cells make int8 most faithful."""

from pathlib import Path
from typing import Annotated

import typer

from convert.cli.model_options import Background, InputRange, Labels, asked_of
from edge.cli.command import one_sentence
from edge.cli.extras import need


@one_sentence
def compare_cells(
    keras_file: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL.keras",
            help="Keras model; MODEL.json of edge-all-train lies beside it, or say --labels.",
        ),
    ],
    cells: Annotated[
        Path,
        typer.Option(help="Labelled crops, those that the network was trained from."),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the table and the JSON file.")] = Path(
        "build/convert"
    ),
    draws: Annotated[int, typer.Option(min=2, help="Halves of the cells to choose from.")] = 10,
    labels: Labels = None,
    background: Background = None,
    input_range: InputRange = None,
) -> None:
    """Compare the ways of choosing representative cells by how faithful int8 gets."""
    need("convert", "keras", "tensorflow", "ai_edge_quantizer")
    from convert.comparison.report import compare_on, save_comparison

    asked = asked_of(labels, background=background, input_range=input_range)
    for path in save_comparison(compare_on(keras_file, cells, asked, draws), out):
        print(f"saved {path}")
