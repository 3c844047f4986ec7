"""The wheel as a device installs it: base dependencies alone, on both TFLite runtimes.

Needs the package index, as ``make test`` itself does.
"""

from __future__ import annotations

import csv
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from environments import environment, run

from edge.drawn import write_samples

ROOT = Path(__file__).parents[1]


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


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="tflite-runtime has no wheel for 3.12")
def test_tflite_runtime_decides_as_litert_does(
    wheel: Path, device: Path, crops: Path, tmp_path: Path
) -> None:
    old = environment(tmp_path / "legacy", f"{wheel}[legacy]")
    run(old / "pip", "uninstall", "--quiet", "--yes", "ai-edge-litert")
    assert "in use    tflite-runtime 2.14.0" in run(old / "edge-all", "doctor")
    found = rows(old, crops, tmp_path / "old.csv")
    expected = rows(device, crops, tmp_path / "new.csv")
    assert len(found) == len(expected) == 12
    for one, other in zip(found, expected, strict=True):
        # logits may be a step of int8 apart, which is at most 0.03 in probability
        assert abs(float(one["p_leukemia"]) - float(other["p_leukemia"])) < 0.03
