"""What range a Keras model wants its crops in, and that the exported one takes 0..1 for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_networks import drawn

from convert.network.asked import Asked
from convert.network.contract import Terms, agree_on_terms
from convert.network.fitting import fit_to_device
from convert.network.input_range import BYTES, SIGNED, UNIT, WORDS, InputRange, range_of_layers
from convert.network.logits_model import LogitsModel, keras_logits
from convert.record import TrainingRecord
from convert.verify.evaluate import logits_in
from edge.errors import ConversionFailed
from edge.models.cnmc import CONTRACT, NAMES

keras = pytest.importorskip("keras")
layers = keras.layers
RECORD = TrainingRecord({}, (), {}, NAMES, contract=CONTRACT)
MEANS, VARIANCES = [123.7, 116.3, 103.5], [3410.0, 3260.0, 3290.0]


def network(begin: Callable[[Any], Any]) -> Any:
    """A small network of seeded weights that begins so."""
    keras.utils.set_random_seed(0)
    crop = keras.Input((70, 70, 3))
    x = layers.Conv2D(3, 5, strides=5, activation="relu")(begin(crop))
    return keras.Model(crop, layers.Dense(2)(layers.GlobalAveragePooling2D()(x)))


def dense_first(scale: float) -> Any:
    keras.utils.set_random_seed(0)
    crop = keras.Input((70, 70, 3))
    x = layers.Flatten()(layers.AveragePooling2D(10)(layers.Rescaling(scale)(crop)))
    return keras.Model(crop, layers.Dense(2)(x))


def normalised(mean: Any, variance: Any) -> Callable[[Any], Any]:
    return lambda crop: layers.Normalization(mean=mean, variance=variance)(crop)


def batch_normalised(mean: float, variance: float) -> Any:
    model = network(layers.BatchNormalization(name="first"))
    weights = [np.full(3, value, np.float32) for value in (1, 0, mean, variance)]
    model.get_layer("first").set_weights(weights)
    return model


def nested(*before: Any) -> Any:
    """The layers stand in a model of their own, before one that holds the kernels."""
    crop = keras.Input((70, 70, 3))
    outer = keras.Sequential([keras.Input((70, 70, 3)), *before])
    return keras.Model(crop, network(lambda x: x)(outer(crop)))


CASES: dict[str, tuple[Callable[[], Any], InputRange | None]] = {
    "nothing": (lambda: network(lambda x: x), None),
    "padding": (lambda: network(layers.ZeroPadding2D(3)), None),
    "bytes to 0..1": (lambda: network(layers.Rescaling(1 / 255)), BYTES),
    "bytes to -1..1": (lambda: network(layers.Rescaling(1 / 127.5, -1)), BYTES),
    "bytes around 0": (lambda: network(normalised(MEANS, [1.0] * 3)), BYTES),
    "bytes normalised": (lambda: network(normalised(MEANS, VARIANCES)), BYTES),
    "bytes, adapted batch norm": (lambda: batch_normalised(61, 2900), BYTES),
    "bytes divided in the graph": (lambda: network(lambda x: x / 255.0), BYTES),
    "bytes to -1..1 in the graph": (lambda: network(lambda x: x / 127.5 - 1.0), BYTES),
    "bytes, BGR around 0": (lambda: network(lambda x: x[..., ::-1] - 110.0), BYTES),
    "bytes, two steps": (
        lambda: network(lambda x: normalised(0.4, 0.04)(layers.Rescaling(1 / 255)(x))),
        BYTES,
    ),
    "bytes behind a padding": (
        lambda: network(lambda x: layers.Rescaling(1 / 255)(layers.ZeroPadding2D(2)(x))),
        BYTES,
    ),
    "bytes behind a random flip": (
        lambda: network(lambda x: layers.Rescaling(1 / 255)(layers.RandomFlip()(x))),
        BYTES,
    ),
    "bytes, in a nested model": (lambda: nested(layers.Rescaling(1 / 255)), BYTES),
    "bytes, augmented in it": (lambda: nested(layers.RandomFlip(), layers.Rescaling(0.005)), BYTES),
    "bytes, all nested": (
        lambda: keras.Sequential([keras.Input((70, 70, 3)), network(layers.Rescaling(1 / 255))]),
        BYTES,
    ),
    "bytes to a dense layer": (lambda: dense_first(1 / 255), BYTES),
    "16 bits": (lambda: network(layers.Rescaling(1 / 65535)), WORDS),
    "-1..1 to 0..1": (lambda: network(layers.Rescaling(0.5, 0.5)), SIGNED),
    "-1..1 to bytes": (lambda: network(layers.Rescaling(127.5, 127.5)), SIGNED),
    "0..1 to -1..1": (lambda: network(layers.Rescaling(2, -1)), UNIT),
    "0..1 to bytes": (lambda: network(layers.Rescaling(255)), UNIT),
    "0..1 normalised": (lambda: network(normalised([0.3, 0.2, 0.4], [0.06, 0.05, 0.07])), UNIT),
    "0..1, adapted batch norm": (lambda: batch_normalised(0.24, 0.05), UNIT),
}


@pytest.mark.parametrize("case", CASES)
def test_the_range_is_found_in_what_stands_before_the_first_kernel(case: str) -> None:
    make, wanted = CASES[case]
    assert range_of_layers(make()) == wanted


def test_scaling_behind_the_first_kernel_says_nothing_of_the_crops() -> None:
    crop = keras.Input((70, 70, 3))
    x = layers.Rescaling(1 / 255)(layers.Conv2D(3, 5, strides=5)(crop))
    model = keras.Model(crop, layers.Dense(2)(layers.GlobalAveragePooling2D()(x)))
    assert range_of_layers(model) is None


def test_a_scaling_that_fits_no_range_is_refused_and_can_be_told() -> None:
    with pytest.raises(ConversionFailed, match="around -128, which is none of the ranges"):
        fitted(network(layers.Rescaling(1 / 255, 0.5)))
    wanted = InputRange(-128, 127)
    told = fitted(network(layers.Rescaling(1 / 255, 0.5)), Asked(input_range=wanted))
    assert (told.input_range, told.range_from) == (wanted, "--input-range")


def fitted(model: Any, asked: Asked | None = None, record: TrainingRecord = RECORD) -> Terms:
    """Terms of a model, fitted to devices."""
    terms = agree_on_terms(path(), record, asked or Asked(), pytest.fail)
    return fit_to_device(LogitsModel(model, "small", ""), terms, path())[1]


def test_a_record_outranks_layers_and_an_option_outranks_a_record() -> None:
    model = network(layers.Rescaling(1 / 255))
    assert fitted(model).range_from == "its first layers"
    record = replace(RECORD, input_range=UNIT)
    assert fitted(model, record=record).fed == UNIT
    assert fitted(model, Asked(input_range=SIGNED), record).fed == SIGNED


@pytest.mark.parametrize("side", [32, 70])
def test_the_range_is_found_at_any_side(side: int) -> None:
    crop = keras.Input((side, side, 3))
    x = layers.Conv2D(3, 5, strides=5)(layers.Rescaling(1 / 255)(crop))
    assert range_of_layers(keras.Model(crop, layers.GlobalAveragePooling2D()(x))) == BYTES


@pytest.mark.parametrize("wanted", [UNIT, BYTES, SIGNED, WORDS, InputRange(-128, 127)])
def test_the_fitted_network_answers_crops_as_its_own_range_is_answered(wanted: InputRange) -> None:
    model, crops = network(lambda x: x), drawn(0, 6)
    terms = Terms(CONTRACT, NAMES, "said", wanted, "said")
    taking_unit = fit_to_device(LogitsModel(model, "small", ""), terms, path())[0].model
    scaled = wanted.low + (wanted.high - wanted.low) * (crops.astype(np.float32) / 255)
    expected = np.asarray(model.predict_on_batch(scaled))
    np.testing.assert_allclose(keras_logits(taking_unit, crops), expected, rtol=1e-3, atol=1e-4)
    # and what it would answer in another range is that of the network there
    others = logits_in(taking_unit, crops, wanted, BYTES)
    in_bytes = np.asarray(model.predict_on_batch(crops.astype(np.float32)))
    np.testing.assert_allclose(others, in_bytes, rtol=1e-3, atol=1e-3)


def path() -> Path:
    return Path("small.keras")
