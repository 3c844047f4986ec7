"""How close each stage of a conversion is to the one before: Keras, float TFLite, int8."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from calibration.probabilities.refer_band import ReferBand
from edge.drift.comparison import (
    Answered,
    Cells,
    Comparison,
    compare_networks,
    refuse_not_finite,
)
from edge.statistics.answers import Logits, answers_of

KERAS, FLOAT, INT8 = "Keras", "float TFLite", "int8 TFLite"
"""Names of the stages."""


@dataclass(frozen=True)
class Stages:
    """Logits of the three stages on the same cells.

    Attributes
    ----------
    keras, twin, int8 : ndarray of float, shape (n, labels)
    logit_step : float
        One step of the int8 output (its least significant bit), in logits.
    names : ndarray of str, shape (n,)
    labels : ndarray of int, shape (n,), or None
        Numbers of the labels; None for cells that have none.
    subjects : ndarray of str, shape (n,), or None
    cells_are : str
        Where the cells come from, in words.
    """

    keras: Logits
    twin: Logits
    int8: Logits
    logit_step: float
    names: npt.NDArray[np.str_]
    labels: npt.NDArray[np.integer] | None
    subjects: npt.NDArray[np.str_] | None
    cells_are: str

    @property
    def known_labels(self) -> npt.NDArray[np.integer] | None:
        """Labels, if there are cells of every one; else None."""
        return Cells(self.names, self.labels, self.subjects).known_labels(self.twin.shape[1])


@dataclass(frozen=True)
class Fidelity:
    """How close the stages of a conversion are.

    Attributes
    ----------
    cells : int
    cells_are : str
        Where the cells come from, in words.
    logit_step : float
        One step of the int8 output, in logits.
    temperature : float
        Divides logits before they become probabilities.
    refer_band : ReferBand or None
        Of two labels, what is ``refer``, for both comparisons.
    thresholds : tuple of float or None
        Of more labels, the least probability at which each is decided.
    export : Comparison
        Keras to float TFLite.
    quantization : Comparison
        Float TFLite to int8: quantization drift.
    """

    cells: int
    cells_are: str
    logit_step: float
    temperature: float
    refer_band: ReferBand | None
    thresholds: tuple[float, ...] | None
    export: Comparison
    quantization: Comparison

    def summary(self) -> dict[str, Any]:
        """What a model file says of its fidelity."""
        return {
            "cells": self.cells,
            "cells_are": self.cells_are,
            "parity": self.export.max_logit_error,
            "agreement": self.quantization.agreement,
            "flips": len(self.quantization.flips),
            "flip_margin": self.quantization.flip_margin,
            "mean_logit_error": self.quantization.mean_logit_error,
            "max_logit_error": self.quantization.max_logit_error,
            "logit_step": self.logit_step,
        }


def compare(
    stages: Stages,
    temperature: float,
    band: ReferBand | None,
    thresholds: tuple[float, ...] | None = None,
) -> Fidelity:
    """Compare each stage with the one before.

    Parameters
    ----------
    stages : Stages
    temperature : float
        Divides logits before they become probabilities.
    band : ReferBand or None
        Of two labels.
    thresholds : tuple of float, optional
        Of more labels.

    Returns
    -------
    Fidelity

    Raises
    ------
    GateFailed
        If a stage gives NaN or infinity for a cell: nothing can be compared with that.
    """
    found = []
    ends = None if band is None else (band.low, band.high)
    for name, logits in ((KERAS, stages.keras), (FLOAT, stages.twin), (INT8, stages.int8)):
        refuse_not_finite(name, logits, stages.names)
        found.append(Answered(name, logits, answers_of(logits, temperature, ends, thresholds)))
    keras, twin, int8 = found
    cells = Cells(stages.names, stages.labels, stages.subjects)
    return Fidelity(
        cells=len(stages.twin),
        cells_are=stages.cells_are,
        logit_step=stages.logit_step,
        temperature=temperature,
        refer_band=band,
        thresholds=thresholds,
        export=compare_networks(keras, twin, cells, temperature),
        quantization=compare_networks(twin, int8, cells, temperature, stages.logit_step),
    )
