"""Fit a Keras model to what devices do: crops in 0..1 go in, logits of hem and all come out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from calibration.cells.labelled_crops import LABELS
from convert.network.input_range import UNIT, InputRange, range_of_layers
from convert.network.logits_model import LogitsModel, load_logits_model
from convert.record import TrainingRecord
from edge.crops.preprocess import CROP_SIDE
from edge.errors import ConversionFailed

_SAME = 1e-4  # logits of one network computed in another order


@dataclass(frozen=True)
class Contract:
    """What a Keras model takes and gives, and who says so.

    Attributes
    ----------
    input_range : InputRange
    range_from : str
        In words: ``--input-range``, ``its record``, ``its first layers``; empty where nobody
        says so and it is what edge-all-train trains on.
    labels : tuple of str
        What each output stands for.
    labels_from : str
        ``--labels`` or ``its record``.
    """

    input_range: InputRange
    range_from: str
    labels: tuple[str, ...]
    labels_from: str

    @property
    def departs(self) -> str:
        """What the exported network does in place of the Keras model, in words; else empty."""
        changes = []
        if self.input_range != UNIT:
            changes.append(f"crops scaled to {self.input_range} inside ({self.range_from})")
        if self.labels != LABELS:
            changes.append(f"outputs put in order from {', '.join(self.labels)}")
        return "; ".join(changes)


def load_for_device(
    keras_file: Path,
    record: TrainingRecord,
    labels: tuple[str, ...] | None = None,
    input_range: InputRange | None = None,
) -> tuple[LogitsModel, Contract]:
    """Load a Keras model and fit it to what devices do.

    Parameters and errors as for :func:`convert.network.logits_model.load_logits_model`,
    :func:`contract_of` and :func:`fit_to_device`.
    """
    source = load_logits_model(keras_file)
    contract = contract_of(source.model, record, keras_file, labels, input_range)
    return fit_to_device(source, contract, keras_file), contract


def contract_of(
    model: Any,
    record: TrainingRecord,
    keras_file: Path,
    labels: tuple[str, ...] | None = None,
    input_range: InputRange | None = None,
) -> Contract:
    """Find out what a Keras model takes and gives; what was asked for outranks the record.

    Parameters
    ----------
    model : keras.Model
        As in its file.
    record : TrainingRecord
    keras_file : Path
    labels : tuple of str, optional
    input_range : InputRange, optional

    Raises
    ------
    ConversionFailed
        If nobody says what the outputs stand for, or it is not ``hem`` and ``all``.
    """
    given = labels or record.labels
    if given is None:
        raise ConversionFailed(
            f"{keras_file.with_suffix('.json')} does not say which label each output stands for:"
            ' add "labels": ["hem", "all"] in the order of the outputs, or give --labels'
        )
    if sorted(given) != sorted(LABELS):
        raise ConversionFailed(
            f"{keras_file} tells {' and '.join(given)} apart; edge-all needs a network for"
            f" {' and '.join(LABELS)}, in either order"
        )
    labels_from = "--labels" if labels else "its record"
    if input_range:
        return Contract(input_range, "--input-range", given, labels_from)
    if record.input_range:
        return Contract(InputRange(*record.input_range), "its record", given, labels_from)
    found = range_of_layers(model)
    said_by = "" if found is None else "its first layers"
    return Contract(found or UNIT, said_by, given, labels_from)


def fit_to_device(source: LogitsModel, contract: Contract, keras_file: Path) -> LogitsModel:
    """Make a model that takes 0..1 and gives ``hem, all``, by its contract.

    Parameters
    ----------
    source : LogitsModel
        As in its file; its weights are changed where its outputs change places.
    contract : Contract
    keras_file : Path

    Raises
    ------
    ConversionFailed
        If the outputs cannot change places.
    """
    model = source.model
    if contract.labels != LABELS:
        _swap_outputs(model, keras_file)
    if contract.input_range != UNIT:
        model = _taking_unit_range(model, contract.input_range)
    return replace(source, model=model)


def _taking_unit_range(model: Any, wanted: InputRange) -> Any:
    import keras

    crop = keras.Input((CROP_SIDE, CROP_SIDE, 3))
    scaled = keras.layers.Rescaling(wanted.high - wanted.low, wanted.low)(crop)
    return keras.Model(crop, model(scaled, training=False), name=model.name)


def _swap_outputs(model: Any, keras_file: Path) -> None:
    """Let the last weights give the outputs in the other order, which costs a device nothing."""
    noise = np.random.default_rng(0).random((8, CROP_SIDE, CROP_SIDE, 3), np.float32)
    before = np.asarray(model(noise, training=False))
    for layer in reversed(_layers_with_weights(model)):
        weights = layer.get_weights()
        if any(weight.shape[-1:] != (2,) for weight in weights):
            break
        layer.set_weights([weight[..., ::-1] for weight in weights])
        if any(weight.ndim > 1 for weight in weights):  # not the statistics of a normalisation
            break
    after = np.asarray(model(noise, training=False))
    if not np.allclose(after, before[:, ::-1], rtol=_SAME, atol=_SAME):
        raise ConversionFailed(
            f"{keras_file} gives its outputs in the order all, hem, and its last layers do not let"
            " them change places; train it, or end it in a dense layer, in the order hem, all"
        )


def _layers_with_weights(model: Any) -> list[Any]:
    """Layers that hold weights themselves, those of nested models too, in order."""
    import keras

    found = []
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            found += _layers_with_weights(layer)
        elif layer.weights:
            found.append(layer)
    return found
