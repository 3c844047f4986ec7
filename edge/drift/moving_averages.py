"""Bull's moving averages: batches of smears against the people of a reference.

As haematology analysers watch themselves by the red cells of their patients, without a slide. A
description: the verdict is that of :mod:`edge.drift.monitor`, with its stated rate of false alarms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge.drift.people import People
from edge.drift.smears import CHANNELS, FEWEST_CELLS, Smear
from edge.statistics.control_rules import BULL_SMEARS, bull_average


@dataclass(frozen=True)
class MovingAverage:
    """One channel, batch by batch; the last batch ends with the last smear.

    Attributes
    ----------
    channel : str
        Of :data:`edge.drift.smears.CHANNELS`.
    deviations : tuple of float
        Averages, in standard deviations between the people of the reference from their mean.
    """

    channel: str
    deviations: tuple[float, ...]


def moving_averages(reference: People, seen: Sequence[Smear]) -> tuple[MovingAverage, ...]:
    """Average batches of 20 smears, each from where the one before ended.

    Parameters
    ----------
    reference : People
    seen : sequence of Smear
        In the order in which they came; those with too few cells are left out, and of the first
        ones as many as fill no batch.

    Returns
    -------
    tuple of MovingAverage
        Of every channel in which people differ, the one that lies farthest off first; empty
        with fewer smears than a batch, or fewer than two people.
    """
    people = [smear for smear in reference.smears if smear.cells >= FEWEST_CELLS]
    judged = [smear for smear in seen if smear.cells >= FEWEST_CELLS]
    if len(people) < 2 or len(judged) < BULL_SMEARS:
        return ()
    found = []
    for channel in CHANNELS:
        of_people = np.array([smear.values[channel] for smear in people])
        mean, spread = float(of_people.mean()), float(of_people.std(ddof=1))
        if spread > 0:
            values = [smear.values[channel] for smear in judged]
            averages = _averages(values, mean)
            found.append(MovingAverage(channel, tuple((a - mean) / spread for a in averages)))
    return tuple(sorted(found, key=lambda average: -abs(average.deviations[-1])))


def _averages(values: Sequence[float], mean: float) -> list[float]:
    averages, before = [], mean
    for start in range(len(values) % BULL_SMEARS, len(values), BULL_SMEARS):
        before = bull_average(values[start : start + BULL_SMEARS], before)
        averages.append(before)
    return averages
