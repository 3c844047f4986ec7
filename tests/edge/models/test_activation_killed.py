"""``edge-all models activate`` killed at any moment: the old model is active or the new, whole."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from command_helpers import EDGE_ALL
from edge_helpers import write_changed_model

from edge.models.model_file import SHIPPED_MODEL
from edge.models.store import ModelStore


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    """Two models, of which one is active."""
    store = ModelStore(tmp_path / "store")
    store.activate(store.add(SHIPPED_MODEL).sha256)
    store.add(write_changed_model(tmp_path / "other.tflite", network="other"))
    return store


def other_than(store: ModelStore, sha256: str) -> str:
    return next(each for each in store.hashes() if each != sha256)


def active_in(store: ModelStore) -> str:
    """What is active, read whole."""
    active = store.active()
    assert active is not None
    return store.read(active.active).sha256


def activate(store: ModelStore, sha256: str, killed_after: float | None) -> int:
    """Start the command, and kill it after so many seconds; how it ended."""
    command = [*EDGE_ALL, "models", "activate", sha256, "--store", str(store.folder)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            return process.wait(killed_after)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()


def kill_at_moments(store: ModelStore, moments: int) -> None:
    """Kill it at moments drawn from all of its life, and look at the store after each."""
    start = time.monotonic()
    assert activate(store, other_than(store, active_in(store)), None) == 0
    takes = time.monotonic() - start
    draw = random.Random(moments)
    killed = 0
    for _ in range(moments):
        old = active_in(store)
        new = other_than(store, old)
        ended = activate(store, new, draw.uniform(0, takes))
        killed += ended != 0
        assert active_in(store) in (old, new)
        if ended == 0:
            assert active_in(store) == new
    assert killed > 0
    assert activate(store, store.hashes()[0], None) == 0
    assert {path.name for path in store.folder.iterdir()} == {"files", "active.json"}


def test_killed_at_some_moments_of_its_life(store: ModelStore) -> None:
    kill_at_moments(store, 4)


@pytest.mark.slow
def test_killed_at_a_hundred_moments_of_its_life(store: ModelStore) -> None:
    kill_at_moments(store, 100)


def test_models_are_verified_without_a_network(store: ModelStore) -> None:
    alone = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-rn"]
    if shutil.which("unshare") is None or subprocess.run([*alone, "true"]).returncode != 0:
        pytest.skip("this system lets nobody unshare -n, so there is no process without a network")
    command = [*alone, *EDGE_ALL, "models", "verify", "--store", str(store.folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("well ") == 2
    assert f"active {active_in(store)[:12]}" in done.stdout
