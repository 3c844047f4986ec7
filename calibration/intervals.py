"""Intervals of any numbers by a bootstrap over people, and what makes them unsure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from calibration.cells.labelled_crops import LABELS
from edge.statistics.bootstrap import draw

Weights = npt.NDArray[np.floating]
Measure = Callable[[Weights | None], Mapping[str, float | None]]
"""Weights of the cells, None for all alike -> number by name, None where it is undefined."""

NORMAL = 1.959963984540054
"""97.5th percentile of the standard normal distribution."""

_FEW_CELLS, _FEW_SUBJECTS, _LOPSIDED = 100, 3, 4


def intervals_of(
    measure: Measure,
    labels: npt.NDArray[np.integer],
    subjects: npt.NDArray[np.str_],
    replicates: int,
    seed: int,
) -> dict[str, tuple[float, float]]:
    """Find 95 % percentile intervals of numbers by :func:`edge.statistics.bootstrap.draw`.

    Widened where they do not hold the measured value, as in
    :func:`edge.statistics.evaluation.evaluate`. A number that is undefined on the cells or on a
    resample of them gets none.

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
    parts = draw(labels, subjects, replicates, seed)
    drawn = [measure(weights) for part in parts for weights in part]
    found = {}
    for name, value in measure(None).items():
        values = [row[name] for row in drawn]
        known = [number for number in values if number is not None]
        if value is None or len(known) < len(values):
            continue
        low, high = np.percentile(known, [2.5, 97.5])
        found[name] = (min(float(low), value), max(float(high), value))
    return found


def wilson_interval(successes: int, n: int) -> tuple[float, float]:
    """95 % interval of a share, from 0 to 1, that is not empty where all or none succeed.

    Wilson 1927, Probable inference, the law of succession, and statistical inference.

    Parameters
    ----------
    successes, n : int
        Of n, which is above 0.
    """
    share, spread = successes / n, NORMAL**2 / n
    centre = (share + spread / 2) / (1 + spread)
    half = NORMAL * (share * (1 - share) / n + spread / (4 * n)) ** 0.5 / (1 + spread)
    return max(centre - half, 0.0), min(centre + half, 1.0)


def cautions(labels: npt.NDArray[np.integer], subjects: npt.NDArray[np.str_]) -> tuple[str, ...]:
    """Say what makes numbers on these cells unsure, a sentence each.

    Parameters
    ----------
    labels : ndarray of int, shape (n,)
        Both classes must be there.
    subjects : ndarray of str, shape (n,)
    """
    sentences = []
    for label, name in enumerate(LABELS):
        cells, people = int(np.sum(labels == label)), len(set(subjects[labels == label].tolist()))
        if cells < _FEW_CELLS:
            sentences.append(
                f"only {cells} cells are {name}, fewer than {_FEW_CELLS}: temperature and band may"
                " be far off on other cells"
            )
        if people < _FEW_SUBJECTS:
            sentences.append(
                f"the {name} cells come from {people} {'person' if people == 1 else 'people'},"
                f" fewer than {_FEW_SUBJECTS}: the intervals say little about other people"
            )
    rarer, commoner = sorted(int(np.sum(labels == label)) for label in (0, 1))
    if commoner > _LOPSIDED * rarer:
        sentences.append(
            f"the classes stand {rarer} to {commoner}, more unequal than 1 to {_LOPSIDED}: both"
            " weigh the same here, so that each of the few counts for many"
        )
    return tuple(sentences)
