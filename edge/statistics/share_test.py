"""Whether a share keeps to a limit, by a test that may be looked at after every cell.

The capital of a gambler who bets that the share is above the limit has a mean of at most 1 while
it is not, whatever he has seen before he bets. So it ever reaches 1 / alpha with a probability of
at most alpha (Ville 1939, Étude critique de la notion de collectif), and looking often costs
nothing. Cells need not be independent: given all before it, each may flip with a probability of
at most the limit. Ramdas, Grünwald, Vovk and Shafer 2023, Game-theoretic statistics and safe
anytime-valid inference; Waudby-Smith and Ramdas 2024, Estimating means of bounded random
variables by betting, section 4; Podkopaev and Ramdas 2022, Tracking the risk of a deployed
model, which tests the risk of a network in this way.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

ALPHA = 0.01
"""How often a test may at most find what is not so, however often it is looked at."""

_ABOVE = (1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0)
_BELOW = (0.75, 0.5, 0.25, 0.1, 0.0)
_HIGHEST = 0.95  # share that is bet on at most: of 1 a single cell that keeps would ruin the bet


def log_e_values(
    cells: npt.ArrayLike, kept_not: npt.ArrayLike, limit: float, above: bool = True
) -> npt.NDArray[np.float64]:
    """Logarithm of the gambler's capital after some cells.

    He splits it evenly over a few shares p beyond the limit q, and holds each bet:
    ``mean over p of (p / q) ** k * ((1 - p) / (1 - q)) ** (n - k)``, the method of mixtures
    (Robbins 1970, Statistical methods related to the law of the iterated logarithm).

    Parameters
    ----------
    cells, kept_not : array-like of int
        How many were seen, n, and how many of them did what is to be rare, k.
    limit : float
        Above 0, below 1.
    above : bool
        Bet that the share is above the limit; otherwise that it is below.
    """
    if not 0 < limit < 1:
        raise ValueError(f"the limit of a share is {limit}, not between 0 and 1")
    factors = _ABOVE if above else _BELOW
    n, k = np.asarray(cells, np.float64)[..., None], np.asarray(kept_not, np.float64)[..., None]
    shares = np.array([min(factor * limit, _HIGHEST) for factor in factors])
    shares = np.maximum(shares, limit) if above else shares
    with np.errstate(divide="ignore", invalid="ignore"):
        hits = np.where(k > 0, k * (np.log(shares) - math.log(limit)), 0.0)
    misses = (n - k) * (np.log1p(-shares) - math.log1p(-limit))
    return np.asarray(np.logaddexp.reduce(hits + misses, axis=-1) - math.log(len(factors)))


@dataclass(frozen=True)
class ShareTest:
    """Cells so far, and what they say of a share and its limit.

    Attributes
    ----------
    limit : float
        Above 0, below 1.
    alpha : float
        Probability, at most, of finding the share above (or below) where it is not.
    cells, kept_not : int
        Seen; and of them those that did what is to be rare.
    most_above, most_below : float
        Largest logarithm that the capital has reached, of who bets on above and on below.
    """

    limit: float
    alpha: float = ALPHA
    cells: int = 0
    kept_not: int = 0
    most_above: float = 0.0
    most_below: float = 0.0

    def see(self, did: bool) -> ShareTest:
        """Return this test with one more cell."""
        cells, kept_not = self.cells + 1, self.kept_not + bool(did)
        ends = (float(log_e_values(cells, kept_not, self.limit, side)) for side in (True, False))
        above, below = ends
        return replace(
            self,
            cells=cells,
            kept_not=kept_not,
            most_above=max(self.most_above, above),
            most_below=max(self.most_below, below),
        )

    @property
    def share(self) -> float | None:
        """As seen; None without cells."""
        return self.kept_not / self.cells if self.cells else None

    @property
    def e_value(self) -> float:
        """Largest capital so far of who bets on above."""
        return math.exp(min(self.most_above, 700.0))

    @property
    def is_above(self) -> bool | None:
        """True or False once it is known, with errors of at most `alpha`; None until then."""
        enough = -math.log(self.alpha)
        if self.most_above >= enough:
            return True
        return False if self.most_below >= enough else None
