"""What tests of flatbuffers share: networks with lived-in weights, and the oldest runtime."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from edge.crops.drawn import draw_crop
from edge.crops.preprocess import UInt8Image
from edge.models.cnmc import SIDE

ROOT = Path(__file__).parents[2]
RELEASED = ROOT / "train" / "released"


def drawn(n: int, first: int = 0) -> UInt8Image:
    """Draw n crops, shape (n, 70, 70, 3)."""
    return np.stack([draw_crop(first + seed, SIDE) for seed in range(n)])


def beside(folder: Path) -> Path:
    """A copy of the released network and the files beside it, to spoil."""
    return shutil.copytree(RELEASED, folder / "released") / "cnn.keras"


def colour_means(classes: int = 2, width: int = 70, activation: str | None = "softmax") -> Any:
    """A network of one dense layer, of the means of the three colours."""
    import keras

    inputs = keras.Input((70, width, 3))
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    outputs = keras.layers.Dense(classes, activation=activation)(x)
    return keras.Model(inputs, outputs, name="cnn")


def beside_colour_means(folder: Path) -> Path:
    """A network of one dense layer that converts, and the files beside it, to spoil.

    Drawn cells have twice as much red as green; cut off at one level, they have as much of both.
    """
    from convert.graph.float_tflite import to_float_tflite
    from convert.network.logits_model import load_logits_model
    from convert.quantize.ranges import observe_ranges

    keras_file = beside(folder)
    model = colour_means()
    kernel = np.array([[100, 0], [0, 150], [0, 0]], np.float32)
    model.layers[-1].set_weights([kernel, np.zeros(2)])
    model.save(keras_file)
    source = load_logits_model(keras_file)
    ranges = observe_ranges(to_float_tflite(source.model), drawn(50))
    content = json.loads(keras_file.with_name("cnn-ranges.json").read_text())
    content |= {"keras_sha256": source.sha256, "ranges": ranges}
    keras_file.with_name("cnn-ranges.json").write_text(json.dumps(content))
    return keras_file


def untrained(name: str) -> Any:
    """A network of `train` that gives logits, its batch norm not the identity it starts as."""
    import keras

    from train.networks.find import build

    keras.utils.set_random_seed(0)
    model = build(name, SIDE, 2)
    random = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            n = layer.gamma.shape[0]
            scales, shifts = random.uniform(0.5, 1.5, (2, n)), random.normal(0, 0.2, (2, n))
            layer.set_weights([scales[0], *shifts, scales[1]])
    model.layers[-1].activation = keras.activations.linear
    return model


def in_old_runtime(python: Path, code: str, *arguments: str | Path) -> Any:
    """Run code that prints JSON in the environment of tflite-runtime 2.14.0, `edge` at hand."""
    done = subprocess.run(
        [python, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
