"""What decides on labels, chosen on held-out cells: a band of two, thresholds of more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from calibration.probabilities.predictions import Predictions
from calibration.probabilities.refer_band import BandMetrics, ReferBand, choose_band, measure_band
from calibration.probabilities.thresholds import (
    ThresholdMetrics,
    choose_thresholds,
    measure_thresholds,
)
from edge.decisions.decision import probability, softmax
from edge.errors import DataRefused
from edge.statistics.bootstrap import Weights
from edge.statistics.reliability import probabilities
from edge.statistics.risk_coverage import selective_risks, selective_risks_several
from edge.statistics.several import probabilities_of


class Chosen(Protocol):
    """What was chosen, and how it is measured on the same cells weighted otherwise."""

    @property
    def refer_band(self) -> ReferBand | None:
        """Of two labels."""

    @property
    def thresholds(self) -> tuple[float, ...] | None:
        """Of more."""

    @property
    def on_these(self) -> BandMetrics | None:
        """What the band does on the cells it was chosen on."""

    @property
    def thresholds_on_these(self) -> ThresholdMetrics | None:
        """What the thresholds do on them."""

    def measure_again(self, temperature: float, weights: Weights | None) -> dict[str, float | None]:
        """Choose again at a temperature; measure what was chosen: name -> number."""

    def risks(self, weights: Weights | None) -> npt.NDArray[np.float64]:
        """Risk at every coverage (:func:`edge.statistics.risk_coverage.selective_risks`)."""


def prefixed(prefix: str, numbers: Mapping[str, float | None]) -> dict[str, float | None]:
    """Put a prefix before every name."""
    return {prefix + name: number for name, number in numbers.items()}


@dataclass(frozen=True)
class ChosenBand:
    """A refer band and the cells of two labels it was chosen on.

    Attributes
    ----------
    cells : Predictions
    p_positive : ndarray of float64, shape (n,)
    missed, false_alarms, sensitivity, weights
        As for :func:`calibration.probabilities.refer_band.choose_band`.
    refer_band : ReferBand
    """

    cells: Predictions
    p_positive: npt.NDArray[np.float64]
    missed: float
    false_alarms: float
    sensitivity: float | None
    weights: Weights | None
    refer_band: ReferBand
    thresholds: None = None
    thresholds_on_these: None = None

    @property
    def on_these(self) -> BandMetrics:
        """What it does on them."""
        return measure_band(self.refer_band, self.p_positive, self.cells.labels, self.weights)

    def measure_again(self, temperature: float, weights: Weights | None) -> dict[str, float | None]:
        """As for :class:`Chosen`."""
        labels = self.cells.labels
        again = choose_band(
            probabilities(self.cells.margins / temperature),
            labels,
            self.missed,
            self.false_alarms,
            self.sensitivity,
            weights,
        )
        measured = measure_band(self.refer_band, self.p_positive, labels, weights)
        return {
            **prefixed("refer_band.", asdict(again)),
            **prefixed("on_these.", asdict(measured)),
        }

    def risks(self, weights: Weights | None) -> npt.NDArray[np.float64]:
        """As for :class:`Chosen`."""
        return selective_risks(self.cells.margins, self.cells.labels, weights)


def chosen_band(
    cells: Predictions,
    temperature: float,
    missed: float,
    false_alarms: float,
    sensitivity: float | None,
    weights: Weights | None = None,
) -> ChosenBand:
    """Choose the refer band of two labels at a temperature."""
    # as the device works them out: another form differs in the last digit, and ends of the band
    # are among them
    p_positive = np.array([probability(m, temperature) for m in cells.margins.tolist()])
    targets = (missed, false_alarms, sensitivity, weights)
    band = choose_band(p_positive, cells.labels, *targets)
    return ChosenBand(cells, p_positive, *targets, band)


@dataclass(frozen=True)
class ChosenThresholds:
    """Thresholds and the cells of more than two labels they were chosen on.

    Attributes
    ----------
    cells : Predictions
    names : tuple of str
        Of the labels.
    p : ndarray of float64, shape (n, labels)
    targets : tuple of float
    weights : ndarray of float, shape (n,), or None
        As for :func:`calibration.probabilities.thresholds.choose_thresholds`.
    thresholds : tuple of float
    """

    cells: Predictions
    names: tuple[str, ...]
    p: npt.NDArray[np.float64]
    targets: tuple[float, ...]
    weights: Weights | None
    thresholds: tuple[float, ...]
    refer_band: None = None
    on_these: None = None

    @property
    def thresholds_on_these(self) -> ThresholdMetrics:
        """What they do on them."""
        return measure_thresholds(self.thresholds, self.p, self.cells.labels, self.weights)

    def measure_again(self, temperature: float, weights: Weights | None) -> dict[str, float | None]:
        """As for :class:`Chosen`."""
        labels = self.cells.labels
        again = choose_thresholds(
            probabilities_of(self.cells.logits, temperature), labels, self.targets, weights
        )
        measured = measure_thresholds(self.thresholds, self.p, labels, weights)
        found: dict[str, float | None] = dict(
            zip((f"thresholds.{name}" for name in self.names), again, strict=True)
        )
        found |= {
            "thresholds_on_these.referred": measured.referred,
            "thresholds_on_these.wrong": measured.wrong,
        }
        for name, each in zip(self.names, measured.labels, strict=True):
            found |= {
                f"thresholds_on_these.{name}.referred": each.referred,
                f"thresholds_on_these.{name}.wrong": each.wrong,
            }
        return found

    def risks(self, weights: Weights | None) -> npt.NDArray[np.float64]:
        """As for :class:`Chosen`."""
        return selective_risks_several(self.p, self.cells.labels, weights)


def chosen_thresholds(
    cells: Predictions,
    names: Sequence[str],
    temperature: float,
    targets: Sequence[float],
    weights: Weights | None = None,
) -> ChosenThresholds:
    """Choose the thresholds of more than two labels at a temperature.

    Raises
    ------
    DataRefused
        If no threshold keeps a target: cells are decided wrongly with probability 1.
    """
    # as the device works them out, for the same reason
    p = np.array([softmax(logits, temperature) for logits in cells.logits.tolist()])
    thresholds = choose_thresholds(p, cells.labels, targets, weights)
    found = measure_thresholds(thresholds, p, cells.labels, weights)
    for label, (of_label, target) in enumerate(zip(found.labels, targets, strict=True)):
        for other, share in enumerate(of_label.decided):
            if other != label and share > target:
                raise DataRefused(
                    f"{share:.1%} of the {names[label]} cells are {names[other]} with probability"
                    f" 1, so that no threshold keeps them at {target:.1%}: look at the network and"
                    " its labels"
                )
    return ChosenThresholds(cells, tuple(names), p, tuple(targets), weights, thresholds)
