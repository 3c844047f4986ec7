"""Ways to choose the cells that int8 ranges are calibrated on.

All work on what a crop looks like, without a network, and behind one interface. Before
any of them, the cells at both ends of every image statistic are taken: the brightest,
the largest, the most saturated set the ends of the ranges.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge.contract import BLACK
from edge.crops.image_statistics import STATISTICS, image_statistics
from edge.crops.preprocess import UInt8Image
from edge.errors import DataRefused

FEWEST = 50
"""Fewer cells do not show the ranges of a network's tensors; with so many, their extremes among
them, int8 is as close to float as with hundreds (docs/representative-cells.md)."""

Positions = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Candidates:
    """The cells to choose from.

    Attributes
    ----------
    hashes : ndarray of str, shape (n,)
        sha256 of the files: their order decides, so that the files' order does not.
    statistics : ndarray of float64, shape (n, 6)
        :data:`edge.crops.image_statistics.STATISTICS` of every crop.
    levels : ndarray of float64, shape (n, 6)
        Highest level and standard deviation of every channel of every crop.
    labels : ndarray of int, shape (n,), or None
        None where nobody labelled them.
    subjects : ndarray of str, shape (n,), or None
        None where it is not known whose cells they are.
    """

    hashes: npt.NDArray[np.str_]
    statistics: npt.NDArray[np.float64]
    levels: npt.NDArray[np.float64]
    labels: npt.NDArray[np.integer] | None = None
    subjects: npt.NDArray[np.str_] | None = None

    def __len__(self) -> int:
        return len(self.hashes)

    def take(self, chosen: Positions) -> Candidates:
        """Part of them, by positions."""
        return Candidates(
            self.hashes[chosen],
            self.statistics[chosen],
            self.levels[chosen],
            None if self.labels is None else self.labels[chosen],
            None if self.subjects is None else self.subjects[chosen],
        )


Strategy = Callable[[Candidates, Positions, int, int], Positions]
"""Candidates, positions already taken, how many more, seed -> positions of those."""


def look_at(
    crops: UInt8Image,
    hashes: npt.NDArray[np.str_],
    labels: npt.NDArray[np.integer] | None = None,
    subjects: npt.NDArray[np.str_] | None = None,
    background: str = BLACK,
) -> Candidates:
    """Measure crops, shape (n, side, side, 3), so that they can be chosen from.

    Parameters
    ----------
    crops : ndarray of uint8, shape (n, side, side, 3)
    hashes, labels, subjects
        As in :class:`Candidates`.
    background : str
        What lies around the cells: one of :data:`edge.contract.BACKGROUNDS`.
    """
    statistics = [dataclasses.astuple(image_statistics(crop, background)) for crop in crops]
    pixels = crops.reshape(len(crops), -1, 3)
    levels = np.concatenate([pixels.max(axis=1), pixels.std(axis=1)], axis=1, dtype=np.float64)
    shape = (len(crops), len(STATISTICS))
    return Candidates(hashes, np.array(statistics).reshape(shape), levels, labels, subjects)


def choose(
    strategy: str, candidates: Candidates, n: int, seed: int = 0, fewest: int = FEWEST
) -> Positions:
    """Choose a representative set: the extremes, then what a strategy adds.

    Parameters
    ----------
    strategy : str
        One of :data:`STRATEGIES`.
    candidates : Candidates
    n : int
        How many.
    seed : int
    fewest : int
        Smallest set allowed; less than :data:`FEWEST` only to see what is lost then.

    Returns
    -------
    ndarray of int, shape (n,) or (len(candidates),) if that is less
        Positions; the same cells in whatever order the candidates come.

    Raises
    ------
    DataRefused
        If there are fewer than `fewest` cells, or cells of one label only.
    """
    if min(n, len(candidates)) < fewest:
        raise DataRefused(
            f"a representative set needs at least {fewest} cells, got {min(n, len(candidates))};"
            " give more crops, or ask for more of them"
        )
    if candidates.labels is not None and len(set(candidates.labels.tolist())) < 2:
        raise DataRefused(
            "the cells to choose from are all of one label; a representative set needs cells of"
            " others as well: give crops of them, or exclude fewer"
        )
    order = np.argsort(candidates.hashes, kind="stable")
    ordered = candidates.take(order)
    start = extremes(ordered)[:n]
    more = min(n, len(candidates)) - len(start)
    chosen = np.concatenate([start, STRATEGIES[strategy](ordered, start, more, seed)])
    return np.asarray(order[chosen], np.intp)


def extremes(candidates: Candidates) -> Positions:
    """Positions of the cells with the lowest and the highest of every image statistic."""
    ends = [*candidates.statistics.argmax(axis=0), *candidates.statistics.argmin(axis=0)]
    return np.array(list(dict.fromkeys(int(end) for end in ends)), np.intp)


def at_random(candidates: Candidates, taken: Positions, more: int, seed: int) -> Positions:
    """Take cells at random: what the others are measured against."""
    return _shuffled(candidates, taken, seed)[:more]


def stratified(candidates: Candidates, taken: Positions, more: int, seed: int) -> Positions:
    """Take cells in turn from every label, every subject of it, and every look of theirs.

    The looks are nine: thirds of brightness by thirds of saturation, over all
    candidates. Within one, cells come at random. What is not known is left out.
    """
    brightness, saturation = (
        _third(values)
        for values in (candidates.statistics[:, :3].sum(axis=1), candidates.statistics[:, -1])
    )
    known = (candidates.labels, candidates.subjects, 3 * brightness + saturation)
    keys = [key for key in known if key is not None]
    return _in_turn(_shuffled(candidates, taken, seed), keys)[:more]


def coverage(candidates: Candidates, taken: Positions, more: int, seed: int) -> Positions:
    """Take, one by one, the cell that is least like any taken before.

    Greedy k-centre (Gonzalez 1985, Clustering to minimize the maximum intercluster
    distance; for choosing data, Sener and Savarese 2018, Active Learning for
    Convolutional Neural Networks: A Core-Set Approach, algorithm 1) on image statistics
    and levels, each scaled to standard deviation 1. Without chance: the seed plays no part.
    """
    features = np.concatenate([candidates.statistics, candidates.levels], axis=1)
    spread = features.std(axis=0)
    features = (features - features.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    distance = np.full(len(candidates), np.inf)
    for position in taken:
        distance = np.minimum(distance, np.linalg.norm(features - features[position], axis=1))
    distance[taken] = -1.0  # not even as one of several that look the same
    chosen = np.empty(more, np.intp)
    for i in range(more):
        chosen[i] = farthest = distance.argmax()
        distance = np.minimum(distance, np.linalg.norm(features - features[farthest], axis=1))
        distance[farthest] = -1.0
    return chosen


STRATEGIES: dict[str, Strategy] = {
    "stratified": stratified,
    "coverage": coverage,
    "random": at_random,
}
"""Name -> how it chooses."""

DEFAULT_STRATEGY = "stratified"
"""Measurement tells none of them apart (docs/representative-cells.md); this one alone
gives every label and every person a turn, however few their cells are."""


def _shuffled(candidates: Candidates, taken: Positions, seed: int) -> Positions:
    left = np.setdiff1d(np.arange(len(candidates)), taken)
    return np.random.default_rng(seed).permutation(left)


def _third(values: npt.NDArray[np.float64]) -> Positions:
    return np.digitize(values, np.quantile(values, [1 / 3, 2 / 3])).astype(np.intp)


def _in_turn(positions: Positions, keys: Sequence[npt.NDArray[np.generic]]) -> Positions:
    """Order positions so that every value of the first key has its turn, and so on within."""
    if not keys or not len(positions):
        return positions
    of_each = keys[0][positions]
    queues = [_in_turn(positions[of_each == value], keys[1:]) for value in np.unique(of_each)]
    longest = max(map(len, queues))
    turns = [queue[i] for i in range(longest) for queue in queues if i < len(queue)]
    return np.array(turns, np.intp)
