"""How well a score tells people of two labels apart, when there are few of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

_TAIL = 0.025
_HALVINGS = 40


def auroc_interval(in_order: float, negatives: int, positives: int) -> tuple[float, float]:
    """95 % interval of an AUROC that is exact for however few there are, and never empty.

    A bootstrap over three people who are all told apart says that everybody would be. This one
    turns the distribution of the Mann-Whitney count around, as Clopper and Pearson do that of a
    count, for scores whose distributions are powers of each other (Lehmann 1953, The power of rank
    tests: if the hazard of positive scores is ``t`` times that of negative ones at every score,
    the AUROC is ``1 / (1 + t)``, and of all ranks only `t` matters).

    Parameters
    ----------
    in_order : float
        Pairs of a negative and a positive of whom the positive scores higher; ties count half and
        widen the interval.
    negatives, positives : int
        How many there are, 1 or more of each.

    Returns
    -------
    low, high : float
        0..1.
    """
    most = negatives * positives

    def too_few(auroc: float) -> bool:
        """Whether so many in order, or more, would be a surprise."""
        tail = count_distribution(auroc, negatives, positives)[int(in_order) :]
        return bool(tail.sum() < _TAIL)

    def not_too_many(auroc: float) -> bool:
        """Whether so many in order, or fewer, would be none."""
        tail = count_distribution(auroc, negatives, positives)[: int(np.ceil(in_order)) + 1]
        return bool(tail.sum() >= _TAIL)

    low = 0.0 if in_order < 1 else _last(too_few)
    high = 1.0 if in_order > most - 1 else _last(not_too_many)
    return low, high


def count_distribution(auroc: float, negatives: int, positives: int) -> npt.NDArray[np.float64]:
    """Probability of every number of pairs in order, of the model of :func:`auroc_interval`.

    From the lowest score up: the next one is a negative with a probability that depends on how
    many of both are left, and is in order with all positives left.

    Parameters
    ----------
    auroc : float
        Above 0 and below 1.
    negatives, positives : int

    Returns
    -------
    ndarray of float64, shape (negatives * positives + 1,)
    """
    hazard = (1 - auroc) / auroc
    nothing_left = np.zeros(negatives * positives + 1)
    nothing_left[0] = 1.0
    fewer = [nothing_left] * (positives + 1)  # with one negative less, by positives left
    for n in range(1, negatives + 1):
        here = [nothing_left]
        for p in range(1, positives + 1):
            is_negative = n / (n + p * hazard)
            shifted = np.concatenate([np.zeros(p), fewer[p][:-p]])
            here.append(is_negative * shifted + (1 - is_negative) * here[p - 1])
        fewer = here
    return fewer[positives]


def _last(holds: Callable[[float], bool]) -> float:
    """Highest AUROC of which something holds that holds for low ones."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low
