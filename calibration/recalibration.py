"""A model file with other probabilities: fitted again, on cells that people have reviewed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from calibration.cells.labelled_crops import LabelledCrop, data_hash
from calibration.probabilities.calibrate import Calibration, calibrate
from calibration.probabilities.called import Called
from calibration.probabilities.predictions import Predictions
from calibration.probabilities.refer_band import ReferBand, measure_band
from calibration.probabilities.thresholds import measure_thresholds
from edge.engine.classifier import Classifier
from edge.errors import DataRefused
from edge.models.metadata import Metadata, parse_metadata
from edge.models.model_file import ModelFile, find_twin, write_model_file
from edge.statistics.balanced import calibration_error, calibration_error_several
from edge.statistics.reliability import margins_of, probabilities
from edge.statistics.several import probabilities_of

FEWEST_CELLS = 100
"""Reviewed cells, below which a temperature and a band are mostly chance."""

_REPLICATES = 200  # of intervals that are kept for the record: a laboratory waits for them


@dataclass(frozen=True)
class Working:
    """What a temperature and a band, or thresholds, do on reviewed cells.

    Attributes
    ----------
    temperature : float
    ece : float
        Expected calibration error, every label weighing the same.
    referred : float
        Share of cells referred, every label weighing the same.
    wrong : float
        Share of cells decided as another label than theirs; of two labels, the mean of both.
    """

    temperature: float
    ece: float
    referred: float
    wrong: float


@dataclass(frozen=True)
class Recalibration:
    """A calibration fitted again.

    Attributes
    ----------
    calibration : Calibration
    before, after : Working
        On the same reviewed cells: on these, what was fitted on them looks better than it is.
    cells_are : str
        Whose cells they are, in words.
    """

    calibration: Calibration
    before: Working
    after: Working
    cells_are: str


def recalibrate(
    model: Path, crops: Sequence[LabelledCrop], missed: float, false_alarms: float
) -> Recalibration:
    """Fit temperature, and band or thresholds, of a model file again, on its own int8 logits.

    Parameters
    ----------
    model : Path
    crops : sequence of LabelledCrop
        Reviewed cells, whose labels are those of the model file, in its order.
    missed, false_alarms : float
        As for :func:`calibration.probabilities.calibrate.calibrate`.

    Raises
    ------
    DataRefused
        If there are fewer than :data:`FEWEST_CELLS` that can be read, none of some label, or those
        of a label have no higher logits of it than others.
    ModelFileRefused
    """
    with Classifier(model) as classifier:
        metadata, contract = classifier.model_file.metadata, classifier.contract
        results = classifier.classify_each(crop.path for crop in crops)
        pairs = [
            (crop, result.logits)
            for crop, result in zip(crops, results, strict=True)
            if result.logits is not None
        ]
    if len(pairs) < FEWEST_CELLS:
        raise DataRefused(
            f"{len(pairs)} reviewed cells can be read, {FEWEST_CELLS} are needed; review"
            f" {FEWEST_CELLS - len(pairs)} more"
        )
    cells = Predictions(
        np.array([logits for _, logits in pairs], np.float64),
        np.array([crop.label for crop, _ in pairs], np.int64),
        np.array([crop.subject or crop.name for crop, _ in pairs]),
        contract.names,
    )
    if missing := set(range(len(contract.names))) - set(cells.labels.tolist()):
        names = ", ".join(contract.names[label] for label in sorted(missing))
        raise DataRefused(f"no reviewed cell is of label {names}; review some")
    called = Called(contract.names, contract.words, contract.positive)
    found = calibrate([cells], missed, false_alarms, replicates=_REPLICATES, called=called)
    people = len(set(cells.subjects.tolist()))
    return Recalibration(
        found,
        _working(cells, metadata.temperature, metadata.refer_band, metadata.thresholds),
        _working(cells, found.temperature, _ends(found.refer_band), found.thresholds),
        f"{len(pairs)} reviewed cells of {people} people, sha256"
        f" {data_hash([crop for crop, _ in pairs])}",
    )


def write_recalibrated(model: ModelFile, found: Recalibration, out: Path) -> None:
    """Write the same network with the new calibration.

    Its data-drift reference keeps how cells look; the probabilities and decisions in it are those
    before.

    Raises
    ------
    DataRefused
        If no device would read it.
    """
    before = {
        "model_sha256": model.sha256,
        "temperature": model.metadata.temperature,
        "refer_band": model.metadata.refer_band,
        "thresholds": model.metadata.thresholds,
    }
    calibration = found.calibration
    metadata: Metadata = replace(
        model.metadata,
        temperature=calibration.temperature,
        refer_band=_ends(calibration.refer_band),
        thresholds=calibration.thresholds,
        calibration=asdict(calibration)
        | {"fitted_on": f"{found.cells_are}, by edge-all-calibrate recalibrate", "before": before},
    )
    try:
        metadata = parse_metadata(metadata.to_json())
    except ValueError as error:
        raise DataRefused(f"no device would read the new calibration: {error}") from error
    reference = model.reference
    if reference is not None:
        words = f"{reference.cells_are}; probabilities and decisions before recalibration"
        reference = replace(reference, cells_are=words)
    twin = find_twin(model) if model.has_twin else None
    write_model_file(out, model.flatbuffer, metadata, model.golden, reference, twin)


def _working(
    cells: Predictions,
    temperature: float,
    band: tuple[float, float] | None,
    thresholds: tuple[float, ...] | None,
) -> Working:
    if band is not None:
        return _of_two(cells, temperature, ReferBand(*band))
    assert thresholds is not None
    p = probabilities_of(cells.logits, temperature)
    found = measure_thresholds(thresholds, p, cells.labels)
    ece = calibration_error_several(p, cells.labels)
    return Working(temperature, ece, found.referred, found.wrong)


def _of_two(cells: Predictions, temperature: float, band: ReferBand) -> Working:
    p: npt.NDArray[np.float64] = probabilities(margins_of(cells.logits) / temperature)
    found = measure_band(band, p, cells.labels)
    wrong = (found.missed + found.false_alarms) / 2
    return Working(temperature, calibration_error(p, cells.labels), found.referred, wrong)


def _ends(band: ReferBand | None) -> tuple[float, float] | None:
    return None if band is None else (band.low, band.high)
