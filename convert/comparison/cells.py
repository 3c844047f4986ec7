"""Which way of choosing representative cells makes the most faithful int8 network.

Every draw takes a random half of the candidates, as if another lab had collected them,
and every strategy chooses from the same half. So the spread over draws says how much
the cells that happen to be at hand matter, and draws can be compared in pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from calibration.representative.strategies import STRATEGIES, Candidates, Positions, choose
from convert.quantize.int8_tflite import to_int8_tflite
from convert.quantize.ranges import observe_cells
from edge.crops.preprocess import UInt8Image
from edge.engine.network import FloatNetwork, Int8Network
from edge.engine.runtime import find_runtime
from edge.errors import DataRefused
from edge.statistics.answers import Logits, kl_divergence, likeliest_of

SIZES = (50, 100, 300, 500)
"""Sizes compared; 50 only to see what is lost below the 100 that a set must have."""

PLAIN, EVERY = "random, no extremes", "every cell"
"""Compared besides the strategies: the plain baseline, and all that a draw holds."""

NAMES = (*STRATEGIES, PLAIN)
"""What is compared at every size."""


@dataclass(frozen=True)
class Outcome:
    """How close int8 is to float with one representative set.

    Attributes
    ----------
    strategy : str
        One of :data:`calibration.representative.strategies.STRATEGIES`, :data:`PLAIN` or
        :data:`EVERY`.
    n : int
        Cells in the set.
    draw : int
        Which half of the candidates it was chosen from; also the seed.
    kl : float
        :func:`edge.statistics.answers.kl_divergence` on average, nats.
    agreement : float
        Share of evaluation cells on which both decide the same, 0..1.
    mean_logit_error, max_logit_error : float
        Of ``|int8 - float|`` over all logits.
    """

    strategy: str
    n: int
    draw: int
    kl: float
    agreement: float
    mean_logit_error: float
    max_logit_error: float


def compare_strategies(
    twin: bytes,
    crops: UInt8Image,
    candidates: Candidates,
    evaluation: UInt8Image,
    draws: int,
    sizes: Sequence[int] = SIZES,
) -> list[Outcome]:
    """Quantize with every strategy, size and draw, and measure each on the same cells.

    Parameters
    ----------
    twin : bytes
        The float twin.
    crops : ndarray of uint8, shape (n, side, side, 3)
    candidates : Candidates
        The same cells as `crops`, measured.
    evaluation : ndarray of uint8, shape (m, side, side, 3)
        Cells that are no candidates.
    draws : int
        Halves of the candidates to draw.
    sizes : sequence of int

    Returns
    -------
    list of Outcome

    Raises
    ------
    DataRefused
        If half of the candidates is less than the smallest set.
    """
    if len(candidates) // 2 < min(sizes):
        raise DataRefused(
            f"half of {len(candidates)} cells is less than the smallest set that is compared,"
            f" {min(sizes)}; give more crops"
        )
    observed = observe_cells(twin, crops)
    expected = FloatNetwork(twin, find_runtime()).logits_of(evaluation)
    outcomes = []
    for draw in range(draws):
        half = np.random.default_rng(draw).permutation(len(candidates))[: len(candidates) // 2]
        pool = candidates.take(half)
        sets = [
            (name, _chooser(name)(pool, n, draw)) for n in sizes if n <= len(pool) for name in NAMES
        ]
        sets.append((EVERY, np.arange(len(pool))))
        for name, chosen in sets:
            int8 = to_int8_tflite(twin, observed.over(half[chosen]))
            outcomes.append(_measure(name, len(chosen), draw, expected, int8, evaluation))
    return outcomes


def _chooser(name: str) -> Callable[[Candidates, int, int], Positions]:
    if name == PLAIN:
        nothing = np.empty(0, np.intp)
        return lambda pool, n, seed: STRATEGIES["random"](pool, nothing, n, seed)
    return lambda pool, n, seed: choose(name, pool, n, seed, fewest=1)


def _measure(
    name: str, n: int, draw: int, expected: Logits, int8: bytes, evaluation: UInt8Image
) -> Outcome:
    found = Int8Network(int8, find_runtime()).logits_of(evaluation)
    error = np.abs(found - expected)
    same = likeliest_of(found) == likeliest_of(expected)
    return Outcome(
        strategy=name,
        n=n,
        draw=draw,
        kl=float(kl_divergence(expected, found).mean()),
        agreement=float(same.mean()),
        mean_logit_error=float(error.mean()),
        max_logit_error=float(error.max()),
    )
