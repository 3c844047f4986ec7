"""How close each stage of a conversion is to the one before: Keras, float TFLite, int8."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from calibration.probabilities.refer_band import ReferBand
from convert.verify.accuracy_change import AccuracyChange, measure_change
from convert.verify.answers import Answers, Logits, answers_of, kl_divergence
from edge.errors import GateFailed
from edge.files import file_name

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
        if self.labels is None or self.subjects is None:
            return None
        wanted = set(range(self.twin.shape[1]))
        return self.labels if set(self.labels.tolist()) == wanted else None


@dataclass(frozen=True)
class Flip:
    """A cell whose likelier label differs between two stages.

    Attributes
    ----------
    cell : int
        Position among the evaluation cells.
    name : str
    label : int or None
        Number of the label that it is of.
    likeliest_before, likeliest_after : int
        Numbers of the likelier labels.
    margin_before, margin_after : float
        Of two labels, logit of the second less that of the first; of more, logit of the likeliest
        less that of the next.
    p_before, p_after : float
        Calibrated probability, 0..1: of the second of two labels; of more, of the likeliest.
    in_band : bool
        Whether the decision before is ``refer``, so that a person looks anyway.
    """

    cell: int
    name: str
    label: int | None
    likeliest_before: int
    likeliest_after: int
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
        Of ``|after - before|`` over all logits.
    mean_steps, max_steps : float or None
        The same in steps of the int8 output; None where no stage is int8.
    margin_shift : float or None
        Of two labels, mean of margin after - before: to the side of the first where negative. An
        error to one side moves all cells near the boundary the same way. None of more labels.
    mean_p_error, max_p_error : float
        Of ``|after - before|`` of the calibrated probability: of the second of two labels; of
        more, over all of them.
    agreement : float
        Share of cells whose likelier label is the same, 0..1.
    decisions_changed : int
        Cells whose decision (a label or ``refer``) differs.
    mean_kl, max_kl : float
        Kullback-Leibler divergence of the two softmax outputs at temperature 1, in nats.
    flips : tuple of Flip
        Largest margin before first.
    flip_margin : float
        Every flip lies within this margin before, whatever its sign; 0 without flips.
    accuracy : AccuracyChange or None
        None where cells have no labels, or not those of every label.
    """

    before: str
    after: str
    mean_logit_error: float
    max_logit_error: float
    mean_steps: float | None
    max_steps: float | None
    margin_shift: float | None
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
    for name, logits in ((KERAS, stages.keras), (FLOAT, stages.twin), (INT8, stages.int8)):
        _refuse_not_finite(name, logits, stages)
        found.append(_Stage(name, logits, answers_of(logits, temperature, band, thresholds)))
    keras, twin, int8 = found
    return Fidelity(
        cells=len(stages.twin),
        cells_are=stages.cells_are,
        logit_step=stages.logit_step,
        temperature=temperature,
        refer_band=band,
        thresholds=thresholds,
        export=_compare(stages, temperature, keras, twin),
        quantization=_compare(stages, temperature, twin, int8),
    )


@dataclass(frozen=True)
class _Stage:
    name: str
    logits: Logits
    answers: Answers


def _compare(stages: Stages, temperature: float, before: _Stage, after: _Stage) -> Comparison:
    was, now = before.answers, after.answers
    error = np.abs(np.asarray(after.logits, np.float64) - before.logits)
    p_error = np.abs(now.every_p - was.every_p).ravel()
    flips = tuple(_flip(stages, was, now, cell) for cell in _flipped(was, now))
    kl = kl_divergence(before.logits, after.logits)
    step = stages.logit_step if after.name == INT8 else None
    cells, are_two = len(was.p), before.logits.shape[1] == 2
    return Comparison(
        before=before.name,
        after=after.name,
        mean_logit_error=float(error.mean()),
        max_logit_error=float(error.max()),
        mean_steps=None if step is None else float(error.mean()) / step,
        max_steps=None if step is None else float(error.max()) / step,
        margin_shift=float((now.margins - was.margins).mean()) if are_two else None,
        mean_p_error=float(p_error.mean()),
        max_p_error=float(p_error.max()),
        # a ratio of whole numbers: 199 of 200 is the same number as a limit of 0.995
        agreement=(cells - len(flips)) / cells,
        decisions_changed=int(np.sum(was.decisions != now.decisions)),
        mean_kl=float(kl.mean()),
        max_kl=float(kl.max()),
        flips=flips,
        flip_margin=max((abs(flip.margin_before) for flip in flips), default=0.0),
        accuracy=_accuracy(stages, before.logits, after.logits, temperature),
    )


def _flipped(was: Answers, now: Answers) -> list[int]:
    """Cells whose likelier label differs, largest margin before first."""
    cells: list[int] = np.flatnonzero(was.likeliest != now.likeliest).tolist()
    return sorted(cells, key=lambda cell: -abs(was.margins[cell]))


def _flip(stages: Stages, was: Answers, now: Answers, cell: int) -> Flip:
    return Flip(
        cell=cell,
        name=file_name(stages.names[cell]),
        label=None if stages.labels is None else int(stages.labels[cell]),
        likeliest_before=int(was.likeliest[cell]),
        likeliest_after=int(now.likeliest[cell]),
        margin_before=float(was.margins[cell]),
        margin_after=float(now.margins[cell]),
        p_before=float(was.p[cell]),
        p_after=float(now.p[cell]),
        in_band=bool(was.refers[cell]),
    )


def _accuracy(
    stages: Stages, before: Logits, after: Logits, temperature: float
) -> AccuracyChange | None:
    labels, subjects = stages.known_labels, stages.subjects
    if labels is None or subjects is None:
        return None
    return measure_change(before, after, labels, subjects, temperature)


def _refuse_not_finite(stage: str, logits: Logits, stages: Stages) -> None:
    bad = np.flatnonzero(~np.isfinite(logits).all(axis=1))
    if len(bad):
        raise GateFailed(
            f"{stage} gives NaN or infinity for {len(bad)} of {len(logits)} cells, first for"
            f" {file_name(stages.names[bad[0]])}: the network cannot be used; look for a diverged"
            " training or an overflow in the export"
        )
