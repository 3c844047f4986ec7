"""How close each stage of a conversion is to the one before: Keras, float TFLite, int8."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from calibration.probabilities.refer_band import ReferBand
from convert.verify.accuracy_change import AccuracyChange, measure_change
from edge.errors import GateFailed
from edge.files import file_name
from edge.statistics.reliability import probabilities

Logits = npt.NDArray[np.floating]

KERAS, FLOAT, INT8 = "Keras", "float TFLite", "int8 TFLite"
"""Names of the stages."""


@dataclass(frozen=True)
class Stages:
    """Logits of the three stages on the same cells.

    Attributes
    ----------
    keras, twin, int8 : ndarray of float, shape (n, 2)
    logit_step : float
        One step of the int8 output (its least significant bit), in logits.
    names : ndarray of str, shape (n,)
    labels : ndarray of int, shape (n,), or None
        0 ``hem``, 1 ``all``; None for cells that have none.
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


@dataclass(frozen=True)
class Flip:
    """A cell whose likelier label differs between two stages.

    Attributes
    ----------
    cell : int
        Position among the evaluation cells.
    name : str
    label : int or None
        What it is: 0 ``hem``, 1 ``all``.
    margin_before, margin_after : float
        ``logit_all - logit_hem``.
    p_before, p_after : float
        Calibrated probability of leukemia, 0..1.
    in_band : bool
        Whether the decision before is ``refer``, so that a person looks anyway.
    """

    cell: int
    name: str
    label: int | None
    margin_before: float
    margin_after: float
    p_before: float
    p_after: float
    in_band: bool


@dataclass(frozen=True)
class Comparison:
    """One stage against the one before, on the same cells.

    Attributes
    ----------
    before, after : str
        The stages: two of :data:`KERAS`, :data:`FLOAT`, :data:`INT8`.
    mean_logit_error, max_logit_error : float
        Of ``|after - before|`` over both logits.
    mean_steps, max_steps : float or None
        The same in steps of the int8 output; None where no stage is int8.
    margin_shift : float
        Mean of margin after - before: to the side of healthy where negative. An
        error to one side moves all cells near the boundary the same way.
    mean_p_error, max_p_error : float
        Of ``|after - before|`` of the calibrated probability of leukemia.
    agreement : float
        Share of cells whose likelier label is the same, 0..1.
    decisions_changed : int
        Cells whose decision (healthy, refer, leukemia) differs.
    mean_kl, max_kl : float
        Kullback-Leibler divergence of the two softmax outputs at temperature 1, in nats.
    flips : tuple of Flip
        Largest margin before first.
    flip_margin : float
        Every flip lies within this ``|logit_all - logit_hem|`` before; 0 without flips.
    accuracy : AccuracyChange or None
        None where cells have no labels, or those of one class only.
    """

    before: str
    after: str
    mean_logit_error: float
    max_logit_error: float
    mean_steps: float | None
    max_steps: float | None
    margin_shift: float
    mean_p_error: float
    max_p_error: float
    agreement: float
    decisions_changed: int
    mean_kl: float
    max_kl: float
    flips: tuple[Flip, ...]
    flip_margin: float
    accuracy: AccuracyChange | None

    @property
    def flips_outside_band(self) -> tuple[Flip, ...]:
        """Flips of cells nobody would have looked at."""
        return tuple(flip for flip in self.flips if not flip.in_band)


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
    refer_band : ReferBand
        What turns margins into probabilities and decisions, for both comparisons.
    export : Comparison
        Keras to float TFLite.
    quantization : Comparison
        Float TFLite to int8: quantization drift.
    """

    cells: int
    cells_are: str
    logit_step: float
    temperature: float
    refer_band: ReferBand
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


def compare(stages: Stages, temperature: float, band: ReferBand) -> Fidelity:
    """Compare each stage with the one before.

    Parameters
    ----------
    stages : Stages
    temperature : float
        Divides margins before they become probabilities.
    band : ReferBand

    Returns
    -------
    Fidelity

    Raises
    ------
    GateFailed
        If a stage gives NaN or infinity for a cell: nothing can be compared with that.
    """
    for name, logits in ((KERAS, stages.keras), (FLOAT, stages.twin), (INT8, stages.int8)):
        _refuse_not_finite(name, logits, stages)
    return Fidelity(
        cells=len(stages.twin),
        cells_are=stages.cells_are,
        logit_step=stages.logit_step,
        temperature=temperature,
        refer_band=band,
        export=_compare(stages, temperature, band, (KERAS, stages.keras), (FLOAT, stages.twin)),
        quantization=_compare(stages, temperature, band, (FLOAT, stages.twin), (INT8, stages.int8)),
    )


def margins_of(logits: Logits) -> npt.NDArray[np.float64]:
    """``logit_all - logit_hem``: (n, 2) -> (n,)."""
    wide = np.asarray(logits, np.float64)
    return np.asarray(wide[:, 1] - wide[:, 0])


def kl_divergence(before: Logits, after: Logits) -> npt.NDArray[np.float64]:
    """Kullback-Leibler divergence of softmax outputs, in nats.

    ``sum over labels of p log(p / q)`` with p and q the softmax of `before` and of
    `after` (Kullback and Leibler 1951, On Information and Sufficiency, section 2).

    Parameters
    ----------
    before, after : ndarray of float, shape (n, 2)

    Returns
    -------
    ndarray of float64, shape (n,)
        At least 0.
    """
    p_margin, q_margin = margins_of(before), margins_of(after)
    p = probabilities(p_margin)
    # log of the logistic function, in the form that overflows nowhere
    all_part = p * (np.logaddexp(0, -q_margin) - np.logaddexp(0, -p_margin))
    hem_part = (1 - p) * (np.logaddexp(0, q_margin) - np.logaddexp(0, p_margin))
    return np.asarray(np.maximum(all_part + hem_part, 0))  # rounding can leave -1e-17


def _compare(
    stages: Stages,
    temperature: float,
    band: ReferBand,
    first: tuple[str, Logits],
    second: tuple[str, Logits],
) -> Comparison:
    (before, before_logits), (after, after_logits) = first, second
    error = np.abs(np.asarray(after_logits, np.float64) - before_logits)
    was, now = margins_of(before_logits), margins_of(after_logits)
    p, q = probabilities(was / temperature), probabilities(now / temperature)
    flips = tuple(
        Flip(
            cell=int(i),
            name=file_name(stages.names[i]),
            label=None if stages.labels is None else int(stages.labels[i]),
            margin_before=float(was[i]),
            margin_after=float(now[i]),
            p_before=float(p[i]),
            p_after=float(q[i]),
            in_band=bool(_decisions(p[i], band) == 0),
        )
        for i in _flipped(was, now)
    )
    kl = kl_divergence(before_logits, after_logits)
    step = stages.logit_step if after == INT8 else None
    return Comparison(
        before=before,
        after=after,
        mean_logit_error=float(error.mean()),
        max_logit_error=float(error.max()),
        mean_steps=None if step is None else float(error.mean()) / step,
        max_steps=None if step is None else float(error.max()) / step,
        margin_shift=float((now - was).mean()),
        mean_p_error=float(np.abs(q - p).mean()),
        max_p_error=float(np.abs(q - p).max()),
        # a ratio of whole numbers: 199 of 200 is the same number as a limit of 0.995
        agreement=(len(was) - len(flips)) / len(was),
        decisions_changed=int(np.sum(_decisions(p, band) != _decisions(q, band))),
        mean_kl=float(kl.mean()),
        max_kl=float(kl.max()),
        flips=flips,
        flip_margin=max((abs(flip.margin_before) for flip in flips), default=0.0),
        accuracy=_accuracy(stages, was / temperature, now / temperature),
    )


def _flipped(was: npt.NDArray[np.float64], now: npt.NDArray[np.float64]) -> list[int]:
    """Cells whose likelier label differs, largest margin before first."""
    cells: list[int] = np.flatnonzero((was >= 0) != (now >= 0)).tolist()
    return sorted(cells, key=lambda cell: -abs(was[cell]))


def _decisions(p_positive: npt.NDArray[np.floating], band: ReferBand) -> npt.NDArray[np.integer]:
    """-1 healthy, 0 refer, 1 leukemia."""
    return np.asarray((p_positive > band.high).astype(int) - (p_positive < band.low))


def _accuracy(
    stages: Stages, was: npt.NDArray[np.float64], now: npt.NDArray[np.float64]
) -> AccuracyChange | None:
    labels, subjects = stages.labels, stages.subjects
    if labels is None or subjects is None or set(labels.tolist()) != {0, 1}:
        return None
    return measure_change(was, now, labels, subjects)


def _refuse_not_finite(stage: str, logits: Logits, stages: Stages) -> None:
    bad = np.flatnonzero(~np.isfinite(logits).all(axis=1))
    if len(bad):
        raise GateFailed(
            f"{stage} gives NaN or infinity for {len(bad)} of {len(logits)} cells, first for"
            f" {file_name(stages.names[bad[0]])}: the network cannot be used; look for a diverged"
            " training or an overflow in the export"
        )
