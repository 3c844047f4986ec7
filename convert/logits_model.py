"""Load a Keras model for conversion and cut its softmax off."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge.errors import ConversionFailed
from edge.native_messages import native_messages_silenced
from edge.preprocess import CROP_SIDE, UInt8Image

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class LogitsModel:
    """A Keras model that outputs logits.

    Attributes
    ----------
    model : keras.Model
        Crops in 0..1, shape (n, 70, 70, 3), to logits (n, 2).
    network : str
        Name of the network.
    sha256 : str
        Hash of the ``.keras`` file.
    """

    model: keras.Model
    network: str
    sha256: str


def load_logits_model(path: Path) -> LogitsModel:
    """Load a ``.keras`` file, check it and replace its softmax by logits.

    Raises
    ------
    ConversionFailed
        If the file is missing, damaged or not a softmax classifier of two
        classes on 70x70x3 crops, or a weight is not a finite number.
    """
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")  # the only backend that exports
    with native_messages_silenced():  # TensorFlow reports every driver it does not find
        import keras

        keras.ops.zeros(1)

    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConversionFailed(f"{path} cannot be read: {error.strerror}") from error
    try:
        model = keras.models.load_model(path, compile=False)
    except Exception as error:  # Keras raises whatever the part that failed raises
        raise ConversionFailed(_why_not_loaded(path, error)) from error
    _check(path, model)
    model.layers[-1].activation = keras.activations.linear
    return LogitsModel(model, model.name, hashlib.sha256(data).hexdigest())


def keras_logits(model: keras.Model, crops: UInt8Image) -> np.ndarray:
    """Logits in evaluation mode: crops (n, 70, 70, 3) uint8 to (n, 2) float."""
    batches = [
        np.asarray(model.predict_on_batch(crops[i : i + 64].astype(np.float32) / 255))
        for i in range(0, len(crops), 64)
    ]
    return np.concatenate(batches)


def _why_not_loaded(path: Path, error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    if "`Lambda` layer" in text:  # Keras' safe mode, which advises to switch it off
        return (
            f"{path} has a Lambda layer, which would run code out of the file: nothing of it is"
            " run; build the model again with a layer of Keras in its place"
        )
    reason = text.splitlines()[0]
    return f"{path} is no Keras model that loads here: {reason}; save it again with Keras 3"


def _check(path: Path, model: Any) -> None:
    import keras

    shapes = (model.input_shape, model.output_shape)
    if shapes != ((None, CROP_SIDE, CROP_SIDE, 3), (None, 2)):
        raise ConversionFailed(
            f"{path} maps {shapes[0]} to {shapes[1]}; edge-all needs (None, 70, 70, 3) to (None, 2)"
        )
    if getattr(model.layers[-1], "activation", None) is not keras.activations.softmax:
        raise ConversionFailed(f"{path} does not end in a layer with softmax, so no logits to cut")
    for weight in model.weights:
        if not np.all(np.isfinite(np.asarray(weight))):
            raise ConversionFailed(
                f"{path}: weight {weight.path} holds NaN or infinity; the training diverged"
            )
