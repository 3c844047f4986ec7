"""The model store: one model is active, whole, whatever happens."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command_helpers import edge_all
from edge_helpers import write_changed_model

from edge.errors import ModelFileRefused, OutputFailed
from edge.models.model_file import SHIPPED_MODEL, GoldenVectors, read_model_file
from edge.models.store import Active, ModelStore

SWITCH = """
import sys
from pathlib import Path
from edge.models.store import ModelStore
store = ModelStore(Path(sys.argv[1]))
print("ready", flush=True)
while True:
    for sha256 in sys.argv[2:]:
        store.activate(sha256)
"""


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "store")


@pytest.fixture
def two(store: ModelStore, tmp_path: Path) -> tuple[str, str]:
    other = write_changed_model(tmp_path / "other.tflite", network="other")
    return store.add(SHIPPED_MODEL).sha256, store.add(other).sha256


def test_models_are_activated_and_gone_back_to(store: ModelStore, two: tuple[str, str]) -> None:
    first, second = two
    assert store.hashes() == sorted(two)
    assert store.active() is None
    assert store.activate(first) == Active(first, None)
    assert store.activate(second) == Active(second, first)
    assert store.activate(second) == Active(second, first)
    assert store.active_path().read_bytes() == store.path_of(second).read_bytes()
    assert store.roll_back() == Active(first, second)
    assert store.active() == Active(first, second)


def test_what_is_not_there_or_damaged_changes_nothing(
    store: ModelStore, two: tuple[str, str]
) -> None:
    first, second = two
    with pytest.raises(ModelFileRefused, match="nothing to go back to"):
        store.roll_back()
    with pytest.raises(ModelFileRefused, match="add and activate"):
        store.active_path()
    store.activate(first)
    data = store.path_of(second).read_bytes()
    store.path_of(second).write_bytes(data[:-1])
    with pytest.raises(ModelFileRefused):
        store.activate(second)
    store.path_of(second).write_bytes(SHIPPED_MODEL.read_bytes())
    with pytest.raises(ModelFileRefused, match="another model than its name says"):
        store.activate(second)
    assert store.active() == Active(first, None)


@pytest.mark.parametrize("text", ["", "{}", '{"schema": 2}', "[1]", '{"schema": 1, "active": "x"}'])
def test_a_damaged_pointer_is_refused_in_a_sentence(
    store: ModelStore, two: tuple[str, str], text: str
) -> None:
    (store.folder / "active.json").write_text(text)
    with pytest.raises(ModelFileRefused, match="activate a model again"):
        store.active()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputFailed, match="--store"):
        ModelStore(tmp_path / "file").add(SHIPPED_MODEL)


def kill_while_it_switches(store: ModelStore, two: tuple[str, str], seed: int) -> None:
    command = [sys.executable, "-c", SWITCH, str(store.folder), *two]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(random.Random(seed).uniform(0, 0.1))
        process.send_signal(signal.SIGKILL)
    active = store.active()
    assert active is None or active.active in two
    if active is not None:
        assert store.read(active.active).sha256 == active.active


def test_killed_while_it_switches_the_old_or_the_new_model_is_active(
    store: ModelStore, two: tuple[str, str]
) -> None:
    for seed in range(3):
        kill_while_it_switches(store, two, seed)
    for sha256 in two:
        store.activate(sha256)
    left = {path.name for path in store.folder.iterdir()}
    assert left == {"files", "active.json"}  # nothing of killed processes


@pytest.mark.slow
def test_killed_a_hundred_times(store: ModelStore, two: tuple[str, str]) -> None:
    for seed in range(100):
        kill_while_it_switches(store, two, seed)


def test_the_command_line_checks_golden_vectors_before_it_activates(tmp_path: Path) -> None:
    golden = read_model_file(SHIPPED_MODEL).golden
    wrong = GoldenVectors(golden.inputs, golden.logits ^ 0x40)
    broken = write_changed_model(tmp_path / "broken.tflite", golden=wrong)
    folder = tmp_path / "store"
    options = ("--store", folder)
    assert "no model in" in edge_all("models", "list", *options).stdout
    for path in (SHIPPED_MODEL, broken):
        done = edge_all("models", "add", path, *options)
        assert done.exit_code == 0, done.output
    sha256 = read_model_file(SHIPPED_MODEL).sha256
    assert edge_all("models", "activate", sha256[:8], *options).exit_code == 0
    refused = edge_all("models", "activate", read_model_file(broken).sha256[:8], *options)
    assert refused.exit_code == 4
    assert "refused (golden)" in refused.stderr
    assert f"active    {sha256[:12]}" in edge_all("models", "list", *options).stdout
    assert edge_all("models", "verify", *options).exit_code == 4
    assert edge_all("models", "activate", "ab", *options).exit_code == 4
    assert edge_all("models", "activate", *options).exit_code == 2
    assert json.loads((folder / "active.json").read_text())["active"] == sha256


def test_other_commands_use_the_active_model(store: ModelStore, two: tuple[str, str]) -> None:
    store.activate(two[1])
    here = {"EDGE_ALL_MODELS": str(store.folder)}
    done = edge_all("classify", SHIPPED_MODEL, "--model", "@active", **here)
    assert f"model other {two[1][:12]}" in done.stdout
    done = edge_all("doctor", "--model", "@active", EDGE_ALL_MODELS=str(store.folder / "none"))
    assert done.exit_code == 2
    assert "is active" in done.stderr
