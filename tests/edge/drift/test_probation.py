"""A model on probation is active for good once it proved itself, and is gone back from else."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest
from command_helpers import EDGE_ALL, Done, edge_all
from edge_helpers import write_cells
from float_twins import with_other_weights, write_model_with_twin

from edge.drift.probation import Supervision
from edge.errors import ModelFileRefused, OutputFailed
from edge.models.model_file import SHIPPED_MODEL
from edge.models.store import Active, ModelStore, Probation

LONG = 60  # seconds that a process may take to begin


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("probation")
    write_model_with_twin(folder / "good.tflite")
    write_model_with_twin(folder / "weights.tflite", with_other_weights())
    (folder / "cells").mkdir()
    write_cells(folder / "cells", 10)
    (folder / "more").mkdir()
    write_cells(folder / "more", 30)
    return folder


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelStore:
    """A store in which the model that ships is active."""
    monkeypatch.setenv("EDGE_ALL_MODELS", str(tmp_path / "store"))
    store = ModelStore()
    store.activate(store.add(SHIPPED_MODEL).sha256)
    return store


def activate(store: ModelStore, model: Path, cells: int) -> tuple[str, str]:
    """Activate a model on probation; what was active, and its hash."""
    before = store.active()
    assert before is not None
    sha256 = store.add(model).sha256
    done = edge_all("models", "activate", sha256, "--probation", cells)
    assert done.exit_code == 0, done.output
    assert f"on probation: 0 of {cells} cells seen" in done.stdout
    assert store.active() == Active(sha256, before.active, Probation(cells))
    return before.active, sha256


def classify(made: Path, cells: str = "cells") -> Done:
    return edge_all("classify", made / cells, "--model", "@active", "--threads", 1)


def test_it_is_active_for_good_after_so_many_cells_of_several_runs(
    made: Path, store: ModelStore
) -> None:
    old, new = activate(store, made / "good.tflite", 15)
    done = classify(made)
    assert done.exit_code == 0, done.output
    assert store.active() == Active(new, old, Probation(15, 10))
    assert "on probation: 10 of 15 cells seen" in edge_all("models", "list").stdout
    done = classify(made)
    assert "passed its probation of 15 cells" in done.stderr
    assert store.active() == Active(new, old)
    assert "probation" not in json.loads(store.pointer.read_text())
    assert {path.name for path in store.folder.iterdir()} == {"files", "active.json"}
    assert "shadow" not in classify(made).stdout


def test_it_is_gone_back_from_when_int8_differs_from_float(made: Path, store: ModelStore) -> None:
    old, _ = activate(store, made / "weights.tflite", 1000)
    done = classify(made, "more")
    assert done.exit_code == 3
    assert "the model failed its probation" in done.stderr
    assert store.active() == Active(old, None)  # what failed is nothing to go back to


def test_it_is_gone_back_from_when_a_process_that_ran_it_died(
    made: Path, store: ModelStore
) -> None:
    old, new = activate(store, made / "good.tflite", 1000)
    command = [*EDGE_ALL, "classify", "--watch", str(made / "cells"), "--model", "@active"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        running = Active(new, old, Probation(1000, 0, True))
        end = time.monotonic() + LONG
        while store.active() != running and time.monotonic() < end:
            time.sleep(0.05)
        assert store.active() == running
        done = classify(made)  # beside one that runs
        assert done.exit_code == 0
        assert "another process counts its cells" in done.stderr
        assert store.active() == running
        process.kill()
    done = classify(made)
    assert done.exit_code == 0
    assert "a process that ran it died" in done.stderr
    assert old[:12] in done.stdout  # this run uses the old one already
    assert store.active() == Active(old, None)


@pytest.mark.parametrize(
    ("error", "is_loaded", "stays"),
    [
        (RuntimeError("crash"), True, False),
        (ModelFileRefused("golden", "off"), False, False),
        (ModelFileRefused("golden", "off since yesterday"), True, False),
        (ModelFileRefused("changed", "another twin"), True, True),
        (OutputFailed("disk full"), True, True),
        (KeyboardInterrupt(), True, True),
        (SystemExit(1), True, True),
    ],
)
def test_what_a_model_is_to_blame_for(
    made: Path, store: ModelStore, error: BaseException, is_loaded: bool, stays: bool
) -> None:
    old, new = activate(store, made / "good.tflite", 10)
    said: list[str] = []

    def fail() -> None:
        with Supervision(store, store.active_path(), said.append) as supervision:
            assert supervision.counts
            if is_loaded:
                supervision.loaded()
            raise error

    with pytest.raises(type(error)):
        fail()
    assert store.active() == (Active(new, old, Probation(10)) if stays else Active(old, None))
    assert any("failed its probation" in line for line in said) != stays


def test_another_model_than_the_active_one_does_not_count(made: Path, store: ModelStore) -> None:
    old, _ = activate(store, made / "good.tflite", 10)
    before = store.active()
    for model in (None, made / "good.tflite", store.path_of(old)):
        with Supervision(store, model, print) as supervision:
            assert not supervision.counts
    assert store.active() == before


def test_a_model_that_replaces_one_on_probation_goes_back_to_the_one_before(
    made: Path, store: ModelStore
) -> None:
    old, _ = activate(store, made / "good.tflite", 10)
    other = store.add(made / "weights.tflite").sha256
    assert store.activate(other, 10) == Active(other, old, Probation(10))


def test_probation_needs_a_twin_and_something_to_go_back_to(
    made: Path, store: ModelStore, tmp_path: Path
) -> None:
    alone = write_model_with_twin(tmp_path / "alone.tflite", with_other_weights(1), packed_in=False)
    done = edge_all("models", "activate", store.add(alone).sha256, "--probation", 5)
    assert done.exit_code == 4
    assert "--with-twin" in done.stderr
    empty = ModelStore(tmp_path / "empty")
    sha256 = empty.add(made / "good.tflite").sha256
    done = edge_all("models", "activate", sha256, "--probation", 5, "--store", empty.folder)
    assert done.exit_code == 4
    assert "without --probation" in done.stderr
    assert empty.active() is None
    assert edge_all("models", "list", "--probation", 5).exit_code == 2
