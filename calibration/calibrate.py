"""Temperature and refer band from predictions on held-out cells."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from calibration.predictions import Predictions
from calibration.refer_band import BandMetrics, ReferBand, choose_band, measure_band
from calibration.temperature import calibration_error, fit_temperature
from edge.errors import DataRefused


@dataclass(frozen=True)
class Calibration:
    """How logits become probabilities and decisions.

    Attributes
    ----------
    temperature : float
    refer_band : ReferBand
    cells, subjects : int
        What it was fitted on.
    missed_target, false_alarm_target : float
        Targets the band was chosen for.
    on_these : BandMetrics
        What the band does on the cells it was chosen on: flattering by construction.
    ece_before, ece_after : float
        Expected calibration error at temperature 1 and at `temperature`.
    """

    temperature: float
    refer_band: ReferBand
    cells: int
    subjects: int
    missed_target: float
    false_alarm_target: float
    on_these: BandMetrics
    ece_before: float
    ece_after: float


def calibrate(predictions: Predictions, missed: float, false_alarms: float) -> Calibration:
    """Fit the temperature, then choose the refer band.

    Parameters
    ----------
    predictions : Predictions
    missed, false_alarms : float
        As for :func:`calibration.refer_band.choose_band`.

    Returns
    -------
    Calibration
    """
    margins, labels = predictions.margins, predictions.labels
    temperature = fit_temperature(margins, labels)
    p_leukemia = 1 / (1 + np.exp(-margins / temperature))
    band = choose_band(p_leukemia, labels, missed, false_alarms)
    return Calibration(
        temperature=temperature,
        refer_band=band,
        cells=len(labels),
        subjects=len(set(predictions.subjects.tolist())),
        missed_target=missed,
        false_alarm_target=false_alarms,
        on_these=measure_band(band, p_leukemia, labels),
        ece_before=calibration_error(1 / (1 + np.exp(-margins)), labels),
        ece_after=calibration_error(p_leukemia, labels),
    )


def read_calibration(path: Path) -> Calibration:
    """Read what ``edge-all-calibrate`` wrote.

    Raises
    ------
    DataRefused
        If the file is not readable.
    """
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        fields["refer_band"] = ReferBand(**fields["refer_band"])
        fields["on_these"] = BandMetrics(**fields["on_these"])
        return Calibration(**fields)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataRefused(f"{path} is no calibration of edge-all-calibrate: {error}") from error
