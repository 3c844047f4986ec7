"""``edge-all-convert compare-cells``: which representative cells make int8 most faithful."""

from pathlib import Path
from typing import Annotated

import typer

from edge.cli.command import one_sentence
from edge.cli.extras import need


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
    from convert.comparison.report import compare_on, save_comparison
    from convert.record import read_record

    record = read_record(keras_file.with_suffix(".json"))
    for path in save_comparison(compare_on(keras_file, cells, record, draws), out):
        print(f"saved {path}")
