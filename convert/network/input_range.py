"""Which range of values a Keras model wants its crops in, as its first layers tell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from edge.errors import ConversionFailed

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class InputRange:
    """What black (0) and full light (255) of a crop are for a network.

    Attributes
    ----------
    low, high : float
        `low` less than `high`; a device feeds 0 to 1.
    """

    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.low:g}..{self.high:g}"


def as_input_range(given: Any) -> InputRange | None:
    """Make an input range of its two ends; None stays None.

    Raises
    ------
    ValueError, TypeError
        If they are no two finite numbers, the lower one first.
    """
    if given is None:
        return None
    low, high = given
    if isinstance(low, bool) or isinstance(high, bool) or isinstance(given, str):
        raise TypeError(f"input_range {given!r} is no pair of numbers")
    low, high = float(low), float(high)
    if not (isfinite(low) and isfinite(high) and low < high):
        raise ValueError(f"input_range {low:g}, {high:g} does not rise")
    return InputRange(low, high)


UNIT, BYTES, WORDS, SIGNED = (
    InputRange(0, 1),
    InputRange(0, 255),
    InputRange(0, 65535),
    InputRange(-1, 1),
)
"""What devices feed and edge-all-train trains on; 8 bits; 16 bits; around zero."""

_PROBES = (0.0, 1.0)
_BYTES_BELOW = 255**-0.5  # a step of 1 in the input: nearer to 1/255 than to 1 on a log scale
_WORDS_BELOW = (255 * 65535) ** -0.5
_MOST_MEAN = 2.0  # a mean beyond it is none of values in 0..1


def range_of_layers(model: keras.Model) -> InputRange | None:
    """Find the range that a model wants from what lies before its first layer with a kernel.

    Two grey images are sent through: whatever stands there - Rescaling, Normalization, batch
    normalisation, arithmetic in the graph, in a nested model or not - shows as a scale and an
    offset. Values that are divided by 255, or of which a mean above 2 is taken, come as bytes.

    Parameters
    ----------
    model : keras.Model
        From (n, side, side, 3).

    Returns
    -------
    InputRange or None
        None where nothing stands there, or it cannot be looked at: the layers tell nothing.

    Raises
    ------
    ConversionFailed
        If what stands there fits none of the ranges that are in use.
    """
    shape = tuple(model.inputs[0].shape[1:])
    images = np.stack([np.full(shape, value, np.float32) for value in _PROBES])
    try:
        reached = _at_first_kernel(model, images)
    except Exception:  # Keras raises whatever the layer that refuses raises; it tells nothing then
        return None
    black, white = np.asarray(reached, np.float64).reshape(2, -1)
    scale = white - black
    lit = scale != 0  # not the zeros of a padding
    if not lit.any() or not np.isfinite(reached).all():
        return None
    if np.array_equal(scale[lit], np.ones(lit.sum())) and not black.any():
        return None
    return _range_for(np.median(np.abs(scale[lit])), -black[lit] / scale[lit])


def _range_for(scale: float, middles: npt.NDArray[np.float64]) -> InputRange:
    """Range for a scale and the inputs that it maps to zero."""
    if np.allclose(middles, -1, atol=0.02):
        return SIGNED
    if middles.min() < -_MOST_MEAN:
        raise ConversionFailed(
            f"the first layers scale crops by {scale:.3g} around {middles.min():.3g}, which is"
            " none of the ranges 0..1, 0..255, 0..65535 and -1..1; say which one it was trained on"
            " by --input-range LOW,HIGH"
        )
    if scale < _WORDS_BELOW:
        return WORDS
    return BYTES if scale < _BYTES_BELOW or middles.max() > _MOST_MEAN else UNIT


def _at_first_kernel(model: Any, images: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Let images through to the first layer with a kernel, in nested models too."""
    import keras

    for layer in model.layers:
        if not any(len(weight.shape) > 1 for weight in layer.weights):
            continue
        fed = _fed_to(model, layer, images)
        return _at_first_kernel(layer, fed) if isinstance(layer, keras.Model) else fed
    return images


def _fed_to(model: Any, layer: Any, images: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """What a layer of a model is given when the model is given images."""
    import keras

    for tensor in _inputs_of(layer):
        if tensor is model.inputs[0]:
            return images
        try:
            before = keras.Model(model.inputs[0], tensor)
        except ValueError:  # a tensor of another model that the layer is part of as well
            continue
        return np.asarray(before(images, training=False))
    return images


def _inputs_of(layer: Any) -> Iterator[Any]:
    """Tensors a layer was called with; `layer.input` of a nested model is its own."""
    for node in layer._inbound_nodes:
        yield from node.input_tensors
