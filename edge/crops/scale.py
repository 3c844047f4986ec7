"""How large the cells in crops are, and whether those of a smear are shown at another scale.

Scale multiplies all areas, so it adds to their logarithms, here called sizes. People differ in the
size of their cells, too: in the middle one far more than in the largest ones. What is judged is the
mean size of the largest tenth, against that of people whose cells are as uneven (a line:
:class:`edge.contract.Sizes`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge.contract import FEWEST_PEOPLE, PERCENTILES, Diameters, Sizes
from edge.crops.image_statistics import statistics_and_foreground
from edge.crops.preprocess import UInt8Image

FEWEST_CELLS = 20
"""Cells of a person, or of a smear, that say how large its largest are."""

FEWEST_SEEN = 50
"""Cells of training whose percentiles say anything, where nothing is known of people."""

BY_CHANCE = 0.005
"""How often a smear at the right scale may be marked, if people are as those of the reference."""

_LARGEST = 1 / 10

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
    return diameters_of([cell_area(crop, background) for crop in crops], people)


def diameters_of(
    areas: Sequence[int] | npt.NDArray[np.int64], people: npt.NDArray[np.str_] | Sequence[str]
) -> Diameters | None:
    """As :func:`measure_diameters`, of the areas of cells; those of 0 are none."""
    given = np.asarray(areas, np.float64)
    there = given > 0
    if not there.any():
        return None
    whose = np.array([name or f"\n{n}" for n, name in enumerate(people)])[there]  # no name has \n
    sizes = np.log(given[there])
    groups = [sizes[whose == name] for name in np.unique(whose)]
    weights = np.concatenate([np.full(len(group), 1 / len(group)) for group in groups])
    found = _weighted_percentiles(np.concatenate(groups), weights)
    return Diameters(
        percentiles=tuple(2 * math.sqrt(math.exp(size) / math.pi) for size in found),
        cells=len(sizes),
        people=len(groups),
        sizes=_sizes_of([group for group in groups if len(group) >= FEWEST_CELLS]),
    )


def _weighted_percentiles(values: _Floats, weights: _Floats) -> _Floats:
    order = np.argsort(values, kind="stable")
    cumulated = np.cumsum(weights[order])
    middles = (cumulated - weights[order] / 2) / cumulated[-1]
    return np.interp(np.array(PERCENTILES) / 100, middles, values[order])


def _sizes_of(people: Sequence[_Floats]) -> Sizes | None:
    """Draw the line through people, by least squares."""
    if len(people) < FEWEST_PEOPLE:
        return None
    largest, uneven = np.array([_largest_and_uneven(sizes) for sizes in people]).T
    squares = float(np.sum((uneven - uneven.mean()) ** 2))
    slope = float(np.sum((uneven - uneven.mean()) * largest)) / squares if squares else 0.0
    off = largest - largest.mean() - slope * (uneven - uneven.mean())
    return Sizes(
        people=len(people),
        largest=float(largest.mean()),
        uneven=float(uneven.mean()),
        uneven_spread=math.sqrt(squares / (len(people) - 1)),
        slope=slope,
        between=math.sqrt(float(np.sum(off**2)) / (len(people) - 2)),
        within=_within(people, slope),
    )


def _largest_and_uneven(sizes: _Floats) -> tuple[float, float]:
    """Mean of the largest tenth, and how far that is above the median."""
    ordered = np.sort(sizes)
    largest = float(ordered[-math.ceil(_LARGEST * len(ordered)) :].mean())
    return largest, largest - float(np.median(ordered))


def size_of_largest(areas: Sequence[int] | _Floats, sizes: Sizes | None) -> float:
    """How large the largest tenth of a smear's cells are, for how uneven all of them are.

    In it people differ far less than in their middle cell, and scale adds to it all the same.

    Parameters
    ----------
    areas : sequence of int
        All above 0, at least one.
    sizes : Sizes or None
        Of the contract; without them the largest tenth is taken as it is.

    Returns
    -------
    float
        A size: the logarithm of an area.
    """
    largest, uneven = _largest_and_uneven(np.log(np.asarray(areas, np.float64)))
    return largest if sizes is None else largest - sizes.slope * (uneven - sizes.uneven)


def _within(people: Sequence[_Floats], slope: float) -> float:
    """Spread between handfuls of a person's cells, times the root of the cells in a handful."""
    chance = np.random.default_rng(0)
    squares, freedom = 0.0, 0
    for sizes in people:
        handfuls = len(sizes) // FEWEST_CELLS
        mixed = chance.permutation(sizes)[: handfuls * FEWEST_CELLS].reshape(handfuls, -1)
        found = [_largest_and_uneven(handful) for handful in mixed]
        heights = np.array([largest - slope * uneven for largest, uneven in found])
        squares += float(np.sum((heights - heights.mean()) ** 2))
        freedom += handfuls - 1
    return math.sqrt(FEWEST_CELLS * squares / freedom) if freedom else 0.0


@dataclass(frozen=True)
class Shift:
    """How far the cells of smears are from the scale of a network.

    Attributes
    ----------
    factor : float
        How many times too large they are shown, in length: 0.8 where they are a fifth smaller.
    p : float
        How often chance alone would give a factor as far from 1.
    """

    factor: float
    p: float

    @property
    def is_real(self) -> bool:
        """Whether it is more than how people and cells differ."""
        return self.p < BY_CHANCE


def find_shift(smears: Sequence[Sequence[int]], sizes: Sizes) -> Shift:
    """Compare smears with the people of a reference, all smears alike.

    The test is that of new points against a line of least squares, with Student's t: what is new
    varies as people do around the line, and by the choice of its cells; the line itself is known
    only as well as its people tell (Draper and Smith 1998, Applied Regression Analysis, section
    1.4).

    Parameters
    ----------
    smears : sequence of sequence of int
        Areas of the cells of each, all above 0, at least :data:`FEWEST_CELLS`.
    sizes : Sizes
        Of the contract.

    Returns
    -------
    Shift
    """
    found = [_largest_and_uneven(np.log(np.asarray(areas, np.float64))) for areas in smears]
    largest, uneven = np.array(found).mean(axis=0)
    off_middle = float(uneven) - sizes.uneven
    shift = float(largest) - sizes.largest - sizes.slope * off_middle
    squares = (sizes.people - 1) * sizes.uneven_spread**2
    line = 1 / sizes.people + (off_middle**2 / squares if squares else 0.0)
    chosen = sum(sizes.within**2 / len(areas) for areas in smears) / len(smears) ** 2
    variance = sizes.between**2 * (1 / len(smears) + line) + chosen
    p = t_tails(shift / math.sqrt(variance), sizes.people - 2) if variance else float(shift == 0)
    return Shift(factor=math.exp(shift / 2), p=p)


def compare_with_training(smears: Sequence[Sequence[int]], diameters: Diameters) -> Shift:
    """Compare smears with the cells that a network was trained on, as well as these are known.

    Where nobody knows how people differ, only what cannot be missed is found: a middle cell that is
    smaller or larger than nineteen of twenty cells of training.

    Parameters
    ----------
    smears : sequence of sequence of int
        As for :func:`find_shift`.
    diameters : Diameters
        Of the contract.

    Returns
    -------
    Shift
    """
    if diameters.sizes is not None:
        return find_shift(smears, diameters.sizes)
    areas = np.concatenate([np.asarray(each, np.float64) for each in smears])
    middle = 2 * math.sqrt(float(np.median(areas)) / math.pi)
    smallest, largest = (diameters.percentiles[PERCENTILES.index(at)] for at in (5, 95))
    is_beyond = diameters.cells >= FEWEST_SEEN and not smallest <= middle <= largest
    return Shift(factor=middle / diameters.median, p=0.0 if is_beyond else 1.0)


def t_tails(t: float, freedom: int) -> float:
    """Probability that Student's t is at least as far from 0.

    The finite series of Abramowitz and Stegun 1964, Handbook of Mathematical Functions, 26.7.3 and
    26.7.4, of the angle ``arctan(t / sqrt(freedom))``.

    Parameters
    ----------
    t : float
    freedom : int
        Degrees of freedom, at least 1.
    """
    angle = math.atan(abs(t) / math.sqrt(freedom))
    is_odd = freedom % 2
    term = math.sin(angle) * (math.cos(angle) if is_odd else 1.0)
    total = 0.0
    for n in range(2 + is_odd, freedom + 1, 2):
        total += term
        term *= math.cos(angle) ** 2 * (n - 1) / n
    inside = 2 / math.pi * (angle + total) if is_odd else total
    return max(0.0, 1 - inside)
