"""``edge-all doctor``: what this machine has, what is missing, whether the model works."""

from __future__ import annotations

import platform
from pathlib import Path

import cv2
import pytest
from command_helpers import edge_all
from edge_helpers import write_changed_model

from edge.doctor.machine_facts import describe_machine
from edge.doctor.model_facts import describe_model
from edge.doctor.versions import versions
from edge.engine.runtime import find_runtime
from edge.errors import ModelFileRefused
from edge.machine import cpu_features, installed_version, memory, processor_name
from edge.models.metadata import INTENDED_USE
from edge.models.model_file import SHIPPED_MODEL, GoldenVectors, read_model_file


@pytest.fixture(scope="module")
def facts() -> list[str]:
    return [*describe_machine(), *describe_model(SHIPPED_MODEL)]


def test_doctor_says_that_all_is_well() -> None:
    result = edge_all("doctor")
    assert result.exit_code == 0
    assert result.stderr == ""
    assert result.stdout.splitlines()[-1] == "all is well"
    assert find_runtime().version in result.stdout
    assert str(SHIPPED_MODEL) in result.stdout


def test_doctor_names_machine_python_and_libraries(facts: list[str]) -> None:
    text = "\n".join(facts)
    assert f"machine   {platform.machine()}, {platform.system()}" in text
    assert f"python    {platform.python_version()}" in text
    for library in ("edge-all", "numpy", "rich"):
        assert f"library   {library} {installed_version(library)}" in text
    assert f"library   OpenCV {cv2.__version__}" in text


def test_doctor_names_every_runtime_and_the_one_in_use(facts: list[str]) -> None:
    runtimes = [line.split()[1] for line in facts if line.startswith("runtime ")]
    assert runtimes == ["ai-edge-litert", "tflite-runtime", "tensorflow"]
    runtime = find_runtime()
    assert f"in use    {runtime.name} {runtime.version}" in facts


def test_doctor_describes_the_model_and_its_use(facts: list[str]) -> None:
    model, text = read_model_file(SHIPPED_MODEL), "\n".join(facts)
    low, high = model.metadata.refer_band
    assert f"model     {SHIPPED_MODEL}" in facts
    assert f"sha256 {model.sha256}" in text
    assert f"{len(model.golden.inputs)} golden vectors reproduce" in text
    assert model.reference is not None
    assert f"judges size, light and focus of a cell by {model.reference.cells} cells of its" in text
    assert f"refers from p = {low:.3f} to {high:.3f}" in text
    assert facts[-1] == f"use       {INTENDED_USE}"


def test_doctor_says_what_it_found_before_it_refuses_the_model(tmp_path: Path) -> None:
    found: list[str] = []
    with pytest.raises(ModelFileRefused):
        found.extend(describe_model(tmp_path / "missing.tflite"))
    assert any(fact.startswith("in use ") for fact in found)


def test_doctor_refuses_a_model_that_gives_other_results_here(tmp_path: Path) -> None:
    golden = read_model_file(SHIPPED_MODEL).golden
    other = GoldenVectors(golden.inputs, ~golden.logits)  # every sign the other way
    model = write_changed_model(tmp_path / "other.tflite", golden=other, golden_tolerance=0)
    result = edge_all("doctor", "--model", model)
    assert result.exit_code == 4
    assert result.stderr.startswith(f"model file refused (golden): {model}: golden logits are off")
    assert "all is well" not in result.stdout


def test_the_versions_are_one_line() -> None:
    runtime = find_runtime()
    assert f"{runtime.name} {runtime.version}" in versions()
    assert versions().startswith(f"edge-all {installed_version('edge-all')}, ")
    assert "\n" not in versions()


def test_a_distribution_that_is_not_there_is_said_not_to_be() -> None:
    assert installed_version("no-such-distribution") == "not installed"


def test_processor_and_memory_are_found_on_linux() -> None:
    assert processor_name()
    assert memory().endswith(" GB")
    assert len(set(cpu_features())) == len(cpu_features())
