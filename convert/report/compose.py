"""From what a conversion measured to what its report says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from convert.job import Job
from convert.probabilities import Probabilities
from convert.quantize.accuracy_control import PLAIN, Attempt, Controlled
from convert.quantize.quantized import Quantized
from convert.quantize.stability import Stability
from convert.report import schema
from convert.report.cell_scores import cell_scores
from convert.report.schema import ConversionReport, Network
from convert.verify.fidelity import Fidelity, Stages
from convert.verify.gates import Gate
from convert.verify.layer_fidelity import LayerFidelity
from edge.contract import Contract
from edge.statistics.answers import margins_of
from edge.statistics.scores import Scores, measure_scores
from edge.statistics.several import SeveralScores, measure_several


def compose(
    job: Job,
    network: Network,
    contract: Contract,
    probabilities: Probabilities,
    quantized: Quantized,
    stages: Stages,
    fidelity: Fidelity,
    gates: Sequence[Gate],
    key: str,
) -> ConversionReport:
    """Put a report together, but for when and how fast it was made.

    Parameters
    ----------
    job : Job
    network : Network
    contract : Contract
    probabilities : Probabilities
    quantized : Quantized
    stages : Stages
    fidelity : Fidelity
    gates : sequence of Gate
    key : str
        Hash of all that the conversion depends on.
    """
    return ConversionReport(
        network=network,
        contract=contract,
        gates=tuple(gates),
        fidelity=fidelity,
        cells=cell_scores(stages),
        layers=None if quantized.layers is None else tuple(map(_layer, quantized.layers)),
        attempts=None if quantized.controlled is None else _attempts(quantized.controlled),
        representative=_representative(job, quantized),
        calibration=_calibration(probabilities, stages),
        key=key,
    )


def _layer(found: LayerFidelity) -> schema.LayerRow:
    return schema.LayerRow(
        found.name,
        found.operator,
        found.snr_db,
        found.cosine,
        found.range_use,
        found.saturated,
        found.rank,
    )


def _attempts(controlled: Controlled) -> tuple[schema.Attempt, ...]:
    """What was tried; nothing if the first int8 network passed."""
    if len(controlled.attempts) == 1 and controlled.passed:
        return ()
    return tuple(_attempt(controlled, attempt) for attempt in controlled.attempts)


def _attempt(controlled: Controlled, attempt: Attempt) -> schema.Attempt:
    in_float = attempt.latency_ratio is not None
    without_float = replace(controlled.recipe, kept_float=())
    return schema.Attempt(
        what=attempt.what,
        agreement=attempt.agreement,
        mean_logit_error=attempt.mean_logit_error,
        bought=f"{attempt.bought:+.4f} logits",
        cost="time: see latency" if in_float else "none",
        kept=in_float or attempt.what == (without_float.departs or PLAIN),
    )


def _representative(job: Job, quantized: Quantized) -> schema.RepresentativeSet:
    cells, stability = job.cells.representative, quantized.stability
    return schema.RepresentativeSet(
        strategy=job.cells.strategy,
        cells=None if cells is None else len(cells),
        cells_are=quantized.ranges_are,
        stability=None if stability is None else _stability(stability),
        warnings=(stability.warning,) if stability and stability.warning else (),
    )


def _stability(found: Stability) -> schema.Stability:
    return schema.Stability(
        found.tensors,
        tuple((tensor.name, 1 / (1 - tensor.difference)) for tensor in found.unstable),
    )


def _calibration(given: Probabilities, stages: Stages) -> schema.ProbabilityCalibration:
    found = given.calibration
    before, after = (_measure(stages, temperature) for temperature in (1.0, found.temperature))
    band = found.refer_band
    return schema.ProbabilityCalibration(
        temperature_float=found.temperature,
        temperature_int8=found.int8.temperature if found.int8 else None,
        refer_low=None if band is None else band.low,
        refer_high=None if band is None else band.high,
        thresholds=found.thresholds,
        ece_before=before.ece if before else None,
        ece_after=after.ece if after else None,
        brier_before=before.brier if before else None,
        brier_after=after.brier if after else None,
        measured_on=f"int8, {stages.cells_are}",
        fitted_on=given.fitted_on,
        warnings=found.warnings,
    )


def _measure(stages: Stages, temperature: float) -> Scores | SeveralScores | None:
    """Scores of int8 at a temperature; None without cells of every label."""
    labels = stages.known_labels
    if labels is None:
        return None
    if stages.int8.shape[1] == 2:
        return measure_scores(margins_of(stages.int8) / temperature, labels)
    return measure_several(stages.int8 / temperature, labels)
