"""One Keras model through all stages: float twin, int8, fidelity, model file."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from calibration.calibrate import Calibration
from calibration.metrics import measure
from calibration.refer_band import measure_band
from convert.cells import Cells
from convert.fidelity import Fidelity, Logits, Stages, compare
from convert.flatbuffer import minimum_runtime, operators
from convert.float_tflite import FloatNetwork, to_float_tflite
from convert.gates import Gate, Limits, judge, require
from convert.golden import make_golden
from convert.int8_tflite import SCHEME, to_int8_tflite
from convert.logits_model import keras_logits, load_logits_model
from convert.ranges import load_ranges, observe_ranges, save_ranges
from convert.record import TrainingRecord
from convert.versions import created_with
from edge.errors import ConversionFailed
from edge.metadata import SCHEMA, InputContract, Metadata
from edge.model_file import write_model_file
from edge.preprocess import CROP_SIDE
from edge.runtime import INPUT_SCALE, INPUT_ZERO_POINT, Int8Network, find_runtime

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Converted:
    """What a conversion wrote.

    Attributes
    ----------
    model : Path
        The model file.
    twin : Path
        The float twin, a bare ``.tflite``.
    fidelity : Fidelity
    gates : tuple of Gate
        All passed or skipped.
    metadata : Metadata
    """

    model: Path
    twin: Path
    fidelity: Fidelity
    gates: tuple[Gate, ...]
    metadata: Metadata


def convert(
    keras_file: Path,
    record: TrainingRecord,
    calibration: Calibration,
    cells: Cells,
    out: Path,
    ranges_file: Path | None = None,
    limits: Limits | None = None,
) -> Converted:
    """Convert a Keras model into a verified int8 model file.

    Writes ``<out>/<network>.tflite`` (the model file), ``<network>-float.tflite``
    (its twin), ``<network>-ranges.json`` and ``<network>-fidelity.json``, but the
    model file only if every gate holds.

    Parameters
    ----------
    keras_file : Path
    record : TrainingRecord
    calibration : Calibration
    cells : Cells
    out : Path
        Folder.
    ranges_file : Path, optional
        Ranges of an earlier conversion of the same file, in place of representative cells.
    limits : Limits, optional
        Of the gates; the defaults.

    Returns
    -------
    Converted

    Raises
    ------
    ConversionFailed
        If a stage refuses the model.
    GateFailed
        If the twin differs from Keras, or int8 from the twin, by more than allowed.
    """
    source = load_logits_model(keras_file)
    twin = to_float_tflite(source.model)
    if cells.representative is not None:
        ranges, ranges_are = observe_ranges(twin, cells.representative), cells.representative_are
    elif ranges_file is not None:
        ranges, ranges_are = load_ranges(ranges_file, source.sha256)
    else:
        raise ConversionFailed("neither representative cells nor a file of ranges was given")
    int8 = to_int8_tflite(twin, ranges)
    network = Int8Network(int8, find_runtime())
    int8_logits = np.stack([network.logits(crop) for crop in cells.evaluation])
    fidelity = _fidelity(source.model, twin, network, int8_logits, cells, calibration)
    gates = judge(fidelity, limits)

    out.mkdir(parents=True, exist_ok=True)
    _write_json(out / f"{source.network}-fidelity.json", fidelity.summary())
    require(gates)
    save_ranges(out / f"{source.network}-ranges.json", ranges, source.sha256, ranges_are)
    twin_file = out / f"{source.network}-float.tflite"
    twin_file.write_bytes(twin)
    golden = make_golden(int8)
    metadata = Metadata(
        schema=SCHEMA,
        network=source.network,
        labels=("hem", "all"),
        input=InputContract(CROP_SIDE, "RGB", "int8", INPUT_SCALE, INPUT_ZERO_POINT),
        head="logits",
        temperature=calibration.temperature,
        refer_band=(calibration.refer_band.low, calibration.refer_band.high),
        quantization=f"{SCHEME}; ranges from {ranges_are}",
        operators=operators(int8),
        minimum_runtime=minimum_runtime(int8),
        flatbuffer_sha256=hashlib.sha256(int8).hexdigest(),
        twin_sha256=hashlib.sha256(twin).hexdigest(),
        keras_sha256=source.sha256,
        golden_tolerance=golden.tolerance,
        trained_on=record.trained_on,
        accuracy=record.accuracy | _int8_accuracy(int8_logits, cells, calibration),
        fidelity=fidelity.summary(),
        calibration=asdict(calibration),
        created_with=created_with(),
    )
    model_file = out / f"{source.network}.tflite"
    write_model_file(model_file, int8, metadata, golden.vectors)
    return Converted(model_file, twin_file, fidelity, gates, metadata)


def _fidelity(
    model: keras.Model,
    twin: bytes,
    network: Int8Network,
    int8_logits: Logits,
    cells: Cells,
    calibration: Calibration,
) -> Fidelity:
    float_network = FloatNetwork(twin)
    stages = Stages(
        keras=keras_logits(model, cells.evaluation),
        twin=np.stack([float_network.logits(crop) for crop in cells.evaluation]),
        int8=int8_logits,
        logit_step=network.logit_step,
        names=cells.names,
        labels=cells.labels,
        subjects=cells.subjects,
        cells_are=cells.evaluation_are,
    )
    return compare(stages, calibration.temperature, calibration.refer_band)


def _int8_accuracy(int8_logits: Logits, cells: Cells, calibration: Calibration) -> dict[str, Any]:
    """Metrics of the int8 network and of its decisions, where the cells have labels."""
    if cells.labels is None or cells.subjects is None:
        return {}
    p_leukemia = 1 / (1 + np.exp((int8_logits[:, 0] - int8_logits[:, 1]) / calibration.temperature))
    return {
        "int8": asdict(measure(p_leukemia, cells.labels, cells.subjects)),
        "decisions": asdict(measure_band(calibration.refer_band, p_leukemia, cells.labels)),
    }


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
