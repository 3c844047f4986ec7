"""``edge-all-convert inspect`` and ``diff``: what is in a model file, and how two differ."""

from pathlib import Path
from typing import Annotated

import typer

from edge.cli.command import SOME_FAILED, one_sentence
from edge.cli.extras import need

_AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, with every value in full.")]
_File = "Model file of edge-all, or a bare .tflite."


@one_sentence
def inspect(
    file: Annotated[Path, typer.Argument(metavar="FILE", help=_File)], as_json: _AsJson = False
) -> None:
    """Show what is in a model file: metadata, sizes, operators with versions, tensors."""
    need("convert", "ai_edge_litert")
    from convert.inspect.inspection import inspect_model
    from convert.inspect.text import describe_model

    found = inspect_model(file)
    print(found.to_json() if as_json else describe_model(found), end="")


@one_sentence
def diff(
    first: Annotated[Path, typer.Argument(metavar="A", help=_File)],
    second: Annotated[Path, typer.Argument(metavar="B", help=_File)],
    as_json: _AsJson = False,
) -> None:
    """Compare two model files, and the logits of both on the golden inputs of both.

    Exit code 0 if they hold the same, 1 if they differ, as diff(1).
    """
    need("convert", "ai_edge_litert")
    from convert.inspect.difference import diff as compare
    from convert.inspect.inspection import inspect_model
    from convert.inspect.text import describe_difference

    found = compare(inspect_model(first), inspect_model(second))
    print(found.to_json() if as_json else describe_difference(found), end="")
    if not found.same:
        raise SystemExit(SOME_FAILED)
