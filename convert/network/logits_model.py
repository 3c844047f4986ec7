"""Load a Keras model for conversion and cut its softmax off."""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from convert.network.classifier import check_classifier
from convert.network.head import PROBABILITIES, cut_head
from convert.network.keras_file import load_keras_file
from convert.network.plain_float import in_plain_float, is_plain
from convert.network.reasons import in_short
from edge.crops.drawn import draw_crop
from edge.crops.preprocess import UInt8Image
from edge.errors import ConversionFailed

if TYPE_CHECKING:
    import keras

_TOLERANCE, _HALF_TOLERANCE = 1e-4, 0.03
"""By how much a probability may differ without the softmax: of float32, and of half precision,
in which the network was trained but is not converted."""


@dataclass(frozen=True)
class LogitsModel:
    """A Keras model that outputs logits.

    Attributes
    ----------
    model : keras.Model
        Crops in 0..1, shape (n, side, side, 3), to logits (n, labels); in float32 throughout.
    network : str
        Name of the network: that of its file.
    sha256 : str
        Hash of the ``.keras`` file.
    """

    model: keras.Model
    network: str
    sha256: str

    @property
    def side(self) -> int:
        """Of the crops it takes, in pixels."""
        return int(self.model.inputs[0].shape[1])

    @property
    def labels(self) -> int:
        """How many logits it gives."""
        return int(self.model.outputs[0].shape[1])


def load_logits_model(path: Path) -> LogitsModel:
    """Load a ``.keras`` file, check it and replace its softmax by logits.

    A network of half or mixed precision, or of a fixed batch size, is built again in float32
    for any batch size. That the softmax of what is left is the network of the file is proven on
    a few crops.

    Raises
    ------
    ConversionFailed
        If the file is missing, damaged or not a classifier of square crops that ends in softmax
        or in one sigmoid (:mod:`convert.network.classifier`), or a weight is not a finite number.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Keras advises against either holds or is refused
        return _load(path)


def _load(path: Path) -> LogitsModel:
    found = load_keras_file(path)
    side = check_classifier(path, found.model)
    crops = _some_crops(side)
    said = _answers(path, found.model, crops)
    tolerance = _TOLERANCE
    model = found.model
    if not is_plain(model):
        model, tolerance = in_plain_float(path, model), _HALF_TOLERANCE
    headless = cut_head(path, model)
    logits = np.asarray(headless.model(crops.astype(np.float32) / 255, training=False))
    expected = PROBABILITIES[headless.head](said)
    if not np.allclose(_softmax(logits), expected, rtol=0, atol=tolerance, equal_nan=True):
        raise ConversionFailed(
            f"{path} is another network without its last {headless.head}, which is used twice in it"
            " or does not run over the labels; end it in keras.layers.Softmax() and save it again"
        )
    return LogitsModel(headless.model, path.stem, hashlib.sha256(found.content).hexdigest())


def keras_logits(model: keras.Model, crops: UInt8Image) -> np.ndarray:
    """Logits in evaluation mode: crops (n, side, side, 3) uint8 to (n, labels) float."""
    batches = [
        np.asarray(model.predict_on_batch(crops[i : i + 64].astype(np.float32) / 255))
        for i in range(0, len(crops), 64)
    ]
    return np.concatenate(batches)


def _some_crops(side: int) -> UInt8Image:
    """Drawn cells, and noise, which differs more from one crop to the next than cells do."""
    noise = np.random.default_rng(0).integers(0, 256, (2, side, side, 3), np.uint8)
    return np.concatenate([[draw_crop(seed, side) for seed in range(2)], noise])


def _answers(path: Path, model: Any, crops: UInt8Image) -> npt.NDArray[np.float64]:
    """What the model in the file says of crops, in inference: (n, labels), or (n, 1)."""
    import keras

    def ask() -> npt.NDArray[np.float64]:
        size = model.inputs[0].shape[0] or len(crops)
        inputs = np.resize(crops, (max(size, len(crops)), *crops.shape[1:]))
        parts = [inputs[i : i + size] for i in range(0, len(inputs) // size * size, size)]
        said = [
            keras.tree.flatten(model(part.astype(np.float32) / 255, training=False))[0]
            for part in parts
        ]
        outputs = np.concatenate([np.asarray(keras.ops.cast(one, "float32")) for one in said])
        return outputs[: len(crops)].reshape(len(crops), -1).astype(np.float64)

    try:
        first, second = ask(), ask()
    except Exception as error:  # whatever a layer raises on the crops it was said to take
        raise ConversionFailed(f"{path} does not run on a crop: {in_short(error)}") from error
    if not np.allclose(first, second, rtol=0, atol=1e-5, equal_nan=True):
        raise ConversionFailed(
            f"{path} answers the same crop differently each time: one of its layers draws random"
            " numbers in inference; build it without that layer and save it again"
        )
    return first


def _softmax(logits: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    powers = np.exp(np.asarray(logits, np.float64) - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
