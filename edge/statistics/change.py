"""Whether something changed, at a time nobody knows, with a stated rate of false alarms."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

RUN_LENGTH = 1000.0
"""Smears to a false alarm, on average, where nothing else is asked for."""


@dataclass(frozen=True)
class ShiryaevRoberts:
    """Shiryaev-Roberts e-detector: evidence for a change at any time so far, added up.

    ``M = (M before + 1) * e``. Where nothing changed, ``M - n`` falls on average, so that M
    reaches a threshold A after A steps or more on average: the average run length is at least A,
    and within the first n steps there is an alarm with a probability of at most n / A (Shin,
    Ramdas and Rinaldo 2024, E-detectors: a nonparametric framework for sequential change
    detection, section 2.3). The mean of several such detectors is one, however they depend on
    each other.

    Attributes
    ----------
    values : tuple of float
        M of each bet.
    steps : int
    """

    values: tuple[float, ...]
    steps: int = 0

    def see(self, e_values: npt.ArrayLike) -> ShiryaevRoberts:
        """Return this detector one step on, with an e-value of each bet."""
        grown = (np.asarray(self.values) + 1) * np.asarray(e_values, np.float64)
        return replace(self, values=tuple(grown.tolist()), steps=self.steps + 1)

    @property
    def evidence(self) -> float:
        """Mean over the bets; an alarm where it is the average run length or more."""
        return float(np.mean(self.values))


def no_steps_yet(bets: int) -> ShiryaevRoberts:
    """Start a detector."""
    return ShiryaevRoberts((0.0,) * bets)


def evidence_over_time(e_values: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Run detectors of many streams at once.

    Parameters
    ----------
    e_values : ndarray of float, shape (streams, steps, bets)

    Returns
    -------
    ndarray of float64, shape (streams, steps)
        :attr:`ShiryaevRoberts.evidence` after each step.
    """
    streams, steps, bets = e_values.shape
    values, found = np.zeros((streams, bets)), np.empty((streams, steps))
    for step in range(steps):
        values = (values + 1) * e_values[:, step]
        found[:, step] = values.mean(axis=1)
    return found
