"""Networks and files that a conversion refuses: in a sentence, and nothing is left behind."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tflite_helpers import beside, beside_colour_means, colour_means
from typer.testing import CliRunner

from convert.cli.main import app


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a network of one dense layer, which converts, and of the files beside it."""
    keras_file = beside_colour_means(tmp_path_factory.mktemp("small"))
    out = keras_file.with_name("out")
    done = CliRunner().invoke(app, ["run", str(keras_file), "--out", str(out)])
    assert done.exit_code == 0, done.output
    shutil.rmtree(out)
    return keras_file.parent


def refusal(keras_file: Path, out: Path, exit_code: int, *options: str) -> str:
    """What a conversion that must fail says; it may leave no model file."""
    done = CliRunner().invoke(app, ["run", str(keras_file), "--out", str(out), *options])
    assert done.exit_code == exit_code, done.output
    assert not (out / "cnn.tflite").exists()
    assert not list(out.glob(".*"))
    return done.stderr


def test_int8_that_decides_differently_fails_the_gate(small: Path, tmp_path: Path) -> None:
    keras_file = shutil.copytree(small, tmp_path / "small") / "cnn.keras"
    ranges = keras_file.with_name("cnn-ranges.json")
    content = json.loads(ranges.read_text())
    content["ranges"] = {
        name: (low / 50, high / 50) if high != 1.0 else (low, high)
        for name, (low, high) in content["ranges"].items()
    }
    ranges.write_text(json.dumps(content))
    said = refusal(keras_file, tmp_path / "out", 3)
    assert "gate failed: int8 agrees with float on" in said
    assert "99.50% is required" in said


def test_ranges_of_another_network_are_refused(small: Path, tmp_path: Path) -> None:
    keras_file = shutil.copytree(small, tmp_path / "small") / "cnn.keras"
    ranges = keras_file.with_name("cnn-ranges.json")
    content = json.loads(ranges.read_text())
    ranges.write_text(json.dumps({**content, "keras_sha256": "0" * 64}))
    assert "made for another Keras file" in refusal(keras_file, tmp_path / "out", 2)
    content["ranges"]["no such tensor"] = (0, 1)
    ranges.write_text(json.dumps(content))
    assert "no such tensor" in refusal(keras_file, tmp_path / "out", 2)
    ranges.unlink()
    assert "cnn-ranges.json is missing, in which" in refusal(keras_file, tmp_path / "out", 2)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cnn.json", "what its 2 outputs stand for, what black and white were in training and"),
        ("cnn-calibration.json", "make it with edge-all-calibrate probabilities"),
    ],
)
def test_a_missing_file_beside_the_network_is_named(tmp_path: Path, name: str, words: str) -> None:
    keras_file = beside(tmp_path)
    keras_file.with_name(name).unlink()
    said = refusal(keras_file, tmp_path / "out", 2)
    assert name in said
    assert words in said


def with_lambda() -> Any:
    import keras

    inputs = keras.Input((70, 70, 3))
    x = keras.layers.Lambda(lambda crop: 2 * crop)(inputs)
    x = keras.layers.GlobalAveragePooling2D()(x)
    outputs = keras.layers.Dense(2, activation="softmax")(x)
    return keras.Model(inputs, outputs, name="cnn")


def with_nan() -> Any:
    model = colour_means()
    kernel, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([kernel * np.nan, bias])
    return model


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: colour_means(classes=3), "tells 3 labels apart, not the 2 that its record names"),
        (lambda: colour_means(width=64), "(None, 70, 64, 3): not square; edge-all feeds"),
        (lambda: colour_means(activation=None), "does not end in a layer with softmax"),
        (with_nan, "holds NaN or infinity"),
        (with_lambda, "has a Lambda layer, which would run code out of the file"),
    ],
)
def test_a_network_that_cannot_be_converted_is_refused_in_a_sentence(
    tmp_path: Path, make: Callable[[], Any], words: str
) -> None:
    keras_file = beside(tmp_path)
    make().save(keras_file)
    said = refusal(keras_file, tmp_path / "out", 2)
    assert words in said
    assert str(keras_file) in said
    assert len(said.strip().splitlines()) == 1


@pytest.mark.parametrize("spoil", [lambda data: data[:1000], lambda data: b"no model", None])
def test_a_damaged_or_missing_keras_file_is_refused_in_a_sentence(
    tmp_path: Path, spoil: Callable[[bytes], bytes] | None
) -> None:
    keras_file = beside(tmp_path)
    if spoil is None:
        keras_file.unlink()
    else:
        keras_file.write_bytes(spoil(keras_file.read_bytes()))
    said = refusal(keras_file, tmp_path / "out", 2)
    assert str(keras_file) in said
    assert len(said.strip().splitlines()) == 1
