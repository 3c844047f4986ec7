"""A Keras model that somebody brings to be trained further."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.errors import DataRefused
from train.networks.network import Network

if TYPE_CHECKING:
    import keras

SUFFIX = ".keras"
"""How the file of a network is called that somebody brings."""

_TO_255, _TO_1 = 255.0, 1.0

_NO_NUMBERS_CHANGE = ("InputLayer", "ZeroPadding2D", "Dropout", "Identity", "Reshape")
_TURNS = ("RandomFlip", "RandomRotation", "RandomTranslation", "RandomZoom", "RandomCrop")
_LEARN_ANY_RANGE = ("Conv2D", "DepthwiseConv2D", "SeparableConv2D", "BatchNormalization", "Dense")


def read_own(name: str, side: int, labels: int) -> Network:
    """Read a Keras model, its weights with it.

    Parameters
    ----------
    name : str
        Path of the ``.keras`` file.
    side, labels : int
        Side of the crops, and number of the labels.

    Returns
    -------
    Network
        With crops in 0..1 where its first layers learn, and in 0..255 where they are rescaled.

    Raises
    ------
    DataRefused
        If it cannot be read, takes other crops, answers with anything but a probability of each
        label, or its layers leave open which range of pixels it takes.
    """
    path = Path(name)
    model = _load(path)
    takes, gives = model.input_shape, model.output_shape
    if takes != (None, side, side, 3):
        raise DataRefused(
            f"{path} takes {takes}, and crops of {side} pixels a side are (None, {side}, {side},"
            " 3); give its own --side, or make it take them"
        )
    if gives != (None, labels):
        raise DataRefused(
            f"{path} gives {gives}, and the data has {labels} labels: (None, {labels}); pick its"
            " labels with --labels, or give it another head"
        )
    if _activation(model) != "softmax":
        raise DataRefused(
            f"{path} does not end in a softmax: its outputs are no probabilities of the labels;"
            " add one"
        )
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return Network(path.stem, lambda: _load(path), _white(path, model), path, sha256)


def side_of(name: str) -> int | None:
    """Side of the crops that a Keras model takes; None where it leaves that open.

    Raises
    ------
    DataRefused
        If it cannot be read.
    """
    takes = _load(Path(name)).input_shape
    return takes[1] if isinstance(takes, tuple) and len(takes) == 4 else None


def _load(path: Path) -> keras.Model:
    import keras

    try:
        return keras.models.load_model(path, compile=False)
    except (OSError, ValueError, TypeError, KeyError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise DataRefused(
            f"{path} is no Keras model that can be read: {reason[:120]}; save it with model.save"
        ) from error


def _activation(model: keras.Model) -> str:
    """Name of the last activation."""
    last = list(_layers(model))[-1]
    if type(last).__name__ == "Softmax":
        return "softmax"
    return str(getattr(getattr(last, "activation", None), "__name__", ""))


def _white(path: Path, model: keras.Model) -> float:
    """What a pixel of 255 is for a model, by the first of its layers that cares."""
    for layer in _layers(model):
        kind = type(layer).__name__
        if kind in _LEARN_ANY_RANGE:
            return _TO_1
        if kind == "Rescaling":
            return _TO_255 if float(layer.scale) < 0.1 else _TO_1
        if kind == "Normalization" and layer.mean is not None:
            return _TO_255 if float(_largest(layer.mean)) > _TO_1 else _TO_1
        if kind not in (*_NO_NUMBERS_CHANGE, *_TURNS):
            break
    raise DataRefused(
        f"{path} has layers before its first convolution that leave open whether it takes 0..1 or"
        " 0..255; rescale with keras.layers.Rescaling only"
    )


def _largest(values: Any) -> float:
    import keras

    return float(keras.ops.convert_to_numpy(values).max())


def _layers(model: keras.Model) -> Iterator[Any]:
    """Layers in their order, those of models within a model in its place."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _layers(layer)
        else:
            yield layer
