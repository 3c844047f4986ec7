"""The three networks of the paper, as Keras models for crops of any side and any labels.

Inputs are RGB in 0..1 (``crop / 255``), outputs the softmax probabilities of the labels. Batch
normalisation stands between convolution and ReLU so that it folds into the convolution when the
model is converted. Sizes are given for the paper's crops of 70x70 and its two labels.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

# Runs here are tens of epochs of a hundred steps: with Keras' default of 0.99 the
# moving averages lag behind the weights and evaluation mode is far off.
BATCH_NORM_MOMENTUM = 0.97


def cnn(side: int, labels: int) -> keras.Model:
    """Build the paper's own network: 170,674 parameters, 393 M multiply-adds.

    Five pairs of 2x2 convolutions (128, 64, 32, 16, 8 filters), each followed by
    batch normalisation and ReLU, each pair by 2x2 pooling and dropout 0.1.
    """
    from keras import layers

    inputs = x = crop_input(side)
    for filters in (128, 64, 32, 16, 8):
        for _ in range(2):
            x = conv_bn_relu(x, filters, 2)
        x = layers.MaxPooling2D(2, strides=2)(x)
        x = layers.Dropout(0.1)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(1024, activation="relu")(x)
    return classifier(inputs, x, labels, "cnn")


def vgg16(side: int, labels: int) -> keras.Model:
    """Build VGG-16: 39,896,898 parameters, 1,402 M multiply-adds."""
    from keras import layers

    inputs = x = crop_input(side)
    for filters, convolutions in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(convolutions):
            x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D(2, strides=2)(x)
    x = layers.Flatten()(x)
    for _ in range(2):
        x = layers.Dense(4096, activation="relu")(x)
    return classifier(inputs, x, labels, "vgg16")


def resnet50(side: int, labels: int) -> keras.Model:
    """Build ResNet-50: 23,591,810 parameters, 483 M multiply-adds."""
    from keras import layers

    inputs = crop_input(side)
    x = layers.ZeroPadding2D(3)(inputs)
    x = conv_bn_relu(x, 64, 7, strides=2, padding="valid")
    x = layers.MaxPooling2D(3, strides=2)(x)
    stages = ((3, 64, 1), (4, 128, 2), (6, 256, 2), (3, 512, 2))
    for blocks, filters, strides in stages:
        for block in range(blocks):
            x = _bottleneck(x, filters, strides if block == 0 else 1, project=block == 0)
    x = layers.AveragePooling2D(2)(x)
    x = layers.Flatten()(x)
    return classifier(inputs, x, labels, "resnet50")


NETWORKS: dict[str, Callable[[int, int], keras.Model]] = {
    "cnn": cnn,
    "vgg16": vgg16,
    "resnet50": resnet50,
}
"""Name on the command line -> builder, given the side of the crops and the number of labels."""


def multiply_adds(model: keras.Model) -> int:
    """Multiply-adds of the convolutions and dense layers for one crop."""
    return sum(
        math.prod(layer.output.shape[1:-1]) * math.prod(layer.kernel.shape)
        for layer in model.layers
        if hasattr(layer, "kernel")
    )


def crop_input(side: int) -> Any:
    """Input of a network: crops of this side, in 0..1."""
    from keras import layers

    return layers.Input((side, side, 3), name="crop")


def classifier(inputs: Any, features: Any, labels: int, name: str) -> keras.Model:
    """Network that ends so: features to the probabilities of the labels."""
    import keras

    # float32 whatever the mixed-precision policy: a bfloat16 softmax has 8 bits
    outputs = keras.layers.Dense(labels, activation="softmax", dtype="float32", name="head")(
        features
    )
    return keras.Model(inputs, outputs, name=name)


def _batch_norm(x: Any) -> Any:
    from keras import layers

    return layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM)(x)


def conv_bn_relu(x: Any, filters: int, size: int, strides: int = 1, padding: str = "same") -> Any:
    """Convolution, batch normalisation and ReLU, in the order that folds."""
    from keras import layers

    x = layers.Conv2D(filters, size, strides=strides, padding=padding)(x)
    return layers.ReLU()(_batch_norm(x))


def _bottleneck(x: Any, filters: int, strides: int, project: bool) -> Any:
    """ResNet bottleneck block: 1x1, 3x3, 1x1 convolutions beside a shortcut."""
    from keras import layers

    shortcut = x
    if project:
        shortcut = _batch_norm(layers.Conv2D(4 * filters, 1, strides=strides)(x))
    x = conv_bn_relu(x, filters, 1, strides=strides)
    x = conv_bn_relu(x, filters, 3)
    x = _batch_norm(layers.Conv2D(4 * filters, 1)(x))
    return layers.ReLU()(layers.Add()([x, shortcut]))
