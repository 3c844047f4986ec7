"""Options that several commands have."""

from __future__ import annotations

import argparse
import math
import re
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


_UNITS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "": 1.0}


def seconds(text: str) -> float:
    """Type of an option: a time above 0, as 2s, 500ms, 5min or 1h."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|min|h|)", text.strip())
    if not found or not float(found[1]):
        raise argparse.ArgumentTypeError(f"{text} is no time; write it as 2s, 500ms, 5min or 1h")
    return float(found[1]) * _UNITS[found[2]]


def days(text: str) -> float:
    """Type of an option: a number of days above 0, as 30d."""
    try:
        found = float(text.removesuffix("d"))
    except ValueError:
        found = -1.0
    if not text.endswith("d") or not 0 < found < 1e5:
        raise argparse.ArgumentTypeError(f"{text} is no number of days, as 30d is")
    return found


def add_instrument(parser: argparse.ArgumentParser) -> None:
    """Add the options that name a microscope and an objective."""
    parser.add_argument(
        "--microscope",
        default="microscope",
        metavar="NAME",
        help="where there is more than one: what it is called",
    )
    parser.add_argument(
        "--objective", default="100x", metavar="NAME", help="what it is called; 100x by default"
    )


def add_report(parser: argparse.ArgumentParser) -> None:
    """Add the option that names the files of a report."""
    parser.add_argument(
        "--out",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="write the report to this .json, .md, .html or .xml (JUnit); may be repeated",
    )


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add the option that names a model file."""
    parser.add_argument(
        "--model",
        type=_model_path,
        metavar="FILE",
        help="model file, or @active, that of edge-all models; the one shipped by default",
    )


def add_runtime(parser: argparse.ArgumentParser) -> None:
    """Add the option that names a runtime."""
    from edge.engine.runtime import RUNTIMES

    parser.add_argument(
        "--runtime",
        choices=RUNTIMES,
        help="what runs the network; by default the first of these but openvino that is installed",
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
