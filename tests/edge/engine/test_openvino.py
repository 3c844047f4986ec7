"""OpenVINO as a second engine: asked for, held to the golden vectors, or said to be missing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from command_helpers import edge_all
from edge_helpers import write_cells, write_changed_model
from hypothesis import given
from hypothesis import strategies as st

from edge.engine.benchmark import Setting, Timing, compare_runtimes
from edge.engine.network import Int8Network
from edge.engine.runtime import Runtime, find_runtime, load_runtime
from edge.models.model_file import SHIPPED_MODEL, read_model_file

IS_THERE = isinstance(load_runtime("openvino"), Runtime)
with_openvino = pytest.mark.skipif(not IS_THERE, reason="needs edge-all[openvino]")


@pytest.mark.skipif(IS_THERE, reason="OpenVINO is installed")
def test_without_the_extra_the_message_says_what_to_install(tmp_path: Path) -> None:
    (cell,) = write_cells(tmp_path, 1)
    done = edge_all("classify", cell, "--runtime", "openvino")
    assert done.exit_code == 2
    assert "openvino is not installed" in done.stderr
    assert "pip install 'edge-all[openvino]'" in done.stderr


def test_nobody_gets_it_without_asking() -> None:
    assert find_runtime().name != "openvino"


@given(st.lists(st.floats(1, 1e6), min_size=2, max_size=2))
def test_the_faster_runtime_is_named_with_the_ratio_of_the_best_rates(rates: list[float]) -> None:
    settings = (Setting(1, 1, 1), Setting(2, 1, 8))
    timings = [
        Timing("int8", runtime, setting, 1.0, 1.0, rate / slower)
        for runtime, rate in zip("ab", rates, strict=True)
        for setting, slower in zip(settings, (2, 1), strict=True)
    ]
    (line,) = compare_runtimes(timings)
    first, other = sorted(zip(rates, "ab", strict=True), key=lambda each: -each[0])
    assert f" is {first[0] / other[0]:.2f} times as fast as " in line
    assert rates[0] == rates[1] or line.startswith(f"int8: {first[1]} is ")


@with_openvino
def test_logits_are_those_of_tflite_within_what_golden_vectors_allow() -> None:
    model = read_model_file(SHIPPED_MODEL)
    theirs = Int8Network(model.flatbuffer, find_runtime("openvino"))
    ours = Int8Network(model.flatbuffer, find_runtime())
    assert (theirs.side, theirs.labels, theirs.logit_step) == (
        ours.side,
        ours.labels,
        ours.logit_step,
    )
    crops = np.random.default_rng(0).integers(0, 256, (8, 70, 70, 3), np.uint8)
    one_by_one = theirs.raw_logits_of(crops).astype(int)
    assert np.abs(one_by_one - ours.raw_logits_of(crops)).max() <= model.metadata.golden_tolerance
    assert np.array_equal(theirs.raw_logits_of(crops, batch=4), one_by_one)


@with_openvino
def test_a_run_says_that_it_used_it(tmp_path: Path) -> None:
    cells = write_cells(tmp_path, 5)
    done = edge_all("classify", *cells, "--runtime", "openvino", "--out", tmp_path / "x.csv")
    assert done.exit_code in (0, 1)
    assert "runtime openvino 20" in done.stdout


@with_openvino
def test_a_model_whose_golden_vectors_it_misses_is_refused(tmp_path: Path) -> None:
    model = write_changed_model(tmp_path / "model.tflite", golden_tolerance=0)
    (cell,) = write_cells(tmp_path, 1)
    done = edge_all("classify", cell, "--runtime", "openvino", "--model", model)
    assert done.exit_code == 4
    assert "golden logits are off by" in done.stderr
    measured = edge_all("benchmark", "--seconds", "0.01", "--model", model)
    assert "it cannot be used for this model" in measured.stderr


@with_openvino
def test_the_benchmark_measures_both_in_one_run(tmp_path: Path) -> None:
    out = tmp_path / "x.json"
    done = edge_all("benchmark", "--seconds", "0.01", "--out", out)
    assert done.exit_code == 0, done.output
    found = json.loads(out.read_text())
    assert {timing["runtime"] for timing in found["timings"]} == {find_runtime().name, "openvino"}
    assert " times as fast as " in done.stdout
