"""Fit a temperature and say what it does to a network's probabilities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.probabilities.temperature import fit_temperature
from edge.statistics.balanced import (
    brier_score,
    brier_score_several,
    calibration_error,
    calibration_error_several,
)
from edge.statistics.reliability import margins_of, probabilities
from edge.statistics.several import probabilities_of


@dataclass(frozen=True)
class LogitsFit:
    """A temperature and what it does to probabilities, every label weighing the same.

    Attributes
    ----------
    temperature : float
    ece_before, ece_after : float
        Expected calibration error at temperature 1 and at `temperature`: of the second of two
        labels, of the likeliest of more.
    brier_before, brier_after : float
        Brier score, likewise; of more labels the sum over them.
    """

    temperature: float
    ece_before: float
    ece_after: float
    brier_before: float
    brier_after: float


def fit_logits(
    logits: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    weights: npt.NDArray[np.floating] | None = None,
    measured_at: float | None = None,
) -> LogitsFit:
    """Fit a temperature and measure it.

    Parameters
    ----------
    logits, labels, weights : ndarray
        As for :func:`calibration.probabilities.temperature.fit_temperature`.
    measured_at : float, optional
        Temperature whose probabilities are measured, if not the fitted one.

    Returns
    -------
    LogitsFit
    """
    temperature = fit_temperature(logits, labels, weights)
    before = _measure(logits, 1.0, labels, weights)
    after = _measure(logits, measured_at or temperature, labels, weights)
    return LogitsFit(temperature, before[0], after[0], before[1], after[1])


def _measure(
    logits: npt.NDArray[np.floating],
    temperature: float,
    labels: npt.NDArray[np.integer],
    weights: npt.NDArray[np.floating] | None,
) -> tuple[float, float]:
    """Calibration error and Brier score at a temperature."""
    if logits.shape[1] == 2:
        p_positive = probabilities(margins_of(logits) / temperature)
        return (
            calibration_error(p_positive, labels, weights),
            brier_score(p_positive, labels, weights),
        )
    p = probabilities_of(logits, temperature)
    return (
        calibration_error_several(p, labels, weights),
        brier_score_several(p, labels, weights),
    )
