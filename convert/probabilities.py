"""Temperature, and refer band or thresholds: from the file beside a network, or fitted here."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from calibration.cells.crop_set import CropSet
from calibration.probabilities.calibrate import Calibration, calibrate, read_calibration
from calibration.probabilities.called import Called
from calibration.probabilities.predictions import Predictions
from convert.network.logits_model import keras_logits
from edge.contract import Contract
from edge.errors import ConversionFailed

if TYPE_CHECKING:
    import keras

MISSED = FALSE_ALARMS = 0.05
"""Shares of cells that may be decided wrongly, where the conversion fits by itself: those of
``edge-all-calibrate probabilities``."""


@dataclass(frozen=True)
class Probabilities:
    """How logits become probabilities and decisions, and where that comes from.

    Attributes
    ----------
    calibration : Calibration
    fitted_on : str
        In words.
    """

    calibration: Calibration
    fitted_on: str

    def facts(self) -> dict[str, Any]:
        """What a model file says of it."""
        return asdict(self.calibration) | {"fitted_on": self.fitted_on}


def read_probabilities(path: Path, contract: Contract) -> Probabilities:
    """Read ``NAME-calibration.json`` of ``edge-all-calibrate``.

    Raises
    ------
    DataRefused
        If it is not readable.
    ConversionFailed
        If it is of a network for other labels.
    """
    found = read_calibration(path)
    wanted = 2 if found.thresholds is None else len(found.thresholds)
    if found.labels not in (None, contract.names) or wanted != len(contract.names):
        of = f"{wanted} labels" if found.labels is None else ", ".join(found.labels)
        raise ConversionFailed(
            f"{path} is of a network for {of}, not for {', '.join(contract.names)} in this order;"
            " make it again with edge-all-calibrate probabilities, or remove it"
        )
    cells = f"{found.cells} cells of {found.subjects} subjects"
    return Probabilities(found, f"{cells}, by edge-all-calibrate ({path.name})")


def fit_probabilities(
    model: keras.Model, contract: Contract, cells: CropSet, cells_are: str
) -> Probabilities:
    """Fit them on cells that measure nothing else, for want of a file beside the network.

    Parameters
    ----------
    model : keras.Model
        Crops in 0..1 to the logits of the contract.
    contract : Contract
    cells : CropSet
        Of every label some.
    cells_are : str
        Whose they are, in words.

    Raises
    ------
    DataRefused
        If the cells of a label have no higher logits of it than others.
    """
    logits = keras_logits(model, cells.crops).astype(float)
    predictions = Predictions(logits, cells.labels.astype(int), cells.subjects, contract.names)
    found = calibrate(
        [predictions],
        MISSED,
        FALSE_ALARMS,
        called=Called(contract.names, contract.words, contract.positive),
    )
    return Probabilities(found, f"{cells_are}, by the conversion itself")
