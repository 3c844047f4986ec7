"""Control charts of laboratories: Levey-Jennings, Westgard's rules, Bull's moving average."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

WARNING = "1-2s"
"""The rule that warns, and by itself rejects nothing."""

BULL_SMEARS = 20
"""Smears of a batch of Bull's moving average."""


def deviations(values: Sequence[float], mean: float, spread: float) -> list[float]:
    """How many spreads each value is from the mean: the axis of a Levey-Jennings chart.

    Levey and Jennings 1950, The use of control charts in the clinical laboratory.

    Parameters
    ----------
    values : sequence of float
    mean, spread : float
        Of the days on which the control was established; `spread`, their standard deviation, is
        above 0.
    """
    if not spread > 0:
        raise ValueError("a control that never varied has no chart; measure it on more days")
    return [(value - mean) / spread for value in values]


def broken_rules(z: Sequence[float]) -> tuple[str, ...]:
    """Rules that the last value breaks, with those before it.

    Westgard, Barry, Hunt and Groth 1981, A multi-rule Shewhart chart for quality control in
    clinical chemistry: ``1-2s`` (a warning), ``1-3s``, ``2-2s``, ``R-4s``, ``4-1s``, ``10-x``.

    Parameters
    ----------
    z : sequence of float
        :func:`deviations` in the order of time.

    Returns
    -------
    tuple of str
    """
    return tuple(name for name, is_broken in _RULES.items() if is_broken(z))


def _beyond(count: int, limit: float) -> Callable[[Sequence[float]], bool]:
    """Whether the last `count` values all lie beyond a limit on the same side."""

    def is_broken(z: Sequence[float]) -> bool:
        last = z[-count:]
        return len(last) == count and (min(last) > limit or max(last) < -limit)

    return is_broken


def _leaps(z: Sequence[float]) -> bool:
    """Whether the last two values lie beyond 2 on different sides."""
    last = z[-2:]
    return len(last) == 2 and max(last) > 2 and min(last) < -2


_RULES: Mapping[str, Callable[[Sequence[float]], bool]] = {
    WARNING: lambda z: len(z) > 0 and abs(z[-1]) > 2,
    "1-3s": lambda z: len(z) > 0 and abs(z[-1]) > 3,
    "2-2s": _beyond(2, 2),
    "R-4s": _leaps,
    "4-1s": _beyond(4, 1),
    "10-x": _beyond(10, 0),
}


def bull_average(values: Sequence[float], before: float) -> float:
    """Bull's moving average after one more batch of smears.

    ``before + sign(s) * s**2`` with ``s`` the mean over the batch of
    ``sign(x - before) * sqrt(|x - before|)``: a single odd smear moves it little (Bull, Elashoff,
    Heilbron and Couperus 1974, A study of various estimators for the derivation of quality control
    procedures from patient erythrocyte indices).

    Parameters
    ----------
    values : sequence of float
        Of a batch, usually :data:`BULL_SMEARS`.
    before : float
        The average before it.
    """
    off = np.asarray(values, np.float64) - before
    s = float((np.sign(off) * np.sqrt(np.abs(off))).mean())
    return before + math.copysign(s * s, s)
