"""The paper's three networks and our small one: sizes, and what conversion relies on."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.errors import DataRefused
from train.networks.find import BUILDERS, build, find_network
from train.networks.paper import NETWORKS, multiply_adds

# parameters, trainable and not, and multiply-adds per crop in millions: of the paper's what its
# description of the networks comes to at 70x70x3
SIZES = {
    "cnn": (170_674, 393),
    "vgg16": (39_896_898, 1_402),
    "resnet50": (23_591_810, 483),
    "small": (128_946, 12),
}


at_70 = functools.cache(functools.partial(build, side=70, labels=2))


@pytest.mark.parametrize("network", SIZES)
def test_a_network_has_the_size_it_is_said_to_have(network: str) -> None:
    model = at_70(network)
    parameters, millions = SIZES[network]
    assert model.count_params() == parameters
    assert round(multiply_adds(model) / 1e6) == millions
    assert model.input_shape == (None, 70, 70, 3)
    assert model.output_shape == (None, 2)


def test_the_command_line_has_the_papers_networks_and_ours() -> None:
    from train.cli.main import NETWORKS as COMMANDS

    assert set(COMMANDS) == set(BUILDERS) == set(SIZES) == {*NETWORKS, "small"}


@pytest.mark.parametrize("network", ["cnn", "resnet50", "small"])
def test_batch_norm_stands_right_behind_a_convolution(network: str) -> None:
    from keras import layers

    model = at_70(network)
    norms = [layer for layer in model.layers if isinstance(layer, layers.BatchNormalization)]
    assert norms
    for norm in norms:
        before = norm.input._keras_history.operation
        assert isinstance(before, layers.Conv2D)
        assert before.activation.__name__ == "linear"


def test_a_copy_of_the_small_network_is_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """As docs/contributing.md says: a module, and a line in ``BUILDERS``."""
    path = Path(__file__).parents[2] / "train" / "networks" / "small.py"
    copied: dict[str, Any] = {}
    exec(path.read_text(encoding="utf-8").replace("small", "mine"), copied)
    monkeypatch.setitem(BUILDERS, "mine", copied["mine"])
    model = find_network("mine", 32, 3).build()
    assert (model.name, model.output_shape) == ("mine", (None, 3))


def test_outputs_are_probabilities() -> None:
    crops = np.random.default_rng(0).random((3, 70, 70, 3), dtype=np.float32)
    outputs = at_70("cnn").predict_on_batch(crops)
    np.testing.assert_allclose(np.sum(outputs, axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize(
    ("network", "side", "labels"),
    [
        ("cnn", 32, 3),
        ("cnn", 512, 2),
        ("vgg16", 32, 60),
        ("resnet50", 37, 3),
        ("cnn", 96, 5),
        ("small", 32, 3),
    ],
)
def test_a_network_is_built_for_any_side_and_number_of_labels(
    network: str, side: int, labels: int
) -> None:
    model = build(network, side, labels)
    assert model.input_shape == (None, side, side, 3)
    assert model.output_shape == (None, labels)


@pytest.mark.parametrize(("network", "side"), [("resnet50", 36), ("cnn", 31), ("cnn", 513)])
def test_a_side_a_network_cannot_take_is_refused(network: str, side: int) -> None:
    with pytest.raises(DataRefused, match=rf"{network} cannot take crops of {side} pixels a side"):
        build(network, side, 2)
