"""The order of the labels: from the record or asked for, and put right in the exported network."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_networks import drawn

from convert.job import parse_input_range, parse_labels
from convert.network.contract import contract_of, fit_to_device
from convert.network.logits_model import LogitsModel
from convert.record import TrainingRecord, read_record
from edge.errors import ConversionFailed

keras = pytest.importorskip("keras")
layers = keras.layers
KERAS_FILE = Path("small.keras")
RELEASED = Path(__file__).parents[3] / "train" / "released"


def ending(end: Callable[[Any], Any]) -> Any:
    """A small network of seeded weights that ends so, from 6 x 6 x 4 values."""
    keras.utils.set_random_seed(1)
    crop = keras.Input((70, 70, 3))
    x = layers.MaxPooling2D(2)(layers.Conv2D(4, 5, strides=5, activation="relu")(crop))
    return keras.Model(crop, end(x))


def pooled(end: Callable[[Any], Any]) -> Any:
    return ending(lambda x: end(layers.GlobalAveragePooling2D()(x)))


def normalised_at_the_end() -> Any:
    model = pooled(lambda x: layers.BatchNormalization(name="last")(layers.Dense(2)(x)))
    weights = [np.array(pair, np.float32) for pair in ([1, 2], [0.5, 0], [0.1, 0.2], [1, 3])]
    model.get_layer("last").set_weights(weights)
    return model


def head_in_a_model() -> Any:
    features = keras.Input((4,))
    return pooled(keras.Model(features, layers.Dense(2)(layers.Dense(3)(features))))


ENDS: dict[str, Callable[[], Any]] = {
    "dense": lambda: pooled(layers.Dense(2)),
    "dense without bias": lambda: pooled(layers.Dense(2, use_bias=False)),
    "two dense of two": lambda: pooled(lambda x: layers.Dense(2)(layers.Dense(2)(x))),
    "convolution, then pooling": lambda: ending(
        lambda x: layers.GlobalAveragePooling2D()(layers.Conv2D(2, 1)(x))
    ),
    "convolution, then largest": lambda: ending(
        lambda x: layers.GlobalMaxPooling2D()(layers.Conv2D(2, 3, padding="same")(x))
    ),
    "dense, then dropout": lambda: pooled(lambda x: layers.Dropout(0.5)(layers.Dense(2)(x))),
    "dense, then batch norm": normalised_at_the_end,
    "dense in a nested model": head_in_a_model,
}


def swapped(model: Any) -> Any:
    record = TrainingRecord({}, (), {}, ("all", "hem"))
    contract = contract_of(model, record, KERAS_FILE)
    return fit_to_device(LogitsModel(model, "small", ""), contract, KERAS_FILE).model


def logits(model: Any, crops: Any) -> Any:
    return np.asarray(model(crops.astype(np.float32) / 255, training=False))


@pytest.mark.parametrize("end", ENDS)
def test_outputs_in_the_other_order_change_places(end: str) -> None:
    model, crops = ENDS[end](), drawn(0, 6)
    before = logits(model, crops)
    assert np.abs(before[:, 0] - before[:, 1]).max() > 1e-3
    np.testing.assert_allclose(logits(swapped(model), crops), before[:, ::-1], atol=1e-5)


def test_outputs_that_cannot_change_places_are_refused_in_a_sentence() -> None:
    model = pooled(
        lambda x: layers.GlobalAveragePooling1D()(layers.Reshape((3, 2))(layers.Dense(6)(x)))
    )
    with pytest.raises(ConversionFailed, match=r"small\.keras gives its outputs in the order all"):
        swapped(model)


def test_outputs_in_order_are_left_alone() -> None:
    model = ENDS["dense"]()
    record = TrainingRecord({}, (), {}, ("hem", "all"))
    contract = contract_of(model, record, KERAS_FILE)
    source = LogitsModel(model, "small", "")
    assert fit_to_device(source, contract, KERAS_FILE).model is model
    assert contract.departs == ""


@pytest.mark.parametrize(
    ("labels", "asked", "order", "by"),
    [
        (("hem", "all"), None, ("hem", "all"), "its record"),
        (("all", "hem"), None, ("all", "hem"), "its record"),
        (None, "all,hem", ("all", "hem"), "--labels"),
        (None, "hem, all", ("hem", "all"), "--labels"),
        (("hem", "all"), "all,hem", ("all", "hem"), "--labels"),
    ],
)
def test_the_order_is_what_is_asked_for_or_what_the_record_says(
    labels: Any, asked: str | None, order: tuple[str, ...], by: str
) -> None:
    record = TrainingRecord({}, (), {}, labels)
    contract = contract_of(ENDS["dense"](), record, KERAS_FILE, parse_labels(asked))
    assert (contract.labels, contract.labels_from) == (order, by)


@pytest.mark.parametrize(
    ("labels", "asked", "words"),
    [
        (None, None, r"small\.json does not say which label each output stands for"),
        (("hem", "hem"), None, "tells hem and hem apart; edge-all needs"),
        (("benign", "early", "pre"), None, "benign and early and pre apart"),
        (("hem", "all"), "cat,dog", "tells cat and dog apart"),
        (("hem", "all"), "hem", "tells hem apart"),
    ],
)
def test_an_order_that_nobody_knows_is_never_assumed(labels: Any, asked: Any, words: str) -> None:
    record = TrainingRecord({}, (), {}, labels)
    with pytest.raises(ConversionFailed, match=words):
        contract_of(ENDS["dense"](), record, KERAS_FILE, parse_labels(asked))


def record_with(tmp_path: Path, **changes: Any) -> Path:
    fields = json.loads((RELEASED / "cnn.json").read_text()) | changes
    kept = {name: value for name, value in fields.items() if value is not ...}
    file = tmp_path / "cnn.json"
    file.write_text(json.dumps(kept))
    return file


@pytest.mark.parametrize(
    ("changes", "labels"),
    [
        ({}, ("hem", "all")),
        ({"labels": ["all", "hem"]}, ("all", "hem")),
        ({"labels": ...}, ("hem", "all")),  # of edge-all-train, before it said so
        ({"labels": ..., "kind": ...}, None),  # of somebody else
        ({"labels": ..., "schema": 7}, None),
    ],
)
def test_a_record_says_the_order_or_is_one_of_edge_all_train(
    tmp_path: Path, changes: dict[str, Any], labels: Any
) -> None:
    assert read_record(record_with(tmp_path, **changes)).labels == labels


@pytest.mark.parametrize(
    "changes",
    [
        {"labels": "hem,all"},
        {"labels": None},
        {"labels": [0, 1]},
        {"input_range": [1]},
        {"input_range": [1, 0]},
        {"input_range": [0, float("inf")]},
        {"input_range": [0, float("nan")]},
        {"input_range": "01"},
        {"input_range": [False, True]},
        {"input_range": [0, None]},
    ],
)
def test_a_record_that_says_nonsense_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(ConversionFailed, match="is no training record"):
        read_record(record_with(tmp_path, **changes))


@pytest.mark.parametrize("given", ["", "255", "0,1,2", "1,0", "0,0", "a,b", "0,nan", "0,inf"])
def test_a_range_that_is_none_is_refused(given: str) -> None:
    with pytest.raises(ConversionFailed, match="is no LOW,HIGH"):
        parse_input_range(given)
