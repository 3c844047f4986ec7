"""Keras models that somebody brings: what is taken, with which range of pixels, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_any_labels import SIDE, write_network

from edge.errors import DataRefused
from train.networks.find import find_network
from train.training.fit import build_trainer, predict
from train.training.recipe import RECIPES


def rescaling(scale: float, offset: float = 0.0) -> Callable[[], list[Any]]:
    def make() -> list[Any]:
        import keras

        return [keras.layers.Rescaling(scale, offset)]

    return make


def normalisation(mean: float) -> Callable[[], list[Any]]:
    def make() -> list[Any]:
        import keras

        return [keras.layers.Normalization(mean=[mean] * 3, variance=[1.0] * 3)]

    return make


def turned(then: Callable[[], list[Any]]) -> Callable[[], list[Any]]:
    def make() -> list[Any]:
        import keras

        return [keras.Sequential([keras.layers.RandomFlip(seed=1)]), *then()]

    return make


@pytest.mark.parametrize(
    ("first", "white"),
    [
        (list, 1),
        (rescaling(1 / 255), 255),
        (rescaling(1 / 127.5, -1), 255),
        (rescaling(2, -1), 1),
        (normalisation(0.5), 1),
        (normalisation(120.0), 255),
        (turned(rescaling(1 / 255)), 255),
        (turned(list), 1),
    ],
)
def test_the_first_layers_say_which_range_a_network_takes(
    tmp_path: Path, first: Callable[[], list[Any]], white: float
) -> None:
    path = write_network(tmp_path / "own.keras", first=first())
    network = find_network(str(path), SIDE, 3)
    assert (network.name, network.white) == ("own", white)
    crops = np.random.default_rng(0).integers(0, 256, (3, SIDE, SIDE, 3), np.uint8)
    expected = network.build().predict_on_batch(crops.astype(np.float32) / (255 / white))
    assert np.exp(predict(network, network.build(), crops)) == pytest.approx(expected, rel=1e-4)


def test_a_trainer_feeds_a_network_its_own_range(tmp_path: Path) -> None:
    path = write_network(tmp_path / "own.keras", first=rescaling(1 / 255)())
    network = find_network(str(path), SIDE, 3)
    crops = np.random.default_rng(0).integers(0, 256, (4, SIDE, SIDE, 3), np.uint8)
    model, trainer = build_trainer(network, RECIPES["paper"]("own"), crops, np.zeros(4, np.int32))
    trained_on = trainer.predict_on_batch(np.arange(4, dtype=np.int32))
    assert trained_on == pytest.approx(np.exp(predict(network, model, crops)), rel=1e-4)


def unclear() -> list[Any]:
    import keras

    return [keras.layers.LayerNormalization()]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"kinds": 2}, "gives (None, 2), and the data has 3 labels: (None, 3)"),
        (
            {"side": 40},
            "takes (None, 40, 40, 3), and crops of 32 pixels a side are (None, 32, 32, 3)",
        ),
        ({"end": None}, "does not end in a softmax"),
        ({"end": "sigmoid"}, "does not end in a softmax"),
        ({"first": unclear}, "leave open whether it takes 0..1 or 0..255"),
    ],
)
def test_what_cannot_be_trained_is_refused_in_a_sentence(
    tmp_path: Path, options: dict[str, Any], words: str
) -> None:
    if "first" in options:
        options = {"first": options["first"]()}
    path = write_network(tmp_path / "own.keras", **options)
    with pytest.raises(DataRefused) as refused:
        find_network(str(path), SIDE, 3)
    assert words in str(refused.value)
    assert len(str(refused.value)) < 300 + len(str(path))


def test_what_is_no_network_is_refused(tmp_path: Path) -> None:
    (tmp_path / "own.keras").write_text("no model")
    with pytest.raises(DataRefused, match=r"own\.keras is no Keras model that can be read"):
        find_network(str(tmp_path / "own.keras"), SIDE, 3)
    with pytest.raises(
        DataRefused, match=r"no network lenet; there are cnn, vgg16, resnet50, small, or"
    ):
        find_network("lenet", SIDE, 3)
