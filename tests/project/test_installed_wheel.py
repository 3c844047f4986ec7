"""The wheel as a device installs it: base dependencies alone, on both TFLite runtimes.

Needs the package index, as ``make test`` itself does.
"""

from __future__ import annotations

import contextlib
import csv
import sqlite3
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from environments import environment, no_tflite_runtime, pip, run
from packaging.requirements import Requirement

from edge.crops.drawn import write_samples

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--outdir", out, ROOT)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def device(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return environment(tmp_path_factory.mktemp("device"), wheel)


@pytest.fixture(scope="module")
def legacy(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Programs of a device whose only runtime is tflite-runtime, as on 32-bit ARM."""
    programs = environment(tmp_path_factory.mktemp("legacy"), f"{wheel}[legacy]")
    pip(programs, "uninstall", "--yes", "ai-edge-litert")
    return programs


@pytest.fixture(scope="module")
def crops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("crops")
    write_samples(folder, 12)
    return folder


def rows(programs: Path, crops: Path, out: Path) -> list[dict[str, str]]:
    run(programs / "edge-all", "classify", crops, "--out", out)
    with out.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_wheel_holds_the_packages_and_the_model_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "edge/models/cnn.tflite" in names
    tops = {name.partition("/")[0] for name in names}
    assert tops == {"edge", "calibration", "convert", "train", "edge_all-0.1.0.dist-info"}
    assert not [name for name in names if name.endswith((".keras", ".png", ".bmp"))]
    assert {f"{package}/py.typed" for package in tops if "-" not in package} <= set(names)
    assert "edge_all-0.1.0.dist-info/licenses/LICENSE" in names


@pytest.mark.parametrize(
    ("machine", "expected"),
    [
        ("x86_64", {"numpy", "rich", "opencv-python-headless", "ai-edge-litert"}),
        ("aarch64", {"numpy", "rich", "opencv-python-headless", "ai-edge-litert"}),
        ("arm64", {"numpy", "rich", "opencv-python-headless", "ai-edge-litert"}),
        ("armv7l", {"numpy", "rich"}),
        ("armv8l", {"numpy", "rich"}),  # what linux32 has a 64-bit kernel say
        ("armv6l", {"numpy", "rich"}),
    ],
)
def test_a_machine_is_asked_for_nothing_that_has_no_wheel_there(
    wheel: Path, machine: str, expected: set[str]
) -> None:
    names = zipfile.ZipFile(wheel)
    metadata = next(name for name in names.namelist() if name.endswith(".dist-info/METADATA"))
    asked = (
        Requirement(line.partition(": ")[2])
        for line in names.read(metadata).decode().splitlines()
        if line.startswith("Requires-Dist: ")
    )
    here = {"platform_machine": machine, "extra": ""}
    assert {r.name for r in asked if not r.marker or r.marker.evaluate(here)} == expected


def test_a_device_classifies_without_tensorflow(device: Path, crops: Path, tmp_path: Path) -> None:
    found = rows(device, crops, tmp_path / "out.csv")
    assert len(found) == 12
    assert not any(row["error"] for row in found)
    missing = "import importlib.util as u; print(u.find_spec('tensorflow') or u.find_spec('keras'))"
    assert run(device / "python", "-c", missing).strip() == "None"
    assert "all is well" in run(device / "edge-all", "doctor")


@pytest.mark.parametrize("extra", ["train", "convert"])
def test_a_device_says_which_extra_a_build_command_needs(device: Path, extra: str) -> None:
    arguments = {"train": ("cnn", "--data", "/"), "convert": ("run", "cnn.keras")}[extra]
    program = device / f"edge-all-{extra}"
    done = subprocess.run([program, *arguments], capture_output=True, text=True)
    assert done.returncode == 2
    assert f"pip install 'edge-all[{extra}]'" in done.stderr


@pytest.mark.slow
@no_tflite_runtime
def test_tflite_runtime_decides_as_litert_does(
    legacy: Path, device: Path, crops: Path, tmp_path: Path
) -> None:
    assert "in use    tflite-runtime 2.14.0" in run(legacy / "edge-all", "doctor")
    found = rows(legacy, crops, tmp_path / "old.csv")
    expected = rows(device, crops, tmp_path / "new.csv")
    assert len(found) == len(expected) == 12
    for one, other in zip(found, expected, strict=True):
        # logits may be a step of int8 apart, which is at most 0.03 in probability
        assert abs(float(one["p_leukemia"]) - float(other["p_leukemia"])) < 0.03


@pytest.mark.slow
@no_tflite_runtime
def test_a_run_on_tflite_runtime_that_was_cut_off_goes_on_to_the_same_files(
    legacy: Path, crops: Path, tmp_path: Path
) -> None:
    names = [tmp_path / name for name in ("a.csv", "a.jsonl", "a.db")]
    outputs = [word for name in names for word in ("--out", name)]
    command = (legacy / "edge-all", "classify", crops, *outputs, "--report", tmp_path / "a.html")
    run(*command)
    whole = [name.read_bytes() for name in names[:2]]
    assert len(whole[1].splitlines()) == 12
    for name, content in zip(names[:2], whole, strict=True):
        name.write_bytes(content[: len(content) // 2])
    names[2].unlink()
    said = run(*command, "--resume")
    assert said.startswith("12 cells: ")
    assert "runtime tflite-runtime 2.14.0" in said
    assert [name.read_bytes() for name in names[:2]] == whole
    with contextlib.closing(sqlite3.connect(names[2])) as database:
        assert database.execute("SELECT count(*) FROM results").fetchone() == (12,)
    assert "of 12 cells" in (tmp_path / "a.html").read_text(encoding="utf-8")
