"""E-values: evidence that multiplies over time and averages over whatever depends on each other.

An e-value is a number, at least 0, whose mean is at most 1 where the hypothesis holds: 20 is as
rare as a p-value of 0.05 (Vovk and Wang 2021, E-values: Calibration, combination and
applications). The mean of e-values is one, however they depend on each other.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]

POWER = 0.5
"""Exponent of the power calibrator, where none is given."""


def power_e_value(p: npt.ArrayLike, exponent: float = POWER) -> Numbers:
    """Turn p-values into e-values by ``exponent * p ** (exponent - 1)``.

    Vovk and Wang 2021, equation 1, after Shafer, Shen, Vereshchagin and Vovk 2011, Test
    martingales, Bayes factors and p-values. Its integral over p from 0 to 1 is 1.

    Parameters
    ----------
    p : array-like of float
        0..1; infinity is what a p-value of 0 gives.
    exponent : float
        Above 0, below 1; the smaller, the more is bet on tiny p-values.

    Returns
    -------
    ndarray of float64, of the shape of `p`
    """
    if not 0 < exponent < 1:
        raise ValueError(f"the exponent of a power calibrator is {exponent}, not between 0 and 1")
    with np.errstate(divide="ignore"):
        return np.asarray(exponent * np.asarray(p, np.float64) ** (exponent - 1))


def step_e_value(p: npt.ArrayLike, level: npt.ArrayLike, stake: float) -> Numbers:
    """Turn p-values into e-values by betting a share of the capital that p is at most a level.

    ``1 - stake + stake * (p <= level) / level``: a step is a calibrator, too (Vovk and Wang 2021,
    section 2), and what is not bet is kept. Unlike a power it pays fully for the smallest p-value
    that a few references allow.

    Parameters
    ----------
    p : array-like of float
        0..1.
    level : array-like of float
        Above 0, at most 1.
    stake : float
        0..1; with less than 1 no single smear can ruin the bet.
    """
    levels = np.asarray(level, np.float64)
    if not (levels > 0).all() or not (levels <= 1).all() or not 0 <= stake <= 1:
        raise ValueError(f"level {levels} or stake {stake} of a bet is not within 0 and 1")
    return np.asarray(1 - stake + stake * (np.asarray(p, np.float64) <= levels) / levels)


def average(e_values: npt.ArrayLike, weights: Sequence[float] | None = None) -> Numbers:
    """Merge e-values of the same thing: their mean over the last axis.

    Valid however they depend on each other, and nearly the only such way (Vovk and Wang 2021,
    theorem 3.2).

    Parameters
    ----------
    e_values : array-like of float, shape (..., n)
    weights : sequence of float, optional
        Fixed before anything was seen; all alike by default.
    """
    return np.asarray(np.average(np.asarray(e_values, np.float64), axis=-1, weights=weights))
