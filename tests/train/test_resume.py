"""A training that is killed goes on from its last epoch and ends with the same files."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import write_labelled

from edge.errors import DataRefused
from train.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint

EPOCHS = 4


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_labelled(tmp_path_factory.mktemp("data"), per_subject=8)


def start(data: Path, out: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "train", "cnn", "--data", str(data), "--out", str(out)]
    command += ["--hold-out", "H2,8", "--epochs", str(EPOCHS), "--batch-size", "8"]
    command += ["--validation-share", "0.3", "--deterministic", *options]
    return subprocess.Popen(
        command,
        cwd=Path(__file__).parents[3],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, out + err
    return err


def kill_after(process: subprocess.Popen[str], out: Path, epochs: int, delay: float) -> None:
    """Kill a training some time after so many epochs are on disk."""
    history = out / "cnn-history.jsonl"
    while not history.is_file() or len(history.read_text().splitlines()) < epochs:
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    time.sleep(delay)
    process.kill()
    process.communicate()


def outcome(out: Path) -> dict[str, Any]:
    """The record without what differs between any two runs: durations."""
    record: dict[str, Any] = json.loads((out / "cnn.json").read_text())
    record.pop("seconds_per_epoch")
    for epoch in record["history"]:
        epoch.pop("seconds")
    return record


@pytest.mark.slow
def test_a_training_killed_twice_ends_with_the_same_files(data: Path, tmp_path: Path) -> None:
    import keras

    undisturbed, disturbed = tmp_path / "undisturbed", tmp_path / "disturbed"
    finish(start(data, undisturbed))
    moments = random.Random(1)
    kill_after(start(data, disturbed), disturbed, 1, moments.uniform(0, 0.5))
    kill_after(start(data, disturbed), disturbed, 2, moments.uniform(0, 0.5))
    said = finish(start(data, disturbed))
    assert "epoch 1:" not in said  # it went on, and did not start again
    assert outcome(disturbed) == outcome(undisturbed)
    assert len(outcome(disturbed)["history"]) == EPOCHS
    one, other = ((out / "cnn-held-out.csv").read_bytes() for out in (undisturbed, disturbed))
    assert one == other
    models = [keras.models.load_model(out / "cnn.keras") for out in (undisturbed, disturbed)]
    for first, second in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_array_equal(first, second)
    leftovers = {path.name for path in disturbed.iterdir() if not path.name.startswith(".")}
    assert leftovers == {"cnn.keras", "cnn.json", "cnn-held-out.csv", "cnn-history.jsonl"}

    again = finish(start(data, disturbed))
    assert "epoch" not in again  # a finished run is not run again
    process = start(data, disturbed, "--seed", "1")
    _, err = process.communicate()
    assert process.returncode == 2
    assert "holds a finished run of another split, recipe or seed" in err


def state(identity: str = "run") -> Checkpoint:
    arrays = [np.arange(6, dtype=np.float32).reshape(2, 3), np.array(7, np.int64)]
    return Checkpoint(identity, arrays, arrays[::-1], [], arrays, [{"epoch": 1, "loss": 0.5}])


def test_a_checkpoint_comes_back_bit_for_bit(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "c.npz", state())
    found = load_checkpoint(tmp_path / "c.npz", "run")
    assert found is not None
    assert found.history == state().history
    assert found.best_weights == []
    for group in ("weights", "optimizer"):
        for one, other in zip(getattr(found, group), getattr(state(), group), strict=True):
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other)


def test_no_checkpoint_is_a_fresh_start(tmp_path: Path) -> None:
    assert load_checkpoint(tmp_path / "c.npz", "run") is None


def test_the_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "c.npz", state("another"))
    with pytest.raises(DataRefused, match="holds another run"):
        load_checkpoint(tmp_path / "c.npz", "run")


@pytest.mark.parametrize("size", [0, 10, 300, -20])
def test_a_damaged_checkpoint_is_refused(tmp_path: Path, size: int) -> None:
    save_checkpoint(tmp_path / "c.npz", state())
    data = (tmp_path / "c.npz").read_bytes()
    (tmp_path / "c.npz").write_bytes(data[:size])
    with pytest.raises(DataRefused, match=r"cannot be read.*delete it to start again"):
        load_checkpoint(tmp_path / "c.npz", "run")
