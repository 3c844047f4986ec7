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


def untrained(name: str) -> Any:
    """A network of `train` that gives logits, its batch norm not the identity it starts as."""
    import keras

    from train.networks.paper import build

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
