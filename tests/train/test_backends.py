"""The same training on TensorFlow, JAX and PyTorch: saved models convert whichever made them."""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import write_labelled

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_labelled(tmp_path_factory.mktemp("data"), per_subject=8)


def train(backend: str, data: Path, out: Path, *options: str, **environment: str) -> None:
    command = [sys.executable, "-m", "train", "cnn", "--data", str(data), "--out", str(out)]
    command += ["--hold-out", "H2,8", "--epochs", "1", "--batch-size", "8", *options]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": backend, **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def needs(backend: str) -> None:
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed; make test-slow brings it")


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_a_model_of_another_backend_gives_its_logits_in_tflite(
    backend: str, data: Path, tmp_path: Path
) -> None:
    from calibration.cells.crop_set import load_crops
    from calibration.cells.labelled_crops import find_labelled_crops
    from convert.graph.float_tflite import to_float_tflite
    from convert.network.logits_model import load_logits_model
    from edge.engine.network import FloatNetwork
    from edge.engine.runtime import find_runtime

    needs(backend)
    train(backend, data, tmp_path, "--validation-share", "0")
    record = json.loads((tmp_path / "cnn.json").read_text())
    assert record["versions"]["backend"].startswith(f"{backend} ")
    flatbuffer = to_float_tflite(load_logits_model(tmp_path / "cnn.keras").model)
    twin = FloatNetwork(flatbuffer, find_runtime())
    crops = load_crops(find_labelled_crops(data), 70)
    place = {name: i for i, name in enumerate(crops.names)}
    with (tmp_path / "cnn-held-out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 16
    for row in rows:
        hem, leukemia = twin.logits(crops.crops[place[row["name"]]])
        assert leukemia - hem == pytest.approx(float(row["margin"]), abs=1e-3)


@pytest.mark.slow
def test_two_devices_train_as_one_does(data: Path, tmp_path: Path) -> None:
    needs("jax")
    # no augmentation: the same batches, cut in two
    recipe = ("--recipe", "paper")
    train("jax", data, tmp_path / "one", *recipe)
    devices = "--xla_force_host_platform_device_count=2"
    # each simulated device waits for the other in a thread: two cores have too few of them
    two = {"XLA_FLAGS": devices, "NPROC": "8"}
    train("jax", data, tmp_path / "two", *recipe, "--data-parallel", **two)
    losses = [
        json.loads((tmp_path / name / "cnn.json").read_text())["history"][0]["loss"]
        for name in ("one", "two")
    ]
    assert np.isfinite(losses[0])
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


@pytest.mark.slow
def test_data_parallel_needs_jax_and_says_so(data: Path, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="needs the JAX backend: set KERAS_BACKEND=jax"):
        train("tensorflow", data, tmp_path, "--data-parallel")
