"""What a smear looks like: medians over its cells, for cells of one person resemble each other.

Two hundred cells of one person say about as much as three to eight of different people: the smear
is what is compared, never the cell.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from edge.contract import NOT_DECIDED, Diameters
from edge.crops.look import Look, look_at
from edge.crops.scale import compare_with_training, size_of_largest
from edge.decisions.decision import Verdict
from edge.rows import Result
from edge.statistics.label_free import BINS, bins_of

FEWEST_CELLS = 30
"""Cells of a smear, below which its medians say little."""

CHANNELS = (
    *("size_of_largest", "log_area", "red", "green", "blue", "rim_red", "rim_green", "rim_blue"),
    *("log_focus", "stain", "margin", "referred"),
)
"""Names of what is known of a smear."""

IN_WORDS = {
    "size_of_largest": "size of the largest cells, for how uneven all are (logarithm, px)",
    "log_area": "size of cells (logarithm of the area, px)",
    "red": "red level of cells",
    "green": "green level of cells",
    "blue": "blue level of cells",
    "rim_red": "red level along the outline",
    "rim_green": "green level along the outline",
    "rim_blue": "blue level along the outline",
    "log_focus": "focus (logarithm)",
    "stain": "saturation of the stain",
    "margin": "what the network says (logit of the second label less the first, or lead)",
    "referred": "share of cells referred",
}
"""Channel -> what it is, for people."""


@dataclass(frozen=True)
class Smear:
    """One smear.

    Attributes
    ----------
    name : str
        The person, or the source.
    cells : int
    values : dict
        Name of :data:`CHANNELS` -> median over its cells, or their share.
    confidences : tuple of int
        Cells by the probability of their likeliest label, in equal bins from 0 to 1
        (:mod:`edge.statistics.label_free`).
    is_shifted : bool
        Whether its cells are shown at another scale than those of training.
    right : int or None
        How many cells' likeliest label is theirs; None where the label of one is unknown.
    """

    name: str
    cells: int
    values: dict[str, float]
    confidences: tuple[int, ...] = (0,) * BINS
    is_shifted: bool = False
    right: int | None = None


Values = dict[str, float]
"""Name of :data:`CHANNELS` -> value of one cell, but of the one that only many cells have."""


@dataclass(frozen=True)
class Cell:
    """What is known of one cell.

    Attributes
    ----------
    values : dict
        :data:`Values`.
    confidence : float
        Probability of its likeliest label.
    label : str
        That label.
    right : bool or None
        Whether it is the cell's; None where nobody knows.
    """

    values: Values
    confidence: float
    label: str
    right: bool | None = None


_OF_ALL = "size_of_largest"


def verdict_of(result: Result) -> Verdict:
    """What was said of a cell that has a decision."""
    assert result.label is not None
    assert result.decision is not None
    assert result.probabilities is not None
    return Verdict(result.label, result.decision, result.probabilities)


def cell_of(result: Result, background: str) -> Cell | None:
    """What is known of one cell; None of one without a decision or without foreground.

    Parameters
    ----------
    result : Result
        With its crop.
    background : str
        Of the contract.
    """
    look = None if result.crop is None else look_at(result.crop, background)
    return None if look is None else cell_that_looks(result, look)


def cell_that_looks(result: Result, look: Look) -> Cell | None:
    """What is known of one cell whose look was kept; None of one without a decision."""
    if result.logits is None or result.probabilities is None:
        return None
    statistics, rim = look.statistics, (look.rim_red, look.rim_green, look.rim_blue)
    ordered = sorted(result.logits)
    of_two = len(result.logits) == 2
    margin = result.logits[1] - result.logits[0] if of_two else ordered[-1] - ordered[-2]
    values = {
        "log_area": math.log(look.area),
        **dict(zip(("red", "green", "blue"), statistics.levels, strict=True)),
        **dict(zip(("rim_red", "rim_green", "rim_blue"), rim, strict=True)),
        "log_focus": math.log(max(statistics.focus, 1e-6)),
        "stain": statistics.saturation,
        "margin": margin,
        "referred": float(result.decision == NOT_DECIDED),
    }
    return Cell(values, max(result.probabilities), result.label or "")


def smears_of(cells: Iterable[tuple[str, Cell]], diameters: Diameters | None) -> Iterator[Smear]:
    """Put cells together by the name of their smear, in the order in which these first come.

    Smears of fewer than :data:`FEWEST_CELLS` cells are given, too: they are judged by nobody.

    Parameters
    ----------
    cells : iterable of (str, Cell)
    diameters : Diameters or None
        Of the contract: how people differ in the size of their cells.
    """
    of_smears: dict[str, list[Cell]] = {}
    for name, cell in cells:
        of_smears.setdefault(name, []).append(cell)
    for name, given in of_smears.items():
        values = {
            channel: float(np.median([cell.values[channel] for cell in given]))
            for channel in CHANNELS
            if channel != _OF_ALL
        }
        areas = np.exp([cell.values["log_area"] for cell in given]).round().astype(int).tolist()
        values[_OF_ALL] = size_of_largest(areas, diameters.sizes if diameters else None)
        values["referred"] = float(np.mean([cell.values["referred"] for cell in given]))
        known = [cell.right for cell in given if cell.right is not None]
        yield Smear(
            name,
            len(given),
            values,
            tuple(bins_of(np.array([cell.confidence for cell in given])).tolist()),
            _is_shifted(areas, diameters),
            sum(known) if len(known) == len(given) else None,
        )


def _is_shifted(areas: list[int], diameters: Diameters | None) -> bool:
    if diameters is None or len(areas) < FEWEST_CELLS:
        return False
    return compare_with_training([areas], diameters).is_real
