"""Tiny Keras classifiers that begin and end in every way the world's do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Make = Callable[[], Any]


def _crops(**options: Any) -> Any:
    import keras

    return keras.Input(**{"shape": (70, 70, 3), **options})


def _features(inputs: Any) -> Any:
    """Few numbers that differ from crop to crop."""
    from keras import layers

    x = layers.Conv2D(3, 7, strides=7, activation="relu", kernel_initializer=_seeded(1))(inputs)
    return layers.GlobalAveragePooling2D()(x)


def _seeded(seed: int) -> Any:
    import keras

    return keras.initializers.RandomNormal(stddev=0.5, seed=seed)


def _dense(units: int = 2, activation: Any = None) -> Any:
    import keras

    return keras.layers.Dense(units, activation, kernel_initializer=_seeded(2))


def _ending(end: Callable[[Any], Any]) -> Make:
    """A functional model whose features go into the end given."""

    def make() -> Any:
        import keras

        inputs = _crops()
        return keras.Model(inputs, end(_features(inputs)), name="tiny")

    return make


def _layer(name: str, *arguments: Any, **options: Any) -> Any:
    import keras

    return getattr(keras.layers, name)(*arguments, **options)


def _with_own_class() -> Any:
    import keras

    class OwnSoftmax(keras.layers.Layer):  # type: ignore[misc]
        def call(self, inputs: Any) -> Any:
            return keras.ops.softmax(inputs)

    return _ending(lambda x: OwnSoftmax()(_dense()(x)))()


def _nested(last: Callable[[Any], Any]) -> Make:
    """A model whose last layer is a model that ends in softmax."""

    def make() -> Any:
        import keras

        features = keras.Input((3,))
        inner = keras.Model(features, last(features), name="classifier")
        return _ending(inner)()

    return make


def _fcn(*layers_: Any) -> Make:
    """A convolution as classifier, with layers behind it."""

    def make() -> Any:
        import keras

        inputs = x = _crops()
        first = _layer("Conv2D", 3, 7, strides=7, kernel_initializer=_seeded(1))
        kept = _layer("GlobalAveragePooling2D", keepdims=True)
        last = _layer("Conv2D", 2, 1, kernel_initializer=_seeded(2))
        for layer in (first, kept, last, *(make_layer() for make_layer in layers_)):
            x = layer(x)
        return keras.Model(inputs, x, name="tiny")

    return make


def _softmax_twice() -> Any:
    """The same softmax weighs the features first and ends the network then."""
    import keras

    inputs, softmax = _crops(), _layer("Activation", "softmax")
    x = _features(inputs)
    x = _layer("Multiply")([x, softmax(x)])
    return keras.Model(inputs, softmax(_dense()(x)))


ENDS: dict[str, Make] = {
    "softmax as activation": _ending(lambda x: _dense(activation="softmax")(x)),
    "Activation layer": _ending(lambda x: _layer("Activation", "softmax")(_dense()(x))),
    "Softmax layer": _ending(lambda x: _layer("Softmax")(_dense()(x))),
    "operation": _ending(lambda x: __import__("keras").ops.softmax(_dense()(x))),
    "log_softmax": _ending(lambda x: _dense(activation="log_softmax")(x)),
    "softmax, reshaped": _ending(
        lambda x: _layer("Flatten")(_layer("Reshape", (1, 2))(_dense(activation="softmax")(x)))
    ),
    "softmax, cast": _ending(
        lambda x: _layer("Activation", "linear", dtype="float32")(_dense(activation="softmax")(x))
    ),
    "convolution, softmax": _fcn(lambda: _layer("Flatten"), lambda: _layer("Softmax")),
    "convolution, softmax, flattened": _fcn(
        lambda: _layer("Softmax"), lambda: _layer("Flatten"), lambda: _layer("Dropout", 0.1)
    ),
    "convolution, softmax, left 1 x 1": _fcn(lambda: _layer("Softmax")),
    "sigmoid": _ending(lambda x: _dense(1, "sigmoid")(x)),
    "sigmoid, alone": _ending(lambda x: _layer("Activation", "sigmoid")(_dense(1)(x))),
    "dict of one": _ending(lambda x: {"class": _dense(activation="softmax")(x)}),
    "nested": _nested(lambda x: _dense(activation="softmax")(x)),
    "nested, Softmax layer": _nested(lambda x: _layer("Softmax")(_dense()(x))),
    "three labels": _ending(lambda x: _dense(3, "softmax")(x)),
    "three labels, Softmax layer": _ending(lambda x: _layer("Softmax")(_dense(3)(x))),
    "three labels, log_softmax, reshaped": _ending(
        lambda x: _layer("Reshape", (3, 1))(_dense(3, "log_softmax")(x))
    ),
}
"""Ends of which the logits are found."""

REFUSED_ENDS: dict[str, tuple[Make, str]] = {
    "logits": (_ending(lambda x: _dense()(x)), "does not end in a layer with softmax"),
    "relu": (_ending(lambda x: _dense(activation="relu")(x)), "does not end in a layer with"),
    "two sigmoids": (_ending(lambda x: _dense(2, "sigmoid")(x)), "does not end in a layer with"),
    "one number": (_ending(lambda x: _dense(1)(x)), "gives one number that is no sigmoid"),
    "softmax of one": (_ending(lambda x: _dense(1, "softmax")(x)), "gives one number"),
    "three sigmoids": (_ending(lambda x: _dense(3, "sigmoid")(x)), "does not end in a layer with"),
    "61 labels": (_ending(lambda x: _dense(61, "softmax")(x)), "for each of 2 to 60 labels"),
    "wrong axis": (
        _ending(lambda x: _layer("Softmax", axis=0)(_dense()(x))),
        "does not run over the labels",
    ),
    "axis of one": (
        _ending(lambda x: _layer("Softmax")(_layer("Reshape", (2, 1))(_dense()(x)))),
        "does not run over the labels",
    ),
    "softmax twice": (_softmax_twice, "which is used twice in it"),
    "averaged behind": (
        _ending(lambda x: _layer("Rescaling", 0.5)(_dense(activation="softmax")(x))),
        "does not end in a layer with softmax",
    ),
    "list of two": (
        _ending(lambda x: [_dense(activation="softmax")(x), _dense(1)(x)]),
        "has 1 inputs and 2 outputs",
    ),
    "dict of two": (
        _ending(lambda x: {"class": _dense(activation="softmax")(x), "x": _dense(1)(x)}),
        "has 1 inputs and 2 outputs",
    ),
    "Lambda": (
        _ending(lambda x: _layer("Lambda", lambda y: __import__("keras").ops.softmax(y))(x)),
        "has a Lambda layer",
    ),
    "own layer": (_with_own_class, "uses OwnSoftmax, which Keras does not have"),
    "NaN": (lambda: _diverged(), "holds NaN or infinity"),
}
"""Ends that are refused, and what is said of them."""


def _diverged() -> Any:
    model = ENDS["softmax as activation"]()
    model.set_weights([weight * np.nan for weight in model.get_weights()])
    return model


def _beginning(inputs: Make, first: Callable[[Any], Any] = lambda x: x) -> Make:
    """A model of the input given and a layer that reads it."""

    def make() -> Any:
        import keras

        crops = inputs()
        return keras.Model(crops, _dense(activation="softmax")(_features(first(crops))))

    return make


def _sequential(*first: Any, build: bool = True, side: int = 70) -> Make:
    """A Sequential without an Input, called on a crop before it is saved or not."""

    def make() -> Any:
        import keras

        pooling = keras.layers.GlobalAveragePooling2D()
        convolution = keras.layers.Conv2D(3, 7, strides=7, kernel_initializer=_seeded(1))
        model = keras.Sequential([*first, convolution, pooling, _dense(activation="softmax")])
        if build:
            model(np.zeros((1, side, side, 3), np.float32))
        return model

    return make


def _of_policy(policy: str, make: Make) -> Make:
    """A model whose layers are made under a policy of data types."""

    def in_policy() -> Any:
        import keras

        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy(policy)
        try:
            return make()
        finally:
            keras.config.set_dtype_policy(before)

    return in_policy


def _nested_start() -> Any:
    import keras

    inner = _crops()
    backbone = keras.Model(inner, _features(inner), name="backbone")
    crops = _crops()
    return keras.Model(crops, _dense(activation="softmax")(backbone(crops)))


def _two_inputs() -> Any:
    import keras

    crops, age = _crops(), keras.Input((1,))
    x = _layer("Concatenate")([_features(crops), age])
    return keras.Model([crops, age], _dense(activation="softmax")(x))


def _recurrent(
    kind: str, shape: tuple[int, ...] = (70, 70, 3), wrap: Callable[[Any], Any] = lambda x: x
) -> Any:
    """Rows of a crop, one after the other."""
    import keras

    x = inputs = keras.Input(shape)
    if len(shape) == 3:
        x = _layer("Reshape", (70, 210))(x)
    return keras.Model(inputs, _dense(activation="softmax")(wrap(_layer(kind, 2))(x)))


def _augmented() -> Any:
    """All that does something else in training, before and in the network."""
    import keras

    crops = _crops()
    x = keras.layers.RandomFlip()(crops)
    x = keras.layers.RandomRotation(0.2)(x)
    x = keras.layers.RandomContrast(0.5)(x)
    x = keras.layers.GaussianNoise(0.5)(x)
    x = keras.layers.Conv2D(3, 7, strides=7, kernel_initializer=_seeded(1))(x)
    x = keras.layers.SpatialDropout2D(0.5)(keras.layers.BatchNormalization()(x))
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dropout(0.5)(x, training=True)
    return keras.Model(crops, _dense(activation="softmax")(x))


PLAIN = _beginning(_crops)

STARTS: dict[str, Make] = {
    "float32": PLAIN,
    "Rescaling": _beginning(_crops, lambda x: _layer("Rescaling", 2.0, -1.0)(x)),
    "float16": _beginning(lambda: _crops(dtype="float16")),
    "half precision": _of_policy("float16", PLAIN),
    "mixed precision": _of_policy("mixed_float16", PLAIN),
    "mixed bfloat16": _of_policy("mixed_bfloat16", PLAIN),
    "mixed, nested": _of_policy("mixed_float16", _nested_start),
    "mixed, Sequential": _of_policy("mixed_float16", _sequential()),
    "Sequential without Input": _sequential(),
    "nested": _nested_start,
    "fixed batch": _beginning(lambda: _crops(shape=None, batch_shape=(8, 70, 70, 3))),
    "32 pixels": _beginning(lambda: _crops(shape=(32, 32, 3))),
    "96 pixels, Sequential": _sequential(side=96),
    "augmented": _augmented,
}
"""Beginnings of networks that can be converted."""

REFUSED_STARTS: dict[str, tuple[Make, str]] = {
    "uint8": (
        _beginning(lambda: _crops(dtype="uint8"), lambda x: _layer("Rescaling", 1 / 255)(x)),
        "takes crops as uint8; edge-all feeds float32 in 0..1",
    ),
    "int32": (
        _beginning(lambda: _crops(dtype="int32"), lambda x: _layer("Rescaling", 1 / 255)(x)),
        "takes crops as int32",
    ),
    "no square": (_beginning(lambda: _crops(shape=(70, 96, 3))), "(None, 70, 96, 3): not square"),
    "too small": (_beginning(lambda: _crops(shape=(31, 31, 3))), "31 pixels a side; edge-all"),
    "too large": (_beginning(lambda: _crops(shape=(513, 513, 3))), "from 32 to 512"),
    "any size": (
        _beginning(lambda: _crops(shape=(None, None, 3))),
        "(None, None, None, 3): images of no certain size",
    ),
    "any height": (_beginning(lambda: _crops(shape=(None, 70, 3))), "of no certain size"),
    "grey": (_beginning(lambda: _crops(shape=(70, 70, 1))), "(None, 70, 70, 1): not 3 channels"),
    "channels first": (
        _beginning(lambda: _crops(shape=(3, 70, 70)), lambda x: _layer("Permute", (2, 3, 1))(x)),
        "(None, 3, 70, 70): not 3 channels",
    ),
    "no images": (lambda: _recurrent("LSTM", (10, 4), lambda x: x), "(None, 10, 4): no images"),
    "LSTM": (lambda: _recurrent("LSTM"), "is recurrent, which has no int8 form"),
    "GRU, both ways": (
        lambda: _recurrent("GRU", wrap=lambda x: _layer("Bidirectional", x)),
        "is recurrent",
    ),
    "two inputs": (_two_inputs, "has 2 inputs and 1 outputs"),
    "never built": (_sequential(build=False), "saved before its layers were built"),
    "quantized": (lambda: _quantized(), "was quantized by Keras"),
}
"""Beginnings that are refused, and what is said of them."""


def _quantized() -> Any:
    model = PLAIN()
    model.quantize("int8")
    return model
