"""What representative cells do to int8: scales of halves, and the comparison of strategies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from calibration.representative.strategies import STRATEGIES, look_at
from convert.cli.main import app
from convert.comparison.cells import EVERY, PLAIN, compare_strategies
from convert.graph.float_tflite import to_float_tflite
from convert.network.logits_model import load_logits_model
from convert.quantize.ranges import observe_cells, observe_ranges
from convert.quantize.stability import scales_of_halves
from edge.crops.drawn import draw_crop
from edge.crops.preprocess import UInt8Image
from edge.engine.network import FloatNetwork
from edge.engine.runtime import find_runtime
from edge.errors import DataRefused
from edge.models.cnmc import SIDE


@pytest.fixture(scope="module")
def keras_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small untrained network, with the record of who was held out beside it."""
    import keras

    keras.utils.set_random_seed(1)
    path = tmp_path_factory.mktemp("network") / "cnn.keras"
    inputs = keras.Input((70, 70, 3))
    x = keras.layers.Conv2D(4, 3, strides=4, activation="relu")(inputs)
    x = keras.layers.GlobalAveragePooling2D()(x)
    outputs = keras.layers.Dense(2, activation="softmax")(x)
    keras.Model(inputs, outputs, name="cnn").save(path)
    record = {
        "training": {"subjects": ["7", "9", "H1", "H3"]},
        "held_out": {"subjects": ["8", "H2"]},
        "labels": ["hem", "all"],
        **{key: {} for key in ("data_sha256", "recipe", "versions", "dataset", "metrics")},
    }
    path.with_suffix(".json").write_text(json.dumps(record))
    return path


@pytest.fixture(scope="module")
def twin(keras_file: Path) -> bytes:
    return to_float_tflite(load_logits_model(keras_file).model)


@pytest.fixture(scope="module")
def crops() -> UInt8Image:
    return np.stack([draw_crop(seed, SIDE) for seed in range(24)])


def test_ranges_of_cells_add_up_to_the_range_of_the_set(twin: bytes, crops: UInt8Image) -> None:
    cells = observe_cells(twin, crops)
    assert cells.over() == observe_ranges(twin, crops)
    assert cells.over(np.array([3, 7])) == observe_ranges(twin, crops[[3, 7]])
    logits = np.stack([FloatNetwork(twin, find_runtime()).logits(crop) for crop in crops])
    assert (float(logits.min()), float(logits.max())) in cells.over().values()
    assert (0.0, 1.0) in cells.over().values()


def test_cells_that_are_all_alike_give_stable_scales(twin: bytes, crops: UInt8Image) -> None:
    found = scales_of_halves(observe_cells(twin, np.repeat(crops[:1], 11, axis=0)))
    assert found.cells == (6, 5)
    assert found.worst == 0
    assert found.unstable == ()
    assert found.warning == ""


def test_a_set_whose_range_hangs_on_one_cell_is_called_too_small(
    twin: bytes, crops: UInt8Image
) -> None:
    bright = np.repeat(crops[:1] // 4, 10, axis=0)
    bright[4] = crops[0]
    found = scales_of_halves(observe_cells(twin, bright))
    assert found.worst > 0.5
    assert found.unstable[0].difference == found.worst
    one, other = found.unstable[0].scales
    assert found.worst == pytest.approx(1 - min(one, other) / max(one, other))
    assert "the representative set is too small" in found.warning
    assert found.unstable[0].name in found.warning


def test_one_cell_has_no_halves(twin: bytes, crops: UInt8Image) -> None:
    with pytest.raises(DataRefused, match="1 cells have no halves"):
        scales_of_halves(observe_cells(twin, crops[:1]))


def run(*arguments: str | Path) -> Any:
    return CliRunner().invoke(app, list(map(str, arguments)))


def test_strategies_are_compared_on_cells_of_people_held_out(
    keras_file: Path, labelled: Path, tmp_path: Path
) -> None:
    options = ("--cells", labelled, "--draws", 2)
    for out in (tmp_path / "one", tmp_path / "other"):
        done = run("compare-cells", keras_file, *options, "--out", out)
        assert done.exit_code == 0, done.output
    names = ["representative-cells.json", "representative-cells.md"]
    for name in names:
        assert f"saved {tmp_path / 'other' / name}" in done.stdout
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()
    found = json.loads((tmp_path / "one" / names[0]).read_text())
    # half of the 144 candidates are 72: only the size of 50 fits
    assert [(o["strategy"], o["n"], o["draw"]) for o in found["outcomes"]] == [
        (name, n, draw)
        for draw in (0, 1)
        for name, n in [*((name, 50) for name in (*STRATEGIES, PLAIN)), (EVERY, 72)]
    ]
    assert all(o["kl"] >= 0 and 0 <= o["agreement"] <= 1 for o in found["outcomes"])
    assert "72 crops of 2 held-out subjects" in found["evaluation_are"]
    page = (tmp_path / "one" / names[1]).read_text()
    assert "it gives no diagnosis" in page
    assert f"| {EVERY} | 72 |" in page


def test_too_few_cells_to_compare_on_are_refused(twin: bytes, crops: UInt8Image) -> None:
    candidates = look_at(crops, np.array([f"{i:02}" for i in range(24)]))
    with pytest.raises(DataRefused, match="half of 24 cells is less than"):
        compare_strategies(twin, crops, candidates, crops, draws=2)


def test_a_manifest_without_a_folder_of_cells_is_wrong_usage(
    keras_file: Path, tmp_path: Path
) -> None:
    done = run("run", keras_file, "--representative", tmp_path / "cells.json")
    assert done.exit_code == 2
    assert "--representative needs --cells" in " ".join(done.stderr.split())
