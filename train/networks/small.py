"""A small network of our own: trained in a thirtieth of the time of the paper's smallest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from train.networks.paper import classifier, conv_bn_relu, crop_input

if TYPE_CHECKING:
    import keras


def small(side: int, labels: int) -> keras.Model:
    """Build it: 128,946 parameters, 12 M multiply-adds on the paper's crops and labels.

    Crops are halved, then three pairs of 3x3 convolutions (16, 32, 64 filters) with pooling
    between, one of 96, and the mean over all places. For comparing recipes on a processor, and
    for boards that are slow: what it does not see is the grain of two pixels.
    """
    from keras import layers

    inputs = x = crop_input(side)
    x = layers.AveragePooling2D(2)(x)
    for filters in (16, 32, 64):
        for _ in range(2):
            x = conv_bn_relu(x, filters, 3)
        x = layers.MaxPooling2D(2)(x)
    x = layers.GlobalAveragePooling2D()(conv_bn_relu(x, 96, 3))
    return classifier(inputs, layers.Dropout(0.1)(x), labels, "small")
