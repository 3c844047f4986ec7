"""How far two readers of the same cells agree, beyond chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge.statistics.shares import NORMAL


@dataclass(frozen=True)
class Agreement:
    """Two readers on the same cells.

    Attributes
    ----------
    cells : int
    alike : float
        Share of them that both call the same, 0..1.
    kappa : float or None
        Cohen's: 1 where they always agree, 0 where as often as by chance. None where it has no
        value: both call every cell the same one thing.
    low, high : float or None
        Its 95 % interval; None where `kappa` is, or where the spread of so few cells is none.
    """

    cells: int
    alike: float
    kappa: float | None
    low: float | None
    high: float | None


def cohens_kappa(first: Sequence[str], second: Sequence[str]) -> Agreement:
    """Compare the labels that two readers give the same cells.

    Cohen 1960, A coefficient of agreement for nominal scales; the interval by the large-sample
    standard error of Fleiss, Cohen and Everitt 1969, Large sample standard errors of kappa and
    weighted kappa, formula 13. It takes cells for independent.

    Parameters
    ----------
    first, second : sequence of str, length n
        In the same order; n is above 0.

    Raises
    ------
    ValueError
        If they are not equally many, or none.
    """
    if len(first) != len(second) or not first:
        raise ValueError("two readers are compared on the same cells, one at least")
    names = sorted({*first, *second})
    table = np.zeros((len(names), len(names)))
    for one, other in zip(first, second, strict=True):
        table[names.index(one), names.index(other)] += 1
    n = len(first)
    shares = table / n
    rows, columns = shares.sum(axis=1), shares.sum(axis=0)
    alike, by_chance = float(np.trace(shares)), float(rows @ columns)
    if by_chance >= 1 - 1e-12:
        return Agreement(n, alike, None, None, None)
    kappa = (alike - by_chance) / (1 - by_chance)
    half = NORMAL * _standard_error(shares, kappa, by_chance, n)
    if half == 0:
        return Agreement(n, alike, kappa, None, None)
    return Agreement(n, alike, kappa, max(kappa - half, -1.0), min(kappa + half, 1.0))


def _standard_error(shares: np.ndarray, kappa: float, by_chance: float, n: int) -> float:
    rows, columns = shares.sum(axis=1), shares.sum(axis=0)
    same = np.diag(shares)
    agreed = np.sum(same * (1 - (rows + columns) * (1 - kappa)) ** 2)
    crossed = (1 - kappa) ** 2 * (
        np.sum(shares * (columns[:, None] + rows[None, :]) ** 2)
        - np.sum(same * (columns + rows) ** 2)
    )
    rest = (kappa - by_chance * (1 - kappa)) ** 2
    variance = (agreed + crossed - rest) / (n * (1 - by_chance) ** 2)
    return float(np.sqrt(max(variance, 0.0)))
