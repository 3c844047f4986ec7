"""Small networks for the tests of conversion: sound ones, and ones that int8 breaks."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from convert.graph.float_tflite import to_float_tflite
from edge.crops.drawn import draw_crop
from edge.crops.preprocess import UInt8Image
from edge.models.cnmc import SIDE


def drawn(first: int, count: int) -> UInt8Image:
    """Drawn cells, (count, 70, 70, 3)."""
    return np.stack([draw_crop(seed, SIDE) for seed in range(first, first + count)])


def _normal(seed: int) -> Any:
    import keras

    return keras.initializers.HeNormal(seed=seed)


def two_convolutions(activation: str = "relu") -> Any:
    """Convolution, pooling, convolution, flattening and a dense head, of seeded weights."""
    import keras

    layers = keras.layers
    inputs = keras.Input((70, 70, 3))
    x = layers.Conv2D(
        6, 3, strides=3, activation=activation, kernel_initializer=_normal(1), name="first"
    )(inputs)
    x = layers.MaxPooling2D()(x)
    x = layers.Conv2D(
        5, 3, strides=2, activation=activation, kernel_initializer=_normal(2), name="second"
    )(x)
    x = layers.Flatten()(x)
    return keras.Model(inputs, layers.Dense(2, kernel_initializer=_normal(3), name="head")(x))


def residual_block() -> Any:
    """A stream that is written twice and read twice, with zero padding on the way."""
    import keras

    layers = keras.layers
    inputs = keras.Input((70, 70, 3))
    x = layers.Conv2D(4, 5, strides=5, kernel_initializer=_normal(4), name="stem")(inputs)
    y = layers.Conv2D(3, 1, activation="relu", kernel_initializer=_normal(5), name="narrow")(x)
    y = layers.ZeroPadding2D(1)(y)
    y = layers.Conv2D(4, 3, kernel_initializer=_normal(6), name="wide")(y)
    x = layers.ReLU()(layers.Add()([x, y]))
    x = layers.AveragePooling2D(7)(x)
    x = layers.Flatten()(x)
    return keras.Model(inputs, layers.Dense(2, kernel_initializer=_normal(7), name="head")(x))


def one_faint_channel() -> Any:
    """A channel 4096 times fainter than the others, read with weights 4096 times larger.

    In float it is :func:`two_convolutions`; int8 rounds the channel to nothing, and in the reader
    everything else.
    """
    model = two_convolutions()
    scale_channel(model, 0, 1 / 4096)
    return model


def scale_channel(model: Any, channel: int, factor: float) -> None:
    """Scale a channel of the first convolution, and undo it in the second."""
    kernel, bias = model.get_layer("first").get_weights()
    kernel[..., channel] *= factor
    bias[channel] *= factor
    model.get_layer("first").set_weights([kernel, bias])
    kernel, bias = model.get_layer("second").get_weights()
    kernel[:, :, channel] /= factor
    model.get_layer("second").set_weights([kernel, bias])


def one_huge_weight() -> Any:
    """A dense layer whose every unit has a huge weight on a corner of the crop, always black.

    In float the weight does nothing; in int8 it leaves a step or two for all others. Scales per
    channel do not help, nor do equalised channels: what the layer reads is the input.
    """
    import keras

    layers = keras.layers
    inputs = keras.Input((70, 70, 3))
    x = layers.AveragePooling2D(10)(inputs)
    x = layers.Flatten()(x)
    x = layers.Dense(8, activation="relu", kernel_initializer=_normal(8), name="outlier")(x)
    x = layers.Dense(8, activation="relu", kernel_initializer=_normal(9), name="sound")(x)
    model = keras.Model(inputs, layers.Dense(2, kernel_initializer=_normal(10), name="head")(x))
    kernel, bias = model.get_layer("outlier").get_weights()
    kernel[0] = 300.0
    model.get_layer("outlier").set_weights([kernel, bias])
    return model


@cache
def twin_of(make: Any) -> bytes:
    """The float twin of one of the networks above."""
    return to_float_tflite(make())
