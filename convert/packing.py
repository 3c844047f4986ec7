"""What a conversion that passed its gates leaves behind: model file, twin, ranges, reference."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from calibration.cells.labelled_crops import LABELS
from calibration.drift_reference import drift_reference
from calibration.probabilities.refer_band import measure_band
from convert.graph.flatbuffer import minimum_runtime, operators
from convert.job import Job
from convert.network.contract import Contract
from convert.network.logits_model import LogitsModel
from convert.quantize.quantized import Quantized
from convert.quantize.recipe import save_recipe
from convert.verify.fidelity import Fidelity, Stages, margins_of
from convert.verify.golden import Golden
from convert.versions import created_with
from edge.crops.preprocess import CROP_SIDE
from edge.decisions.decision import judge
from edge.drift.reference import DriftReference, parse_reference
from edge.engine.network import INPUT_SCALE, INPUT_ZERO_POINT
from edge.errors import ConversionFailed
from edge.models.metadata import SCHEMA, InputContract, Metadata, parse_metadata
from edge.models.model_file import write_model_file
from edge.statistics.metrics import measure
from edge.statistics.reliability import probabilities


def describe_model_file(
    job: Job,
    source: LogitsModel,
    contract: Contract,
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
    contract : Contract
        What the Keras file takes and gives; `source` is fitted to devices already.
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
    int8, calibration = quantized.flatbuffer, job.calibration
    scheme = f"{quantized.scheme}; ranges from {quantized.ranges_are}"
    metadata = Metadata(
        schema=SCHEMA,
        network=source.network,
        labels=LABELS,
        input=InputContract(CROP_SIDE, "RGB", "int8", INPUT_SCALE, INPUT_ZERO_POINT),
        head="logits",
        temperature=calibration.temperature,
        refer_band=(calibration.refer_band.low, calibration.refer_band.high),
        quantization="; ".join(part for part in (scheme, contract.departs) if part),
        operators=operators(int8),
        minimum_runtime=minimum_runtime(int8),
        flatbuffer_sha256=_sha256(int8),
        twin_sha256=_sha256(twin),
        keras_sha256=source.sha256,
        golden_tolerance=golden.tolerance,
        trained_on=job.record.trained_on,
        accuracy=job.record.accuracy | _int8_accuracy(stages, job),
        fidelity=fidelity.summary(),
        calibration=asdict(calibration),
        created_with=created_with(),
    )
    try:
        return parse_metadata(metadata.to_json())
    except ValueError as error:
        raise ConversionFailed(
            f"no device would read this model file: {error}; see its training record and"
            " calibration"
        ) from error


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
        folder / f"{job.name}.tflite", quantized.flatbuffer, metadata, golden.vectors, reference
    )


def _sha256(content: bytes) -> str:
    """Hash as hex."""
    return hashlib.sha256(content).hexdigest()


def _reference(job: Job, stages: Stages, metadata: Metadata) -> DriftReference | None:
    """How the held-out cells look and are decided; drawn cells say nothing about cells."""
    if stages.labels is None:
        return _earlier_reference(job.reference_file)
    verdicts = [judge(hem, leukemic, metadata) for hem, leukemic in stages.int8.tolist()]
    return drift_reference(job.cells.evaluation, verdicts, job.cells.evaluation_are)


def _earlier_reference(path: Path) -> DriftReference | None:
    if not path.is_file():
        return None
    try:
        return parse_reference(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConversionFailed(
            f"{path} is no data-drift reference: {error}; remove it, or give cells"
        ) from error


def _int8_accuracy(stages: Stages, job: Job) -> dict[str, Any]:
    """Metrics of the int8 network and of its decisions, where the cells have labels."""
    if stages.labels is None or stages.subjects is None:
        return {}
    labels = np.asarray(stages.labels)
    margins = margins_of(stages.int8) / job.calibration.temperature
    return {
        "int8": asdict(measure(margins, labels, stages.subjects)),
        "decisions": asdict(
            measure_band(job.calibration.refer_band, probabilities(margins), labels)
        ),
    }
