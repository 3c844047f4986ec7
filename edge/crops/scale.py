"""How large the cells in crops are, and whether those of a smear are shown at another scale."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edge.contract import PERCENTILES, Diameters
from edge.crops.image_statistics import statistics_and_foreground
from edge.crops.preprocess import UInt8Image

FEWEST_OF_PERSON = 10
"""Cells of a person whose median says how large that person's cells are."""

FEWEST_PEOPLE = 3
"""People without whom nobody knows how people differ."""

_NORMAL = 1.4826  # standard deviations in a median absolute deviation
_MEDIAN = np.pi / 2  # variances of a mean in that of a median

_Floats = npt.NDArray[np.float64]


def cell_area(crop: UInt8Image, background: str) -> int:
    """Area of the cell in a crop, in pixels; 0 where there is none.

    Parameters
    ----------
    crop : ndarray of uint8, shape (side, side, 3)
        RGB.
    background : str
        Of the contract.
    """
    return int(np.count_nonzero(statistics_and_foreground(crop, background)[1]))


def measure_diameters(
    crops: UInt8Image, people: npt.NDArray[np.str_] | Sequence[str], background: str
) -> Diameters | None:
    """Measure how large the cells are that a network is trained on, and how people differ in it.

    Parameters
    ----------
    crops : ndarray of uint8, shape (n, side, side, 3)
        RGB.
    people : sequence of str, length n
        Whose cells they are. Where it is empty nobody knows: such a cell weighs as much as a
        person in the percentiles, and says nothing of how people differ.
    background : str
        Of the contract.

    Returns
    -------
    Diameters or None
        None where no crop has a cell in it.
    """
    areas = np.array([cell_area(crop, background) for crop in crops], np.float64)
    there = areas > 0
    if not there.any():
        return None
    whose = np.array([name or f"\n{n}" for n, name in enumerate(people)])[there]  # no name has \n
    logs = np.log(areas[there])
    groups = [logs[whose == name] for name in np.unique(whose)]
    many = [group for group in groups if len(group) >= FEWEST_OF_PERSON]
    medians = np.array([np.median(group) for group in many])
    around = [group - median for group, median in zip(many, medians, strict=True)]
    within = _spread(np.concatenate(around) if many else logs - np.median(logs))
    weights = np.concatenate([np.full(len(group), 1 / len(group)) for group in groups])
    found = _weighted_percentiles(np.concatenate(groups), weights)
    return Diameters(
        percentiles=tuple(_diameter(log_area) for log_area in found),
        cells=len(logs),
        people=len(groups),
        between=_between(medians, within, many) if len(many) >= FEWEST_PEOPLE else None,
        within=within,
    )


def _spread(differences: _Floats) -> float:
    """Standard deviation, little moved by odd ones: of the median absolute deviation."""
    return float(_NORMAL * np.median(np.abs(differences)))


def _between(medians: _Floats, within: float, groups: Sequence[_Floats]) -> float:
    """Spread of people's medians, less what the choice of their cells adds to it."""
    by_chance = np.mean([_MEDIAN * within**2 / len(group) for group in groups])
    return float(np.sqrt(max(np.var(medians, ddof=1) - by_chance, 0.0)))


def _weighted_percentiles(values: _Floats, weights: _Floats) -> _Floats:
    order = np.argsort(values, kind="stable")
    cumulated = np.cumsum(weights[order])
    middles = (cumulated - weights[order] / 2) / cumulated[-1]
    return np.interp(np.array(PERCENTILES) / 100, middles, values[order])


def _diameter(log_area: float) -> float:
    """Diameter of the circle of an area."""
    return float(2 * np.sqrt(np.exp(log_area) / np.pi))
