"""Where a new value stands among earlier ones, as a p-value that needs no distribution.

Vovk, Gammerman and Shafer 2022, Algorithmic Learning in a Random World, second edition, section
2.2.4 (smoothed conformal p-values) and chapter 8 (testing exchangeability).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]


def rank_of(value: float, others: Iterable[float], tie: float) -> float:
    """Smoothed rank of a value among others: uniform on 0..1 where all are exchangeable.

    ``(those below + tie * (those equal + 1)) / (others + 1)``. Of values that come one after the
    other, each ranked among all before it, the ranks are independent, too: what is bet on one
    after the other may be multiplied (Vovk 2021, Testing randomness online, theorem 1).

    Parameters
    ----------
    value : float
        Finite.
    others : iterable of float
        Finite; of people as different from each other as people are.
    tie : float
        Drawn uniformly from 0..1, apart from everything else.

    Returns
    -------
    float
        0..1; near 1 where the value is above all others.
    """
    given = np.fromiter(others, np.float64)
    below, equal = int((given < value).sum()), int((given == value).sum())
    return float((below + tie * (equal + 1)) / (len(given) + 1))


def p_value(value: float, others: Iterable[float], tie: float = 1.0) -> float:
    """Conformal p-value against others, both sides: twice the smaller tail, at most 1.

    Parameters
    ----------
    value, others, tie
        As for :func:`rank_of`. A tie of 1 makes both tails conservative.
    """
    given = np.fromiter(others, np.float64)
    equal = tie * (int((given == value).sum()) + 1)
    low, high = int((given < value).sum()) + equal, int((given > value).sum()) + equal
    return min(1.0, 2 * min(low, high) / (len(given) + 1))


def online_ranks(values: npt.NDArray[np.floating], first: int, ties: Numbers) -> Numbers:
    """Ranks of values that come one after the other, many streams at once.

    Parameters
    ----------
    values : ndarray of float, shape (streams, n)
        The first ones of each are references.
    first : int
        How many are references, and get no rank.
    ties : ndarray of float, shape (streams, n - first)

    Returns
    -------
    ndarray of float64, shape (streams, n - first)
        :func:`rank_of` each value among all before it.
    """
    found = np.empty(ties.shape)
    for place in range(first, values.shape[1]):
        value, before = values[:, place, None], values[:, :place]
        below, equal = (before < value).sum(axis=1), (before == value).sum(axis=1)
        found[:, place - first] = (below + ties[:, place - first] * (equal + 1)) / (place + 1)
    return found
