"""The order of the labels: from the record or asked for, and put right in the exported network."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_networks import drawn

from convert.network.asked import Asked, parse_input_range, parse_names
from convert.network.contract import Terms, agree_on_terms
from convert.network.fitting import fit_to_device
from convert.network.logits_model import LogitsModel
from convert.record import TrainingRecord, read_record
from edge.contract import Contract, make_labels
from edge.errors import ConversionFailed
from edge.models.cnmc import CONTRACT, NAMES

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


OF_CNMC = TrainingRecord({}, (), {}, NAMES, contract=CONTRACT)
OF_KINDS = TrainingRecord({}, (), {}, ("a", "b", "c"), contract=Contract(70, make_labels("abc")))


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


def reordered(model: Any, names: str, record: TrainingRecord = OF_CNMC) -> Any:
    terms = agreed(record, names)
    return fit_to_device(LogitsModel(model, "small", ""), terms, KERAS_FILE)[0].model


def agreed(record: TrainingRecord, names: str | None = None) -> Terms:
    return agree_on_terms(KERAS_FILE, record, Asked(labels=parse_names(names)), pytest.fail)


def logits(model: Any, crops: Any) -> Any:
    return np.asarray(model(crops.astype(np.float32) / 255, training=False))


@pytest.mark.parametrize("end", ENDS)
def test_outputs_in_the_other_order_change_places(end: str) -> None:
    model, crops = ENDS[end](), drawn(0, 6)
    before = logits(model, crops)
    assert np.abs(before[:, 0] - before[:, 1]).max() > 1e-3
    np.testing.assert_allclose(
        logits(reordered(model, "all,hem"), crops), before[:, ::-1], atol=1e-5
    )


def test_outputs_of_three_labels_are_put_in_the_order_of_the_contract() -> None:
    model, crops = pooled(lambda x: layers.Dense(3)(layers.Dense(4)(x))), drawn(0, 6)
    before = logits(model, crops)
    after = logits(reordered(model, "c,a,b", OF_KINDS), crops)
    np.testing.assert_allclose(after, before[:, [1, 2, 0]], atol=1e-5)


def test_outputs_that_cannot_change_places_are_refused_in_a_sentence() -> None:
    model = pooled(
        lambda x: layers.GlobalAveragePooling1D()(layers.Reshape((3, 2))(layers.Dense(6)(x)))
    )
    with pytest.raises(ConversionFailed, match=r"small\.keras gives its outputs in another order"):
        reordered(model, "all,hem")


def test_outputs_in_order_are_left_alone() -> None:
    model = ENDS["dense"]()
    source = LogitsModel(model, "small", "")
    fitted, terms = fit_to_device(source, agreed(OF_CNMC), KERAS_FILE)
    assert fitted.model is model
    assert terms.departs == ""


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (OF_KINDS, "tells 2 labels apart, not the 3 that its record names: a, b, c"),
        (
            replace(OF_CNMC, contract=replace(CONTRACT, side=96)),
            "takes crops of 70 pixels a side and its record says 96",
        ),
    ],
)
def test_a_record_of_another_network_is_refused(record: TrainingRecord, words: str) -> None:
    with pytest.raises(ConversionFailed, match=words):
        fit_to_device(LogitsModel(ENDS["dense"](), "small", ""), agreed(record), KERAS_FILE)


@pytest.mark.parametrize(
    ("labels", "asked", "order", "by"),
    [
        (("hem", "all"), None, ("hem", "all"), "its record"),
        (("all", "hem"), None, ("all", "hem"), "its record"),
        (("hem", "all"), "all,hem", ("all", "hem"), "--labels"),
        (("all", "hem"), "hem, all", ("hem", "all"), "--labels"),
    ],
)
def test_the_order_is_what_is_asked_for_or_what_the_record_says(
    labels: Any, asked: str | None, order: tuple[str, ...], by: str
) -> None:
    terms = agreed(replace(OF_CNMC, labels=labels), asked)
    assert (terms.outputs, terms.outputs_from) == (order, by)
    assert terms.contract == CONTRACT


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("hem", "tells hem, all apart, as its record says, and --labels names hem: give the same"),
        ("cat,dog", "and --labels names cat, dog"),
        ("hem,hem", "and --labels names hem, hem"),
    ],
)
def test_names_that_contradict_the_record_are_refused(asked: str, words: str) -> None:
    with pytest.raises(ConversionFailed, match=words):
        agreed(OF_CNMC, asked)


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
        ({"labels": ...}, ("hem", "all")),  # as its contract says
        ({"labels": ..., "contract": ...}, ("hem", "all")),  # of 0.1.0, which knew no others
        ({"labels": ..., "contract": ..., "kind": ...}, None),  # of somebody else
        ({"labels": ..., "contract": ..., "schema": 7}, None),
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
