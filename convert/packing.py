"""What a conversion that passed its gates leaves behind: model file, twin, ranges, reference."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from calibration.drift_reference import drift_reference
from calibration.probabilities.calibrate import Calibration
from calibration.probabilities.refer_band import measure_band
from calibration.probabilities.thresholds import measure_thresholds
from convert.graph.flatbuffer import minimum_runtime, operators
from convert.job import Job
from convert.network.contract import Terms
from convert.network.logits_model import LogitsModel
from convert.probabilities import Probabilities
from convert.quantize.quantized import Quantized
from convert.quantize.range_estimators import MINMAX
from convert.quantize.recipe import Recipe, save_recipe
from convert.verify.fidelity import Fidelity, Stages
from convert.verify.gates import Limits
from convert.verify.golden import Golden
from convert.versions import created_with
from edge.decisions.decision import judge
from edge.drift.gates import FACT, NOT_HELD, DriftLimits
from edge.errors import ConversionFailed
from edge.models.metadata import SCHEMA, Metadata, parse_metadata
from edge.models.model_file import write_model_file
from edge.reference.drift_reference import DriftReference, parse_reference
from edge.statistics.answers import Logits, margins_of
from edge.statistics.metrics import measure
from edge.statistics.reliability import probabilities as probabilities_at
from edge.statistics.several import measure_several, probabilities_of


def describe_model_file(
    job: Job,
    source: LogitsModel,
    terms: Terms,
    probabilities: Probabilities,
    twin: bytes,
    quantized: Quantized,
    golden: Golden,
    stages: Stages,
    fidelity: Fidelity,
) -> Metadata:
    """Say in a model file's metadata what it is and how it came about.

    Parameters
    ----------
    job : Job
    source : LogitsModel
    terms : Terms
        What the Keras file takes and gives; `source` is fitted to devices already.
    probabilities : Probabilities
    twin : bytes
        Float flatbuffer.
    quantized : Quantized
    golden : Golden
    stages : Stages
    fidelity : Fidelity

    Raises
    ------
    ConversionFailed
        If a device would refuse it: the training record or the calibration is impossible.
    """
    int8, calibration = quantized.flatbuffer, probabilities.calibration
    scheme = f"{quantized.scheme}; ranges from {quantized.ranges_are}"
    band = calibration.refer_band
    metadata = Metadata(
        schema=SCHEMA,
        network=source.network,
        contract=terms.contract,
        head="logits",
        temperature=calibration.temperature,
        refer_band=None if band is None else (band.low, band.high),
        thresholds=calibration.thresholds,
        quantization="; ".join(part for part in (scheme, terms.departs) if part),
        operators=operators(int8),
        minimum_runtime=minimum_runtime(int8),
        flatbuffer_sha256=_sha256(int8),
        twin_sha256=_sha256(twin),
        keras_sha256=source.sha256,
        golden_tolerance=golden.tolerance,
        trained_on=job.record.trained_on | _said(job, terms),
        accuracy=job.record.accuracy | _int8_accuracy(stages, calibration),
        fidelity=fidelity.summary()
        | {FACT: asdict(_limits_of_release(job.options.limits, quantized.recipe))},
        calibration=probabilities.facts(),
        created_with=created_with(),
    )
    try:
        return parse_metadata(metadata.to_json())
    except ValueError as error:
        raise ConversionFailed(
            f"no device would read this model file: {error}; see its training record and"
            " calibration"
        ) from error


def _limits_of_release(limits: Limits, recipe: Recipe) -> DriftLimits:
    """What a device holds its own cells to: the limits of the conversion.

    Ranges by another rule than the smallest and the largest value cut off on purpose, and those of
    equalised channels are on another scale than the twin's: neither says how many cells they saw.
    """
    are_plain = recipe.estimator == MINMAX and not recipe.exponents
    return DriftLimits(
        agreement=limits.agreement,
        mean_p_error=limits.mean_p_error,
        flips_outside_band=limits.flips_outside_band,
        weighted_f1_loss=limits.weighted_f1_loss,
        clipped_cells=DriftLimits.clipped_cells if are_plain else NOT_HELD,
    )


def pack(
    folder: Path,
    job: Job,
    twin: bytes,
    quantized: Quantized,
    golden: Golden,
    stages: Stages,
    metadata: Metadata,
) -> None:
    """Write the model file and what belongs to it into a folder; parameters as above."""
    reference = _reference(job, stages, metadata)
    (folder / f"{job.name}-float.tflite").write_bytes(twin)
    save_recipe(
        folder / f"{job.name}-ranges.json",
        quantized.recipe,
        metadata.keras_sha256,
        quantized.ranges_are,
    )
    if reference:
        (folder / f"{job.name}-reference.json").write_text(reference.to_json(), encoding="utf-8")
    write_model_file(
        folder / f"{job.name}.tflite",
        quantized.flatbuffer,
        metadata,
        golden.vectors,
        reference,
        twin if job.options.with_twin else None,
    )


def _sha256(content: bytes) -> str:
    """Hash as hex."""
    return hashlib.sha256(content).hexdigest()


def _said(job: Job, terms: Terms) -> dict[str, Any]:
    """Who says what the network takes and gives, where no record does."""
    if job.record.contract is not None:
        return {}
    return {
        "labels_from": terms.outputs_from,
        "background_from": terms.background_from,
        "input_range_from": terms.range_from or "nobody: 0..1, which cells at hand do not refute",
    }


def _reference(job: Job, stages: Stages, metadata: Metadata) -> DriftReference | None:
    """How the held-out cells look and are decided; drawn cells say nothing about cells."""
    if stages.labels is None:
        return _earlier_reference(job.reference_file, metadata.contract.words)
    verdicts = [judge(logits, metadata) for logits in stages.int8.tolist()]
    cells = job.cells
    return drift_reference(cells.evaluation, verdicts, cells.evaluation_are, metadata.contract)


def _earlier_reference(path: Path, words: tuple[str, ...]) -> DriftReference | None:
    if not path.is_file():
        return None
    try:
        return parse_reference(path.read_text(encoding="utf-8"), words)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConversionFailed(
            f"{path} is no data-drift reference: {error}; remove it, or give cells"
        ) from error


def _int8_accuracy(stages: Stages, calibration: Calibration) -> dict[str, Any]:
    """Metrics of the int8 network and of its decisions, where there are cells of every label."""
    labels, subjects = stages.known_labels, stages.subjects
    if labels is None or subjects is None:
        return {}
    if calibration.refer_band is not None:
        margins = margins_of(stages.int8) / calibration.temperature
        return {
            "int8": asdict(measure(margins, labels, subjects)),
            "decisions": asdict(
                measure_band(calibration.refer_band, probabilities_at(margins), labels)
            ),
        }
    return _of_several(stages.int8, labels, calibration)


def _of_several(
    int8: Logits, labels: npt.NDArray[np.integer], calibration: Calibration
) -> dict[str, Any]:
    assert calibration.thresholds is not None
    p = probabilities_of(int8, calibration.temperature)
    return {
        "int8": asdict(measure_several(int8 / calibration.temperature, labels)),
        "decisions": asdict(measure_thresholds(calibration.thresholds, p, labels)),
    }
