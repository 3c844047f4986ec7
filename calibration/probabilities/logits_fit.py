"""Fit a temperature and say what it does to a network's probabilities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.probabilities.temperature import fit_temperature
from edge.statistics.balanced import brier_score, calibration_error
from edge.statistics.reliability import probabilities


@dataclass(frozen=True)
class LogitsFit:
    """A temperature and what it does to probabilities, both classes weighing the same.

    Attributes
    ----------
    temperature : float
    ece_before, ece_after : float
        Expected calibration error at temperature 1 and at `temperature`.
    brier_before, brier_after : float
        Brier score, likewise.
    """

    temperature: float
    ece_before: float
    ece_after: float
    brier_before: float
    brier_after: float


def fit_logits(
    margins: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    weights: npt.NDArray[np.floating] | None = None,
    measured_at: float | None = None,
) -> LogitsFit:
    """Fit a temperature and measure it.

    Parameters
    ----------
    margins, labels, weights : ndarray, shape (n,)
        As for :func:`calibration.probabilities.temperature.fit_temperature`.
    measured_at : float, optional
        Temperature whose probabilities are measured, if not the fitted one.

    Returns
    -------
    LogitsFit
    """
    temperature = fit_temperature(margins, labels, weights)
    before = probabilities(margins)
    after = probabilities(margins / (measured_at or temperature))
    return LogitsFit(
        temperature=temperature,
        ece_before=calibration_error(before, labels, weights),
        ece_after=calibration_error(after, labels, weights),
        brier_before=brier_score(before, labels, weights),
        brier_after=brier_score(after, labels, weights),
    )
