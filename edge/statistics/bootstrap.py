"""Intervals by a bootstrap that resamples people, not cells.

Crops of one person resemble each other, so that n crops say less than n
independent ones: whole subjects are drawn with replacement, within each class
(Davison and Hinkley 1997, Bootstrap Methods and their Application, section 3.8).
How many crops of each class a test set has is its maker's choice and no finding:
what is drawn of a class is weighted to add up to as many crops as the class has.
Otherwise precision, accuracy and Brier score would vary with the class balance
rather than with the people where a few people have most crops.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_AT_ONCE = 200  # replicates: bounds memory at 200 weights per crop


@dataclass(frozen=True)
class Basis:
    """What the numbers of one class rest on.

    Attributes
    ----------
    crops, subjects : int
    resampled : str
        ``subjects``; ``crops of one subject`` where there is one only, so that the
        interval says nothing about other people; ``crops`` where every crop
        counts as a subject of its own because the files do not say whose it is.
    """

    crops: int
    subjects: int
    resampled: str


def basis(subjects: npt.NDArray[np.str_]) -> Basis:
    """Describe the crops of one class by their subjects, shape (n,)."""
    crops, people = len(subjects), len(set(subjects.tolist()))
    if people == 1:
        return Basis(crops, people, "crops of one subject")
    return Basis(crops, people, "crops" if people == crops else "subjects")


Weights = npt.NDArray[np.floating]
Measure = Callable[[Weights | None], Mapping[str, float | None]]
"""Weights of the cells, None for all alike -> number by name, None where it is undefined."""


def percentile_interval(
    drawn: npt.NDArray[np.floating] | Sequence[float], measured: float
) -> tuple[float, float]:
    """95 % percentile interval, widened where it does not hold what was measured.

    A resample has fewer different crops, and what is noise counts as miscalibration, so that
    the ECE of resamples, say, lies above that of the sample.

    Parameters
    ----------
    drawn : sequence of float, shape (replicates,)
    measured : float
    """
    low, high = np.percentile(drawn, [2.5, 97.5])
    return min(float(low), measured), max(float(high), measured)


def draw_people(
    labels: npt.NDArray[np.integer],
    subjects: npt.NDArray[np.str_],
    replicates: int,
    seed: int,
) -> Iterator[npt.NDArray[np.float64]]:
    """Draw subjects with replacement, within each class as many as it has.

    Parameters
    ----------
    labels : ndarray of int, shape (n,)
        Class numbers from 0; those that are not there are not missed.
    subjects : ndarray of str, shape (n,)
    replicates, seed : int
        The same seed draws the same people for every system on a test set.

    Yields
    ------
    ndarray of float64, shape (at most 200, n)
        How much each crop counts in each replicate: how often it is drawn, scaled
        so that each class adds up to its number of crops.
    """
    random = np.random.default_rng(seed)
    classes = np.unique(labels).tolist()
    units = [_units(subjects[labels == label]) for label in classes]
    for start in range(0, replicates, _AT_ONCE):
        size = min(_AT_ONCE, replicates - start)
        weights = np.empty((size, len(labels)))
        for label, unit in zip(classes, units, strict=True):
            n = int(unit.max()) + 1
            times = random.multinomial(n, np.full(n, 1 / n), size=size)
            drawn = times[:, unit].astype(np.float64)
            drawn *= drawn.shape[1] / drawn.sum(axis=1, keepdims=True)
            weights[:, labels == label] = drawn
        yield weights


def _units(subjects: npt.NDArray[np.str_]) -> npt.NDArray[np.intp]:
    """Number of the unit that each crop is drawn with."""
    unit = np.unique(subjects, return_inverse=True)[1].reshape(-1)
    return np.arange(len(subjects)) if unit.max() == 0 else unit


def intervals_of(
    measure: Measure,
    labels: npt.NDArray[np.integer],
    subjects: npt.NDArray[np.str_],
    replicates: int,
    seed: int,
) -> dict[str, tuple[float, float]]:
    """Find 95 % intervals of any numbers by :func:`draw_people`, as :func:`percentile_interval`.

    A number that is undefined on the cells or on a resample of them gets none.

    Parameters
    ----------
    measure : callable
        :data:`Measure`.
    labels : ndarray of int, shape (n,)
    subjects : ndarray of str, shape (n,)
    replicates, seed : int

    Returns
    -------
    dict
        Name -> ends of the interval.
    """
    parts = draw_people(labels, subjects, replicates, seed)
    drawn = [measure(weights) for part in parts for weights in part]
    found = {}
    for name, value in measure(None).items():
        values = [row[name] for row in drawn]
        known = [number for number in values if number is not None]
        if value is None or len(known) < len(values):
            continue
        found[name] = percentile_interval(known, value)
    return found
