"""``edge-all-convert bench``: what a conversion costs on this machine."""

import json
from pathlib import Path
from typing import Annotated

import typer

from convert.cli.model_options import Background, InputRange, Labels, asked_of
from edge.cli.command import one_sentence
from edge.cli.extras import need
from edge.whole_file import save_text


@one_sentence
def bench(
    models: Annotated[list[Path], typer.Argument(metavar="MODEL.keras...")],
    cells: Annotated[
        Path | None, typer.Option(help="Labelled crops, as for run; else drawn cells.")
    ] = None,
    n: Annotated[
        int, typer.Option("--n", "-n", min=50, help="Size of the representative set.")
    ] = 300,
    workers: Annotated[int, typer.Option(min=1, help="Models at a time.")] = 1,
    out: Annotated[Path | None, typer.Option(help="Write the figures here, as JSON.")] = None,
    labels: Labels = None,
    background: Background = None,
    input_range: InputRange = None,
) -> None:
    """Convert models as run does, keep nothing, and print seconds by step and peak memory."""
    need("convert", "keras", "tensorflow", "ai_edge_quantizer", "sklearn", "matplotlib")
    from convert.bench import describe_cost, measure_cost
    from convert.job import Options

    asked = asked_of(labels, background=background, input_range=input_range)
    cost = measure_cost(models, Options(cells=cells, n=n, asked=asked), workers)
    print(describe_cost(cost))
    if out:
        save_text(out, json.dumps(cost.to_dict(), indent=2) + "\n")
        print(f"saved {out}")
