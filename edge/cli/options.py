"""Options that several commands have."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path

ACTIVE = "@active"
"""In place of a model file: the active one of the store."""


def at_least(
    least: float, kind: Callable[[str], float], most: float = math.inf
) -> Callable[[str], float]:
    """Type of an option: a number from `least` to `most`."""

    def number(text: str) -> float:
        value = kind(text)
        if not value >= least:
            raise argparse.ArgumentTypeError(f"{text} is less than {least}")
        if value > most:
            raise argparse.ArgumentTypeError(f"{text} is more than {most}")
        return value

    number.__name__ = "number"  # argparse names it where the text is none
    return number


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add the option that names a model file."""
    parser.add_argument(
        "--model",
        type=_model_path,
        metavar="FILE",
        help="model file, or @active, that of edge-all models; the one shipped by default",
    )


def _model_path(text: str) -> Path:
    if text != ACTIVE:
        return Path(text)
    from edge.errors import ModelFileRefused
    from edge.models.store import ModelStore

    try:
        return ModelStore().active_path()
    except ModelFileRefused as error:
        raise argparse.ArgumentTypeError(str(error)) from error
