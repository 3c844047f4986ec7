"""McNemar's exact test: whether two systems err differently on the same crops."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class McNemar:
    """Two systems on the same crops.

    Attributes
    ----------
    only_first, only_second : int
        Crops that only the one or only the other decides correctly.
    p_value : float
        Two-sided, 0..1. It takes crops for independent; crops of one person are
        not, so that it is smaller than it should be.
    """

    only_first: int
    only_second: int
    p_value: float


def mcnemar(first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_]) -> McNemar:
    """Compare two systems by the crops that only one of them decides correctly.

    If neither is better, each such crop is as likely one's as the other's:
    p = min(1, 2 P(X <= min(b, c))) with X binomial(b + c, 1/2) (McNemar 1947;
    the exact form is in Fagerland, Lydersen and Laake 2013).

    Parameters
    ----------
    first, second : ndarray of bool, shape (n,)
        Whether each system decides a crop correctly; the same crops in the same order.
    """
    only_first = int(np.sum(first & ~second))
    only_second = int(np.sum(second & ~first))
    return McNemar(only_first, only_second, _two_sided(only_first, only_second))


def _two_sided(only_first: int, only_second: int) -> float:
    n = only_first + only_second
    ways = below = 1  # binomial coefficients in whole numbers: exact for any n
    for k in range(min(only_first, only_second)):
        ways = ways * (n - k) // (k + 1)
        below += ways
    return min(1.0, float(2 * below / 2**n))
