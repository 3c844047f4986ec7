"""Cut the softmax at the end of a Keras classifier off: from probabilities to logits.

However a network ends in probabilities, it is its logits that edge-all needs: a layer with softmax
as its activation, a softmax of its own, log-softmax, or one sigmoid for two labels, with layers
behind that only give the numbers another shape; in the network itself or in one that is its last
layer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.errors import ConversionFailed

_Outputs = npt.NDArray[np.float64]

SOFTMAX, LOG_SOFTMAX, SIGMOID = "softmax", "log_softmax", "sigmoid"

_OPERATIONS = {"Softmax": SOFTMAX, "LogSoftmax": LOG_SOFTMAX, "Sigmoid": SIGMOID}
"""Layers and operations of Keras by their class."""

_ONLY_SHAPE = {"Flatten", "Reshape", "Identity", "Dropout"}
"""Layers that in inference hand on what they read, if in another shape."""

PROBABILITIES: dict[str, Callable[[_Outputs], _Outputs]] = {
    SOFTMAX: lambda outputs: outputs,
    LOG_SOFTMAX: np.exp,
    SIGMOID: lambda outputs: np.concatenate([1 - outputs, outputs], axis=1),
}
"""What the outputs of a network, (n, labels) or (n, 1), say of its labels."""


@dataclass(frozen=True)
class Headless:
    """A classifier without its last step.

    Attributes
    ----------
    model : keras.Model
        To logits, (n, labels).
    head : str
        What was cut off: a key of :data:`PROBABILITIES`.
    """

    model: Any
    head: str


def cut_head(path: Path, model: Any) -> Headless:
    """Cut the softmax off; the model given is changed.

    Parameters
    ----------
    path : Path
        For messages.
    model : keras.Model
        With one output: a number for each label, or one for two labels.

    Returns
    -------
    Headless
        Its softmax is the output of the model given, unless what was cut off is used twice in
        it, or not over the labels: that is for the caller to find out.

    Raises
    ------
    ConversionFailed
        If it ends in anything else.
    """
    import keras

    numbers = _numbers(model)
    wanted = {SIGMOID} if numbers == 1 else {SOFTMAX, LOG_SOFTMAX}
    operation, head = _last_step(model)
    if head not in wanted:
        raise ConversionFailed(
            f"{path} does not end in a layer with softmax, so no logits to cut; if its outputs are"
            " logits, put keras.layers.Softmax() behind them and save it again"
            if SOFTMAX in wanted
            else f"{path} gives one number that is no sigmoid, so no probability of two labels; put"
            " a sigmoid behind it, or give it two outputs with softmax, and save it again"
        )
    if hasattr(operation, "activation"):
        operation.activation = keras.activations.linear
    else:
        operation.call = _hand_on
    return Headless(_to_logits(model, head, numbers), head)


def _to_logits(model: Any, head: str, numbers: int) -> Any:
    """Give a model that is left with logits of any shape an output of (n, labels)."""
    import keras

    one = isinstance(model, keras.Sequential) or isinstance(model.output, keras.KerasTensor)
    if one and head != SIGMOID and model.outputs[0].shape == (None, numbers):
        return model
    logits = keras.layers.Flatten()(model.outputs[0])
    if head == SIGMOID:  # sigmoid(x) is the softmax of (-x / 2, x / 2)
        logits = keras.layers.Dense(2, use_bias=False, name="two_logits")(logits)
    found = keras.Model(model.inputs[0], logits, name=model.name)
    if head == SIGMOID:
        found.get_layer("two_logits").set_weights([np.array([[-0.5, 0.5]], np.float32)])
    return found


def _last_step(model: Any) -> tuple[Any, str]:
    """Find what makes probabilities, and its kind; empty if there is none."""
    import keras

    for operation in _from_the_end(model):
        if isinstance(operation, keras.Model):
            return _last_step(operation)
        kind = _kind(operation)
        if kind:
            return operation, kind
        if not _only_hands_on(operation):
            break
    return None, ""


def _from_the_end(model: Any) -> Iterator[Any]:
    """Layers and operations that make the output, the last first, up to where they branch."""
    import keras

    if isinstance(model, keras.Sequential):
        yield from reversed(model.layers)
        return
    tensors = model.outputs
    while len(tensors) == 1:
        operation, node, _ = tensors[0]._keras_history
        yield operation
        tensors = operation._inbound_nodes[node].input_tensors


def _kind(operation: Any) -> str:
    import keras

    kinds = {
        keras.activations.softmax: SOFTMAX,
        keras.activations.log_softmax: LOG_SOFTMAX,
        keras.activations.sigmoid: SIGMOID,
    }
    if hasattr(operation, "activation"):
        return kinds.get(operation.activation, "")
    return _OPERATIONS.get(type(operation).__name__, "")


def _only_hands_on(operation: Any) -> bool:
    import keras

    if isinstance(operation, keras.layers.Activation):
        return bool(operation.activation is keras.activations.linear)
    return type(operation).__name__ in _ONLY_SHAPE


def _numbers(model: Any) -> int:
    return int(np.prod(model.outputs[0].shape[1:]))


def _hand_on(inputs: Any, *_: Any, **__: Any) -> Any:
    return inputs
