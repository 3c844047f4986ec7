"""Temperature and refer band from predictions on held-out cells."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from calibration.metrics import Metrics, measure
from calibration.predictions import Predictions, join
from calibration.refer_band import BandMetrics, ReferBand, choose_band, measure_band
from calibration.temperature import calibration_error, fit_temperature
from edge.errors import DataRefused


@dataclass(frozen=True)
class Fold:
    """How good the network of one fold is on the people held out of it.

    Attributes
    ----------
    healthy, leukemic : tuple of str
        The people.
    metrics : Metrics
        At temperature 1, decided at probability 0.5.
    """

    healthy: tuple[str, ...]
    leukemic: tuple[str, ...]
    metrics: Metrics


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
    folds : tuple of Fold
        What it was fitted on, fold by fold: the same recipe on other people.
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
    folds: tuple[Fold, ...]


def calibrate(folds: Sequence[Predictions], missed: float, false_alarms: float) -> Calibration:
    """Fit the temperature, then choose the refer band, on all folds together.

    Parameters
    ----------
    folds : sequence of Predictions
        Of networks of the same recipe, each on people held out of its training.
    missed, false_alarms : float
        As for :func:`calibration.refer_band.choose_band`.

    Returns
    -------
    Calibration
    """
    predictions = join(folds)
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
        folds=tuple(map(_measure_fold, folds)),
    )


def _measure_fold(fold: Predictions) -> Fold:
    p_leukemia = 1 / (1 + np.exp(-fold.margins))
    healthy, leukemic = (
        tuple(sorted(set(fold.subjects[fold.labels == label].tolist()))) for label in (0, 1)
    )
    return Fold(healthy, leukemic, measure(p_leukemia, fold.labels, fold.subjects))


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
        fields["folds"] = tuple(
            Fold(tuple(fold["healthy"]), tuple(fold["leukemic"]), Metrics(**fold["metrics"]))
            for fold in fields["folds"]
        )
        return Calibration(**fields)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataRefused(f"{path} is no calibration of edge-all-calibrate: {error}") from error
