"""The gates of quantization drift: what int8 may change on this machine's cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from edge.documents.words import counted
from edge.drift.clipping import LayerClipping, worst_layer
from edge.drift.comparison import Comparison
from edge.statistics.shares import wilson_interval

FEWEST_CELLS = 200
"""Cells below which a single flip would fail a limit of 0.995: fewer can fail it, not keep it."""

FEWEST_LOOKED_INTO = 30
"""Cells below which none cut off may be chance where 10 % are: 0.9 to the power of 30 is 0.04."""

NOT_HELD = 1.0
"""Limit of `clipped_cells` of networks whose ranges cut off on purpose: nothing is judged."""

_MAY_BE_CHANCE = "; on so few cells that may be chance: give more"

FACT = "gates"
"""Name, in a model file's facts of fidelity, of the limits that it was released with."""


@dataclass(frozen=True)
class DriftLimits:
    """The most that int8 may change; those of a conversion, by default.

    Attributes
    ----------
    agreement : float
        Least share of cells with the same likeliest label.
    mean_p_error : float
        Mean difference of the calibrated probability.
    flips_outside_band : int
        Most cells with another label of which float is sure, so that nobody looks.
    weighted_f1_loss : float
        Most that weighted F1 may fall.
    clipped_cells : float
        Largest share of cells, 0..1, of which a layer gives in float what its int8 range cannot
        hold: by ranges of 300 cells like them, about 0.003; of 5, about 0.17
        (:mod:`edge.drift.clipping`). :data:`NOT_HELD`: not judged.
    """

    agreement: float = 0.995
    mean_p_error: float = 0.01
    flips_outside_band: int = 0
    weighted_f1_loss: float = 0.002
    clipped_cells: float = 0.03


def limits_of(fidelity: Mapping[str, Any]) -> DriftLimits:
    """Limits that a model file was released with; the defaults where it does not say.

    Parameters
    ----------
    fidelity : mapping
        Of :class:`edge.models.metadata.Metadata`.
    """
    given = fidelity.get(FACT)
    if not isinstance(given, dict):
        return DriftLimits()
    names = {each.name for each in fields(DriftLimits)}
    known = {
        name: value
        for name, value in given.items()
        if name in names and type(value) in (int, float) and value >= 0
    }
    return DriftLimits(**known)


@dataclass(frozen=True)
class DriftGate:
    """One gate and what was measured at it.

    Attributes
    ----------
    name : str
        Stable: ``agreement``, ``mean-p-error``, ``flips-outside-band``, ``weighted-f1-loss``,
        ``clipped-cells``.
    value : float or None
    limit : float
    passed : bool or None
        None where it cannot be judged, which is not passed: cells are a sample, and a limit is
        missed only where 95 % intervals leave no doubt.
    says : str
        The same in a sentence.
    """

    name: str
    value: float | None
    limit: float
    passed: bool | None
    says: str

    @property
    def result(self) -> str:
        """``passed``, ``failed`` or ``skipped``."""
        return {True: "passed", False: "failed", None: "skipped"}[self.passed]


def judge_drift(found: Comparison, cells: int, limits: DriftLimits) -> tuple[DriftGate, ...]:
    """Hold what was measured against the limits.

    Parameters
    ----------
    found : Comparison
        Float before, int8 after.
    cells : int
        On which it was measured.
    limits : DriftLimits
    """
    return (
        _agreement(found, cells, limits.agreement),
        _mean_p_error(found, limits.mean_p_error),
        _flips_outside_band(found, cells, limits.flips_outside_band),
        _weighted_f1_loss(found, limits.weighted_f1_loss),
    )


def judge_clipping(layers: Sequence[LayerClipping], limit: float) -> DriftGate:
    """Hold the layer that cuts off most cells against the limit.

    Parameters
    ----------
    layers : sequence of LayerClipping
    limit : float
        :attr:`DriftLimits.clipped_cells`.
    """
    worst = worst_layer(layers)
    if worst is None or limit >= NOT_HELD:
        says = "no range of a layer is judged: " + (
            "this network was made to cut off" if layers else "int8 has no layer of its twin"
        )
        share = None if worst is None else worst.share
        return DriftGate("clipped-cells", share, limit, None, says)
    says = (
        f"for {worst.share:.1%} of {counted(worst.cells, 'cell')} int8 cuts off what float gives"
        f" in one layer, {limit:.1%} may"
    )
    passed: bool | None = None
    if worst.is_beyond(limit):
        passed = False
        says += (
            "; its ranges come from too few cells, or from other ones than these: convert it again"
            " with some hundred like these"
        )
    elif worst.cells < FEWEST_LOOKED_INTO:
        says += f"; fewer than {FEWEST_LOOKED_INTO} cells do not tell"
    elif worst.share <= limit:
        passed = True
    else:
        says += _MAY_BE_CHANCE
    return DriftGate("clipped-cells", worst.share, limit, passed, says)


def _agreement(found: Comparison, cells: int, limit: float) -> DriftGate:
    says = (
        f"int8 agrees with float on {found.agreement:.2%} of {counted(cells, 'cell')}"
        f" ({len(found.flips)} differ), {limit:.2%} is required"
    )
    least, _ = wilson_interval(len(found.flips), cells)
    passed: bool | None = None
    if least > 1 - limit:
        passed = False
    elif cells < FEWEST_CELLS:
        says += f"; fewer than {FEWEST_CELLS} cells do not tell"
    elif found.agreement >= limit:
        passed = True
    else:
        says += _MAY_BE_CHANCE
    return DriftGate("agreement", found.agreement, limit, passed, says)


def _mean_p_error(found: Comparison, limit: float) -> DriftGate:
    value = found.mean_p_error
    says = f"int8 probabilities are off by {value:.3g} on average, {limit:.3g} is allowed"
    return DriftGate("mean-p-error", value, limit, value <= limit, says)


def _flips_outside_band(found: Comparison, cells: int, limit: int) -> DriftGate:
    outside = found.flips_outside_band
    says = (
        f"{len(outside)} of {counted(cells, 'cell')} change their label where float does not"
        f" refer, {limit} may"
    )
    if outside:
        says += f"; nobody looks at them, first {outside[0].name}"
    passed = len(outside) <= limit
    return DriftGate("flips-outside-band", float(len(outside)), float(limit), passed, says)


def _weighted_f1_loss(found: Comparison, limit: float) -> DriftGate:
    name = "weighted-f1-loss"
    if found.accuracy is None:
        says = "no labels of every kind are given, so that accuracy is unknown; see --labels"
        return DriftGate(name, None, limit, None, says)
    scores = {change.score: change for change in found.accuracy.scores}
    change = scores["weighted_f1"]
    loss = round(change.before - change.after, 12)  # 0.002 lost is 0.002, not 2e-18 more
    says = (
        f"weighted F1 is {change.before:.4f} in float and {change.after:.4f} in int8,"
        f" {limit:.4f} less is allowed"
    )
    passed: bool | None = loss <= limit
    if not passed and -change.high <= limit:  # the interval of the difference: after less before
        passed, says = None, says + _MAY_BE_CHANCE
    return DriftGate(name, loss, limit, passed, says)
