"""Options that several commands have."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path


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
        type=Path,
        metavar="FILE",
        help="model file; the one shipped with edge-all by default",
    )
