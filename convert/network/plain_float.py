"""Build a Keras model of other precision, or of a fixed batch size, again in float32 for any."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from convert.network.reasons import in_short
from edge.errors import ConversionFailed

_FLOATS = {"float16", "bfloat16", "float64", "mixed_float16", "mixed_bfloat16"}
_SHAPES = {"batch_shape", "batch_input_shape", "build_input_shape"}


def is_plain(model: Any) -> bool:
    """Whether all of a model computes in float32, on any number of crops at a time."""
    first = model.inputs[0]
    return (
        first.shape[0] is None
        and first.dtype == "float32"
        and all(layer.compute_dtype == "float32" for layer in all_layers(model))
    )


def all_layers(model: Any) -> Iterator[Any]:
    """Layers of a model and of the models in it."""
    for layer in model.layers:
        yield layer
        if hasattr(layer, "layers"):
            yield from all_layers(layer)


def in_plain_float(path: Path, model: Any) -> Any:
    """Build the model again from its configuration, with its weights, in float32.

    Half precision is one of training; on the device a network computes in int8, and what is
    rounded there is measured against float32.

    Parameters
    ----------
    path : Path
        For messages.
    model : keras.Model

    Returns
    -------
    keras.Model
        Of the same weights.

    Raises
    ------
    ConversionFailed
        If that fails.
    """
    try:
        found = type(model).from_config(_plain(model.get_config()))
        found.set_weights(model.get_weights())
    except Exception as error:  # whatever the layer raises that cannot be built again
        raise ConversionFailed(
            f"{path} cannot be built again in float32 for any number of crops: {in_short(error)};"
            " train it in float32, on keras.Input((side, side, 3))"
        ) from error
    return found


def _plain(config: Any, key: str = "") -> Any:
    """The configuration with float32 for other floats, and free batch sizes."""
    if key in _SHAPES and isinstance(config, (list, tuple)) and config:
        return [None, *config[1:]]
    if isinstance(config, dict):
        return {name: _plain(value, str(name)) for name, value in config.items()}
    if isinstance(config, (list, tuple)):
        return type(config)(_plain(value) for value in config)
    # a data type, or the name of a policy of data types
    return "float32" if key in ("dtype", "name") and config in _FLOATS else config
