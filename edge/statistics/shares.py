"""Intervals of shares."""

from __future__ import annotations

NORMAL = 1.959963984540054
"""97.5th percentile of the standard normal distribution."""


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
