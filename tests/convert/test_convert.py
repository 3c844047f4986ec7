"""Conversion of the network that edge-all ships: exact input, all int8, faithful, repeatable."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_helpers import edge_all
from tflite_helpers import RELEASED, beside, drawn
from transcripts import is_like
from typer.testing import CliRunner

from convert.chosen_cells import drawn_cells, labelled_cells
from convert.cli.main import app
from convert.graph.flatbuffer import minimum_runtime, operators
from convert.job import Options, prepare
from convert.network.asked import Asked
from convert.network.input_range import InputRange
from convert.quantize.recipe import load_recipe
from convert.report.schema import read_report
from convert.unchanged import key_of
from convert.verify.gates import Limits
from edge.crops.drawn import write_samples
from edge.drift.gates import DriftLimits
from edge.engine.classifier import check_golden
from edge.engine.engine import Engine
from edge.engine.network import FloatNetwork, Int8Network
from edge.engine.runtime import find_runtime
from edge.errors import DataRefused
from edge.models.cnmc import CONTRACT, NAMES, SIDE
from edge.models.model_file import SHIPPED_MODEL, find_twin, read_model_file, read_twin

BESIDE = (".keras", ".json", "-calibration.json", "-ranges.json", "-reference.json")
README = Path(__file__).parents[2] / "README.md"


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of what ``make convert`` writes on a fresh clone."""
    out = tmp_path_factory.mktemp("converted")
    done = CliRunner().invoke(app, ["run", str(RELEASED / "cnn.keras"), "--out", str(out)])
    assert done.exit_code == 0, done.output
    (shown,) = re.findall(r"^\$ make convert\n(.*?)^```", README.read_text("utf-8"), re.M | re.S)
    assert is_like(done.output.replace(str(out), "build/convert"), shown)
    return out


@pytest.fixture(scope="module")
def interpreter(converted: Path) -> Any:
    flatbuffer = read_model_file(converted / "cnn.tflite").flatbuffer
    return find_runtime().interpreter(model_content=flatbuffer)


def test_all_that_is_written_is_the_model_its_twin_its_ranges_and_the_report(
    converted: Path,
) -> None:
    assert sorted(path.name for path in converted.iterdir()) == [
        "cnn-float.tflite",
        "cnn-ranges.json",
        "cnn-reference.json",
        "cnn-report-logits.svg",
        "cnn-report.html",
        "cnn-report.json",
        "cnn-report.junit.xml",
        "cnn-report.md",
        "cnn.tflite",
    ]


def test_the_input_is_quantized_as_the_device_feeds_it(interpreter: Any) -> None:
    scale, zero_point = interpreter.get_input_details()[0]["quantization"]
    assert np.float32(scale) == np.float32(1 / 255)
    assert zero_point == -128


def test_every_tensor_is_int8_but_biases_and_shapes(interpreter: Any) -> None:
    dtypes = {detail["dtype"] for detail in interpreter.get_tensor_details()}
    assert dtypes == {np.int8, np.int32}


def test_batch_norm_is_folded_and_the_softmax_cut_off(converted: Path) -> None:
    flatbuffer = read_model_file(converted / "cnn.tflite").flatbuffer
    found = {operator.name: operator.count for operator in operators(flatbuffer)}
    assert found == {"CONV_2D": 10, "MAX_POOL_2D": 5, "RESHAPE": 1, "FULLY_CONNECTED": 2}
    assert minimum_runtime(flatbuffer)[0].isdigit()


def test_the_twin_equals_keras_and_int8_follows_it(converted: Path) -> None:
    report = read_report(converted / "cnn-report.json")
    fidelity = report.fidelity
    assert fidelity.export.max_logit_error <= 1e-3
    assert fidelity.quantization.agreement >= 0.995
    assert fidelity.quantization.mean_logit_error < 2 * fidelity.logit_step
    found = read_model_file(converted / "cnn.tflite").metadata.fidelity
    assert found == fidelity.summary() | {"gates": asdict(DriftLimits())}


def test_gates_that_need_labels_are_skipped_on_drawn_cells_and_all_others_pass(
    converted: Path,
) -> None:
    gates = {gate.name: gate.result for gate in read_report(converted / "cnn-report.json").gates}
    for name in ("better-than-chance", "as-recorded", "input-range", "weighted-f1-loss"):
        assert gates.pop(name) == "skipped"
    assert set(gates.values()) == {"passed"}
    assert "answers-vary" in gates


def test_hashes_lead_back_to_the_twin_and_the_keras_file(converted: Path) -> None:
    metadata = read_model_file(converted / "cnn.tflite").metadata
    twin, keras_file = converted / "cnn-float.tflite", RELEASED / "cnn.keras"
    assert metadata.twin_sha256 == hashlib.sha256(twin.read_bytes()).hexdigest()
    assert metadata.keras_sha256 == hashlib.sha256(keras_file.read_bytes()).hexdigest()


def test_golden_vectors_span_the_scores_and_reproduce(converted: Path) -> None:
    model_file = read_model_file(converted / "cnn.tflite")
    check_golden(model_file, Int8Network(model_file.flatbuffer, find_runtime()))
    margins = model_file.golden.logits[:, 1].astype(int) - model_file.golden.logits[:, 0]
    assert len(np.unique(margins)) >= len(margins) // 2
    assert (np.diff(margins) >= 0).all()


@pytest.mark.slow  # test_convert_again.py has it of a network of one layer
def test_converting_again_gives_the_same_bytes(converted: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["run", str(beside(tmp_path)), "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    for name in ("cnn.tflite", "cnn-float.tflite", "cnn-ranges.json", "cnn-report.junit.xml"):
        assert (tmp_path / "out" / name).read_bytes() == (converted / name).read_bytes(), name


def test_unchanged_inputs_are_not_converted_again(converted: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(converted, out)
    done = CliRunner().invoke(app, ["run", str(beside(tmp_path)), "--out", str(out)])
    assert done.exit_code == 0
    assert "Unchanged since." in done.stdout


def test_everything_that_decides_a_result_is_in_its_key(tmp_path: Path) -> None:
    keras_file = beside(tmp_path)
    plain = key_of(prepare(keras_file, Options()))
    assert key_of(prepare(beside(tmp_path / "elsewhere"), Options())) == plain
    assert key_of(prepare(keras_file, Options(limits=Limits(agreement=0.9)))) != plain
    assert key_of(prepare(keras_file, Options(profile="tflite-2.14"))) != plain
    for asked in (
        Asked(labels=NAMES),
        Asked(positive=NAMES[0]),
        Asked(words=("round", "not")),
        Asked(background="natural"),
        Asked(um_per_pixel=0.5),
        Asked(input_range=InputRange(0, 255)),
        Asked(intended_use="To try it."),
    ):
        assert key_of(prepare(keras_file, Options(asked=asked))) != plain, asked
    for name in (f"cnn{ending}" for ending in BESIDE):
        folder = tmp_path / name
        file = beside(folder).with_name(name)
        if name == "cnn.keras":
            file.write_bytes(file.read_bytes() + b" ")
        else:
            file.write_text(file.read_text() + " ")
        assert key_of(prepare(file.with_name("cnn.keras"), Options())) != plain, name


def test_two_models_of_one_name_are_refused_before_anything_is_converted(tmp_path: Path) -> None:
    files = [str(beside(tmp_path / name)) for name in ("one", "two")]
    done = CliRunner().invoke(app, ["run", *files, "--out", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert "two models are named cnn" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_models_are_converted_side_by_side_in_processes_of_their_own(tmp_path: Path) -> None:
    first = beside(tmp_path)
    for file in list(first.parent.glob("cnn*")):
        shutil.copy(file, file.with_name(file.name.replace("cnn", "twin", 1)))
    arguments = [first, first.with_name("twin.keras"), "--out", tmp_path / "out", "--workers", "2"]
    done = subprocess.run(
        [sys.executable, "-c", "from convert.cli.main import app; app()", "run", *arguments],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.index("cnn: ") < done.stdout.index("twin: ")
    models = [read_model_file(tmp_path / "out" / f"{name}.tflite") for name in ("cnn", "twin")]
    assert models[0].flatbuffer == models[1].flatbuffer


def test_the_shipped_model_is_a_conversion_of_the_released_network(converted: Path) -> None:
    shipped, again = read_model_file(SHIPPED_MODEL), read_model_file(converted / "cnn.tflite")
    assert shipped.metadata.keras_sha256 == again.metadata.keras_sha256
    assert shipped.metadata.trained_on == again.metadata.trained_on
    assert shipped.metadata.refer_band == again.metadata.refer_band
    assert shipped.metadata.contract == again.metadata.contract
    assert np.array_equal(shipped.golden.logits, again.golden.logits)
    # another TensorFlow may order a sum in another way; a step of int8 is all it may change
    networks = [Int8Network(model.flatbuffer, find_runtime()) for model in (shipped, again)]
    for crop in drawn_cells(SIDE).evaluation[:50]:
        first, second = (network.raw_logits(crop).astype(int) for network in networks)
        assert np.abs(first - second).max() <= 1


def test_the_shipped_model_says_what_it_was_trained_on_and_how_good_it_is() -> None:
    metadata = read_model_file(SHIPPED_MODEL).metadata
    assert "a part of C-NMC 2019" in metadata.trained_on["dataset"]
    assert set(metadata.trained_on["crops"]) == {"hem", "all"}
    assert len(metadata.trained_on["data_sha256"]) == 64
    held_out = set(metadata.accuracy["held_out"]["subjects"])
    assert held_out
    assert not held_out & set(metadata.trained_on["subjects"])
    assert metadata.accuracy["int8"]["balanced_accuracy"] > 0.7
    assert metadata.fidelity["agreement"] >= 0.99
    assert "held-out subjects" in metadata.fidelity["cells_are"]


def test_no_person_is_in_both_the_representative_and_the_evaluation_set(labelled: Path) -> None:
    cells = labelled_cells(labelled, CONTRACT, {"H2", "8"}, 100)
    assert cells.representative is not None
    assert cells.subjects is not None
    assert set(cells.subjects.tolist()) == {"H2", "8"}
    known = {crop.tobytes() for crop in cells.representative}
    assert len(known) == 100
    assert not known & {crop.tobytes() for crop in cells.evaluation}


def test_cells_without_the_held_out_people_are_refused(labelled: Path) -> None:
    with pytest.raises(DataRefused, match="no crop of the held-out subjects 99, H99"):
        labelled_cells(labelled, CONTRACT, {"H99", "99"}, 100)


def test_ranges_keep_the_input_at_0_to_1() -> None:
    content = json.loads((RELEASED / "cnn-ranges.json").read_text())
    recipe, words = load_recipe(RELEASED / "cnn-ranges.json", content["keras_sha256"])
    assert (0.0, 1.0) in recipe.ranges.values()
    assert all(low <= high for low, high in recipe.ranges.values())
    assert "training subjects" in words


def test_an_engine_runs_the_int8_network_and_its_twin_over_the_same_crops(converted: Path) -> None:
    model = read_model_file(converted / "cnn.tflite")
    twin = read_twin(converted / "cnn-float.tflite", model)
    runtime = find_runtime()
    networks = [
        (partial(Int8Network, model.flatbuffer, runtime), len(model.flatbuffer)),
        (partial(FloatNetwork, twin, runtime), len(twin)),
    ]
    int8, exact = Engine(networks, threads=2).logits(drawn(12))
    assert np.abs(int8 - exact).max() < 0.1
    assert np.abs(int8 - exact).max() > 0


@pytest.mark.slow
def test_a_model_file_that_holds_its_twin_can_be_measured_on_a_device(
    converted: Path, tmp_path: Path
) -> None:
    out, cells = tmp_path / "out", tmp_path / "cells"
    options = ["run", str(RELEASED / "cnn.keras"), "--with-twin", "--out", str(out)]
    done = CliRunner().invoke(app, options)
    assert done.exit_code == 0, done.output
    model = read_model_file(out / "cnn.tflite")
    assert find_twin(model) == (converted / "cnn-float.tflite").read_bytes()
    assert model.flatbuffer == read_model_file(converted / "cnn.tflite").flatbuffer
    assert model.metadata.fidelity["gates"]["agreement"] == Limits().agreement
    assert model.metadata.fidelity["gates"]["clipped_cells"] == DriftLimits().clipped_cells
    write_samples(cells, 200)
    drift = edge_all("drift", cells, "--model", model.path)
    assert drift.exit_code == 0, drift.output
    assert "passed   agreement" in drift.stdout
