"""Whether a Keras model is a classifier of one square crop; if not, why, in one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from convert.network.plain_float import all_layers
from edge.contract import LARGEST_SIDE, MOST_LABELS, SMALLEST_SIDE
from edge.errors import ConversionFailed

_CHANNELS = 3


def check_classifier(path: Path, model: Any) -> int:
    """Refuse what is no classifier of square crops.

    Parameters
    ----------
    path : Path
        For messages.
    model : keras.Model
        As in its file.

    Returns
    -------
    int
        Side of the crops it takes, in pixels.

    Raises
    ------
    ConversionFailed
        If it was never built, has several inputs or outputs, takes no float crops of one size of
        32 to 512 pixels a side, gives numbers that are none of labels, has layers that remember
        or were quantized, or weights that are not finite.
    """
    inputs, outputs = getattr(model, "inputs", None), getattr(model, "outputs", None)
    if not inputs or not outputs:
        raise ConversionFailed(
            f"{path} was saved before its layers were built, so without weights; begin it with"
            " keras.Input((side, side, 3)), train it and save it again"
        )
    if len(inputs) != 1 or len(outputs) != 1:
        raise ConversionFailed(
            f"{path} has {len(inputs)} inputs and {len(outputs)} outputs; edge-all needs one crop"
            " and its labels: keras.Model(input, output) of the two, saved again"
        )
    if not inputs[0].dtype.startswith(("float", "bfloat")):
        raise ConversionFailed(
            f"{path} takes crops as {inputs[0].dtype}; edge-all feeds float32 in 0..1: build it on"
            " keras.Input((side, side, 3)), without a layer that scales 0..255, and save it again"
        )
    side = _side_of(path, inputs[0].shape)
    _check_numbers(path, outputs[0].shape)
    _check_layers(path, model)
    for weight in model.weights:
        if not np.all(np.isfinite(np.asarray(weight))):
            raise ConversionFailed(
                f"{path}: weight {weight.path} holds NaN or infinity; the training diverged"
            )
    return side


def _side_of(path: Path, shape: tuple[int | None, ...]) -> int:
    """Side of the crops that an input takes."""
    problem = _why_no_crop(shape)
    if problem:
        raise ConversionFailed(
            f"{path} takes {shape}: {problem}; edge-all feeds (None, side, side, 3) of one side"
            f" from {SMALLEST_SIDE} to {LARGEST_SIDE}: build it so, train it and save it again"
        )
    side = shape[1]
    assert side is not None
    return side


def _why_no_crop(shape: tuple[int | None, ...]) -> str:
    """Say why an input is none of square crops, in few words; empty if it is."""
    if len(shape) != 4:
        return "no images"
    _, height, width, channels = shape
    if height is None or width is None or channels is None:
        return "images of no certain size"
    if channels != _CHANNELS:
        return f"not {_CHANNELS} channels, the last dimension"
    if height != width:
        return "not square"
    if not SMALLEST_SIDE <= height <= LARGEST_SIDE:
        return f"{height} pixels a side"
    return ""


def _check_numbers(path: Path, shape: tuple[int | None, ...]) -> None:
    numbers = [size for size in shape[1:] if size is not None]
    if len(numbers) < len(shape) - 1 or not 1 <= np.prod(numbers) <= MOST_LABELS:
        raise ConversionFailed(
            f"{path} gives {shape}; edge-all needs a number for each of 2 to {MOST_LABELS} labels,"
            " (None, labels), or one for two labels"
        )


def _check_layers(path: Path, model: Any) -> None:
    for layer in all_layers(model):
        if getattr(layer, "quantization_mode", None):
            raise ConversionFailed(
                f"{path}: layer {layer.name} was quantized by Keras; give the float model"
            )
        if any(map(_runs_in_steps, _with_wrapped(layer))):
            raise ConversionFailed(
                f"{path}: layer {layer.name} is recurrent, which has no int8 form that devices run;"
                " build the network of convolutions and dense layers"
            )


def _with_wrapped(layer: Any) -> Iterator[Any]:
    """Yield a layer, and those that it wraps."""
    yield layer
    for name in ("layer", "forward_layer", "backward_layer"):
        wrapped = getattr(layer, name, None)
        if wrapped is not None:
            yield from _with_wrapped(wrapped)


def _runs_in_steps(layer: Any) -> bool:
    """Whether a layer is a loop over steps in time."""
    import keras

    return isinstance(layer, keras.layers.RNN) and not layer.unroll
