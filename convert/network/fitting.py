"""Fit a Keras model to what devices do: crops in 0..1 go in, logits in the contract's order out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from convert.network.contract import Terms
from convert.network.input_range import UNIT, InputRange, range_of_layers
from convert.network.logits_model import LogitsModel, load_logits_model
from edge.errors import ConversionFailed

_SAME = 1e-4  # logits of one network computed in another order


def load_for_device(keras_file: Path, terms: Terms) -> tuple[LogitsModel, Terms]:
    """Load a Keras model and fit it to what devices do.

    Parameters and errors as for :func:`convert.network.logits_model.load_logits_model` and
    :func:`fit_to_device`.
    """
    return fit_to_device(load_logits_model(keras_file), terms, keras_file)


def fit_to_device(source: LogitsModel, terms: Terms, keras_file: Path) -> tuple[LogitsModel, Terms]:
    """Make a model that takes 0..1 and gives the logits of the contract, by its terms.

    Parameters
    ----------
    source : LogitsModel
        As in its file; its weights are changed where its outputs change places.
    terms : Terms
    keras_file : Path

    Returns
    -------
    LogitsModel
    Terms
        With the input range that its first layers say, where nobody else did.

    Raises
    ------
    ConversionFailed
        If it is not of the contract's side or labels, its first layers want none of the ranges in
        use, or its outputs cannot change places.
    """
    _check_size(source, terms, keras_file)
    terms = _with_range(source.model, terms)
    model, names = source.model, terms.contract.names
    if terms.outputs != names:
        _reorder_outputs(model, [terms.outputs.index(name) for name in names], keras_file)
    if terms.fed != UNIT:
        model = _taking_unit_range(model, terms.fed)
    return replace(source, model=model), terms


def _check_size(source: LogitsModel, terms: Terms, keras_file: Path) -> None:
    contract = terms.contract
    if source.side != contract.side:
        raise ConversionFailed(
            f"{keras_file} takes crops of {source.side} pixels a side and its record says"
            f" {contract.side}: the record is of another network"
        )
    if source.labels != len(terms.outputs):
        raise ConversionFailed(
            f"{keras_file} tells {source.labels} labels apart, not the {len(terms.outputs)} that"
            f" {terms.outputs_from} names: {', '.join(terms.outputs)}"
        )


def _with_range(model: Any, terms: Terms) -> Terms:
    """Ask the first layers where nobody else says what the model wants."""
    if terms.input_range is not None:
        return terms
    found = range_of_layers(model)
    said_by = "" if found is None else "its first layers"
    return replace(terms, input_range=found or UNIT, range_from=said_by)


def _taking_unit_range(model: Any, wanted: InputRange) -> Any:
    import keras

    crop = keras.Input(model.inputs[0].shape[1:])
    scaled = keras.layers.Rescaling(wanted.high - wanted.low, wanted.low)(crop)
    return keras.Model(crop, model(scaled, training=False), name=model.name)


def _reorder_outputs(model: Any, order: Sequence[int], keras_file: Path) -> None:
    """Let the last weights give the outputs in another order, which costs a device nothing."""
    shape = (8, *model.inputs[0].shape[1:])
    noise = np.random.default_rng(0).random(shape, np.float32)
    before = np.asarray(model(noise, training=False))
    for layer in reversed(_layers_with_weights(model)):
        weights = layer.get_weights()
        if any(weight.shape[-1:] != (len(order),) for weight in weights):
            break
        layer.set_weights([weight[..., order] for weight in weights])
        if any(weight.ndim > 1 for weight in weights):  # not the statistics of a normalisation
            break
    after = np.asarray(model(noise, training=False))
    if not np.allclose(after, before[:, order], rtol=_SAME, atol=_SAME):
        raise ConversionFailed(
            f"{keras_file} gives its outputs in another order than its labels have, and its last"
            " layers do not let them change places; train it, or end it in a dense layer, in the"
            " order of its labels"
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
