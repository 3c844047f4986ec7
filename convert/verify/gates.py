"""The gates of a conversion: what each stage may change, and whether it kept to that."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from convert.graph.layers import Layer, short_name
from convert.graph.profiles import EDGE_TPU, lacking
from convert.verify.fidelity import Fidelity
from convert.verify.golden import MOST_TOLERANCE
from edge.documents.words import counted
from edge.drift.comparison import Comparison
from edge.errors import GateFailed


@dataclass(frozen=True)
class Limits:
    """The most that a conversion may change.

    Attributes
    ----------
    parity : float
        Largest difference of a logit, Keras to float TFLite. Both compute in
        float32; only the order of sums may differ.
    agreement : float
        Least share of cells with the same label, float to int8.
    mean_p_error : float
        Mean difference of the calibrated probability, float to int8. Agreement looks at
        the boundary only: logits cut off by too narrow ranges keep their side and lose
        their probability.
    flips_outside_band : int
        Most cells with another likeliest label whose float decision is not ``refer``, so
        that nobody looks.
    weighted_f1_loss : float
        Most that weighted F1 may fall, float to int8; 0.002 is 0.2 points.
    golden_spread : int
        Most steps of the int8 output by which the kernels at hand may differ on the
        golden vectors; beyond, these would not tell the network from another.
    """

    parity: float = 1e-3
    agreement: float = 0.995
    mean_p_error: float = 0.01
    flips_outside_band: int = 0
    weighted_f1_loss: float = 0.002
    golden_spread: int = MOST_TOLERANCE


@dataclass(frozen=True)
class Gate:
    """One gate and what was measured at it.

    Attributes
    ----------
    name : str
        Stable: ``answers-vary``, ``better-than-chance``, ``as-recorded``, ``input-range``
        (:mod:`convert.verify.network_gates`), ``parity``, ``agreement``, ``mean-p-error``,
        ``flips-outside-band``, ``weighted-f1-loss``, ``golden-spread``,
        ``float-layers``, and where asked for
        ``runtime-profile`` and ``onnx-parity``.
    stage : str
        Stable: ``record-to-keras``, ``keras-to-float``, ``float-to-int8``, ``int8-to-device`` or
        ``keras-to-onnx``.
    value : float or None
        As measured; None where it cannot be.
    limit : float
    passed : bool or None
        None where it cannot be judged: skipped, which is not passed.
    says : str
        The same in a sentence, with what to do where it failed.
    """

    name: str
    stage: str
    value: float | None
    limit: float
    passed: bool | None
    says: str

    @property
    def result(self) -> str:
        """``passed``, ``failed`` or ``skipped``."""
        return {True: "passed", False: "failed", None: "skipped"}[self.passed]


def gate_of(
    name: str, stage: str, value: float, limit: float, passed: bool, says: str, advice: str
) -> Gate:
    """Make a gate that could be judged; the advice is given where it failed."""
    return Gate(name, stage, value, limit, passed, says if passed else f"{says}: {advice}")


def judge_fidelity(fidelity: Fidelity, limits: Limits | None = None) -> tuple[Gate, ...]:
    """Hold what was measured against the limits.

    Parameters
    ----------
    fidelity : Fidelity
    limits : Limits, optional
        The defaults.

    Returns
    -------
    tuple of Gate
        In the order of the stages.
    """
    limits = limits or Limits()
    int8, cells = fidelity.quantization, fidelity.cells
    return (
        _parity(fidelity.export, limits.parity),
        _agreement(int8, cells, limits.agreement),
        _mean_p_error(int8, limits.mean_p_error),
        _flips_outside_band(fidelity, limits.flips_outside_band),
        _weighted_f1_loss(int8, limits.weighted_f1_loss),
    )


def judge_golden(spread: int, limits: Limits | None = None) -> Gate:
    """Hold the spread of the golden vectors between kernels, in int8 steps, against its limit."""
    limit = (limits or Limits()).golden_spread
    return gate_of(
        "golden-spread",
        "int8-to-device",
        float(spread),
        float(limit),
        spread <= limit,
        f"int8 outputs differ by {spread} steps between the kernels of this machine, {limit} may",
        "the network amplifies rounding; keep its sensitive layers in float, or retrain it",
    )


def judge_float_layers(
    found: Sequence[Layer], chosen: Collection[str], allowed: int | None = None
) -> Gate:
    """Hold the layers that run in float against those that may.

    Parameters
    ----------
    found : sequence of Layer
        As :func:`convert.graph.layers.float_layers` finds them.
    chosen : collection of str
        Names of the layers that accuracy control left in float on purpose.
    allowed : int, optional
        How many may; by default those chosen, and no other.
    """
    unasked = [layer for layer in found if layer.name not in chosen]
    limit = len(found) - len(unasked) if allowed is None else allowed
    named = ", ".join(map(short_name, [*unasked, *(f for f in found if f not in unasked)][:2]))
    more = f" and {len(found) - 2} more" if len(found) > 2 else ""
    return gate_of(
        "float-layers",
        "float-to-int8",
        float(len(found)),
        float(limit),
        len(found) <= limit,
        f"{counted(len(found), 'layer')} in float ({named}{more}), {limit} may"
        if found
        else "no layer runs in float",
        "int8 has no form of some: build the network with others, such as relu, or allow them with"
        f" --allow-float {len(found)}"
        if unasked
        else f"allow them with --allow-float {len(found)}",
    )


def judge_profile(flatbuffer: bytes, profile: str) -> Gate:
    """Hold the operators against what a runtime has (:func:`convert.graph.profiles.lacking`)."""
    found = lacking(flatbuffer, profile)
    remedy = "convert with an older TensorFlow, replace those layers, or install a newer runtime"
    if profile == EDGE_TPU:
        remedy = "replace those layers: its compiler leaves them, and all behind, to the processor"
    return gate_of(
        "runtime-profile",
        "int8-to-device",
        float(len(found)),
        0.0,
        not found,
        f"{profile} lacks {', '.join(found)}" if found else f"{profile} has all operators",
        remedy,
    )


def judge_onnx(difference: float, limits: Limits | None = None) -> Gate:
    """Hold the largest difference of a logit, Keras to ONNX, against that of float TFLite."""
    limit = (limits or Limits()).parity
    return gate_of(
        "onnx-parity",
        "keras-to-onnx",
        difference,
        limit,
        difference <= limit,
        f"ONNX differs from Keras by {difference:.2g} in a logit, {limit:.2g} is allowed",
        "the export changed the network",
    )


def require(gates: Sequence[Gate]) -> None:
    """Fail if a gate failed.

    Raises
    ------
    GateFailed
        Names every gate that failed.
    """
    failed = [gate for gate in gates if gate.passed is False]
    if failed:
        raise GateFailed("; ".join(gate.says for gate in failed))


def verdict(gates: Sequence[Gate]) -> str:
    """How many gates passed, failed and were skipped, in a sentence."""
    results = [gate.result for gate in gates]
    failed, skipped = results.count("failed"), results.count("skipped")
    unjudged = f"; {counted(skipped, 'gate')} could not be judged and said nothing"
    if failed:
        return f"{failed} of {counted(len(gates), 'gate')} failed{unjudged if skipped else ''}."
    return f"{results.count('passed')} of {counted(len(gates), 'gate')} passed" + (
        f"{unjudged}." if skipped else "."
    )


def _parity(export: Comparison, limit: float) -> Gate:
    value = export.max_logit_error
    return gate_of(
        "parity",
        "keras-to-float",
        value,
        limit,
        value <= limit,
        f"float TFLite differs from Keras by {value:.2g} in a logit, {limit:.2g} is allowed",
        "the export changed the network",
    )


def _agreement(int8: Comparison, cells: int, limit: float) -> Gate:
    return gate_of(
        "agreement",
        "float-to-int8",
        int8.agreement,
        limit,
        int8.agreement >= limit,
        f"int8 agrees with float on {int8.agreement:.2%} of {cells} cells ({len(int8.flips)}"
        f" differ), {limit:.2%} is required",
        "see which layers lose most, or give more and more varied representative cells",
    )


def _mean_p_error(int8: Comparison, limit: float) -> Gate:
    value = int8.mean_p_error
    return gate_of(
        "mean-p-error",
        "float-to-int8",
        value,
        limit,
        value <= limit,
        f"int8 probabilities are off by {value:.3g} on average, {limit:.3g} is allowed",
        "they are not those of the float network; see which layers lose most",
    )


def _flips_outside_band(fidelity: Fidelity, limit: int) -> Gate:
    outside, cells = fidelity.quantization.flips_outside_band, fidelity.cells
    where = "outside the refer band" if fidelity.refer_band else "where float does not refer"
    return gate_of(
        "flips-outside-band",
        "float-to-int8",
        float(len(outside)),
        float(limit),
        len(outside) <= limit,
        f"{len(outside)} of {cells} cells change their label {where}, {limit} may",
        f"nobody looks at them, first {outside[0].name if outside else ''}",
    )


def _weighted_f1_loss(int8: Comparison, limit: float) -> Gate:
    name, stage = "weighted-f1-loss", "float-to-int8"
    if int8.accuracy is None:
        says = "the evaluation cells are not of every label, so that accuracy is unknown"
        return Gate(name, stage, None, limit, None, f"{says}; give labelled cells to judge it")
    change, cells = int8.accuracy.of("weighted_f1"), int8.accuracy.mcnemar
    loss = round(change.before - change.after, 12)  # 0.002 lost is 0.002, not 2e-18 more
    return gate_of(
        name,
        stage,
        loss,
        limit,
        loss <= limit,
        f"weighted F1 is {change.before:.4f} in float and {change.after:.4f} in int8"
        f" ({counted(cells.only_first, 'cell')} decided worse, {cells.only_second} better),"
        f" {limit:.4f} less is allowed",
        "int8 decides worse; see the flips and which layers lose most",
    )
