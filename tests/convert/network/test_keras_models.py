"""Keras models of all kinds: the same function on the device, or one true sentence."""

from __future__ import annotations

import io
import logging
import shutil
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras_models import ENDS, PLAIN, REFUSED_ENDS, REFUSED_STARTS, STARTS

from convert.graph.flatbuffer import operators
from convert.graph.float_tflite import to_float_tflite
from convert.graph.layers import float_layers
from convert.network.head import PROBABILITIES
from convert.network.logits_model import keras_logits, load_logits_model
from convert.quantize.int8_tflite import to_int8_tflite
from convert.quantize.ranges import observe_ranges
from edge.crops.drawn import draw_crop
from edge.engine.network import FloatNetwork, Int8Network
from edge.engine.runtime import find_runtime
from edge.errors import ConversionFailed

CROPS = 8  # as many as the fixed batch takes
HALF = {"half precision", "mixed precision", "mixed bfloat16", "mixed, nested", "mixed, Sequential"}


EXPORTED = {
    "Softmax layer",
    "operation",
    "convolution, softmax, left 1 x 1",
    "sigmoid",
    "nested, Softmax layer",
    "96 pixels, Sequential",
    "mixed precision",
    "fixed batch",
    "augmented",
}
"""Of each way to take a network apart one: an export takes a second."""


def crops_of(side: int) -> Any:
    noise = np.random.default_rng(7).integers(0, 256, (CROPS - 3, side, side, 3), np.uint8)
    return np.concatenate([noise, [draw_crop(seed, side) for seed in range(3)]])


def saved(make: Callable[[], Any], folder: Path) -> tuple[Any, Path]:
    path = folder / "tiny.keras"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras advises against some of them
        model = make()
        model.save(path)
    return model, path


def probabilities(logits: Any) -> Any:
    powers = np.exp(np.asarray(logits, np.float64))
    return powers / powers.sum(axis=1, keepdims=True)


def answers(model: Any, crops: Any) -> Any:
    """What the Keras model itself says in inference: (n, labels), or (n, 1)."""
    import keras

    said = keras.tree.flatten(model(crops.astype(np.float32) / 255, training=False))[0]
    return np.asarray(keras.ops.cast(said, "float32"), np.float64).reshape(len(crops), -1)


@pytest.mark.parametrize("name", [*ENDS, *STARTS])
def test_what_is_converted_answers_as_the_keras_model_does(name: str, tmp_path: Path) -> None:
    model, path = saved((ENDS | STARTS)[name], tmp_path)
    head = next((head for head in ("log_softmax", "sigmoid") if head in name), "softmax")
    source = load_logits_model(path)
    crops, logits_model = crops_of(source.side), source.model
    expected = PROBABILITIES[head](answers(model, crops))
    found = probabilities(logits_model(crops.astype(np.float32) / 255, training=False))
    assert source.labels == expected.shape[1]
    assert np.ptp(expected[:, 1]) > 1e-3  # it does tell crops apart
    assert np.abs(found - expected).max() < (0.02 if name in HALF else 1e-5)
    if name in EXPORTED:
        twin = FloatNetwork(to_float_tflite(logits_model), find_runtime())
        in_tflite = probabilities([twin.logits(crop) for crop in crops])
        assert np.abs(in_tflite - found).max() < 1e-5


@pytest.mark.parametrize("name", [*REFUSED_ENDS, *REFUSED_STARTS])
def test_what_cannot_be_converted_is_refused_in_one_true_sentence(
    name: str, tmp_path: Path
) -> None:
    make, words = (REFUSED_ENDS | REFUSED_STARTS)[name]
    said = refusal(saved(make, tmp_path)[1])
    assert words in said


def refusal(path: Path) -> str:
    with pytest.raises(ConversionFailed) as caught:
        load_logits_model(path)
    said = str(caught.value)
    assert str(path) in said
    assert len(said.splitlines()) == 1
    assert len(said) - len(str(path)) < 250
    return said


def test_layers_of_training_leave_no_operator_in_the_export(tmp_path: Path) -> None:
    flatbuffer = to_float_tflite(load_logits_model(saved(STARTS["augmented"], tmp_path)[1]).model)
    assert {operator.name for operator in operators(flatbuffer)} == {
        "CONV_2D",
        "MEAN",
        "FULLY_CONNECTED",
    }


def _zip(**parts: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name, data in parts.items():
            file.writestr(name.replace("_", "."), data)
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"no model", "is no .keras file, or one that was cut off"),
        (b"\x89HDF\r\n\x1a\n" + bytes(99), "is an HDF5 file"),
        (b"\x1c\0\0\0TFL3" + bytes(99), "is a TFLite network already"),
        (b"version https://git-lfs.github.com/spec/v1\n", "is a pointer of git LFS"),
        (_zip(a_txt=b"b"), "is a zip file without the config.json"),
        (_zip(config_json=b"{", metadata_json=b"{}", model_weights_h5=b""), "no Keras model"),
        (_zip(config_json=b"[]", metadata_json=b"[]", model_weights_h5=b""), "no Keras model"),
    ],
)
def test_a_file_that_is_none_is_refused_by_what_it_is(
    content: bytes, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "tiny.keras"
    path.write_bytes(content)
    # config.json and model.weights.h5 are the names of Keras
    said = refusal(path)
    assert words in said or "config.json" in said


def test_a_folder_a_missing_file_and_another_name_are_refused(tmp_path: Path) -> None:
    path = saved(PLAIN, tmp_path)[1]
    assert "must end in .keras" in refusal(shutil.copy(path, tmp_path / "tiny.zip"))
    assert "is a folder" in refusal(tmp_path)
    assert "cannot be read: No such file" in refusal(tmp_path / "none.keras")


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = saved(PLAIN, tmp_path)[1]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(ConversionFailed, match="Keras"):
        load_logits_model(path)


def test_a_file_of_keras_2_is_named_as_such(tmp_path: Path) -> None:
    layer = b'{"module": "keras", "class_name": "Functional", "config": {"layers": 7}}'
    path = tmp_path / "tiny.keras"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("config.json", layer)
        file.writestr("metadata.json", b'{"keras_version": "2.15.0"}')
        file.writestr("model.weights.h5", b"")
    assert "was saved by Keras 2.15.0" in refusal(path)


def test_many_models_in_a_row_bring_no_warning_of_tensorflow(tmp_path: Path) -> None:
    path = saved(PLAIN, tmp_path)[1]
    said = io.StringIO()
    handler = logging.StreamHandler(said)
    logging.getLogger("tensorflow").addHandler(handler)
    try:
        for _ in range(7):  # from the fifth on it warned of retracing
            keras_logits(load_logits_model(path).model, crops_of(70)[:1])
    finally:
        logging.getLogger("tensorflow").removeHandler(handler)
    assert said.getvalue() == ""


def mobilenet() -> Any:
    """Of ``keras.applications``, random weights, trained for a step on noise."""
    import keras

    keras.utils.set_random_seed(1)
    model = keras.applications.MobileNetV2((96, 96, 3), alpha=0.35, weights=None, classes=3)
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.train_on_batch(crops_of(96).astype(np.float32) / 255, np.arange(CROPS) % 3)
    return model


@pytest.mark.slow
def test_a_network_of_keras_applications_is_int8_throughout(tmp_path: Path) -> None:
    model, path = saved(mobilenet, tmp_path)
    source, crops = load_logits_model(path), crops_of(96)
    assert (source.side, source.labels) == (96, 3)
    twin = to_float_tflite(source.model)
    exact = FloatNetwork(twin, find_runtime()).logits_of(crops)
    assert np.abs(probabilities(exact) - answers(model, crops)).max() < 1e-5
    int8 = to_int8_tflite(twin, observe_ranges(twin, crops))
    assert float_layers(int8) == ()
    assert Int8Network(int8, find_runtime()).logits_of(crops).shape == (CROPS, 3)
