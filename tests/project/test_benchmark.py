"""The benchmark runs and reports every figure it promises; how fast is not a test's business."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from edge.crops.drawn import write_samples

ROOT = Path(__file__).parents[2]


def bench(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "benchmarks" / "classify.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.slow
def test_the_benchmark_measures_every_target_and_says_which_are_missed(tmp_path: Path) -> None:
    write_samples(tmp_path / "crops", 3)
    done = bench(tmp_path / "crops", "--out", tmp_path / "out", "--count", "40", "--many", "50")
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "out" / "bench.json").read_text())
    assert found["crops"] == "3 files, repeated to 40 inputs"
    (cnn,) = found["networks"]
    assert list(cnn["stages"]) == ["read", "decode, reduce", "invoke", "judge quality"]
    (ours,) = cnn["contenders"]
    figures = [*cnn["stages"].values(), *cnn["megabytes"].values(), cnn["bound"]]
    figures += [ours["crops_per_second"], ours["engine_crops_per_second"]]
    figures += [cnn["seconds"][name] for name in ("bare", "first result", "edge-all --help")]
    assert all(figure > 0 for figure in figures)
    assert len(cnn["targets"]) == 6
    for target in cnn["targets"]:
        (line,) = (line for line in done.stdout.splitlines() if f"  {target['what']} " in line)
        assert line.endswith("missed") != target["met"]
    assert "not compared: no " in done.stderr


def test_the_benchmark_refuses_an_empty_folder_in_a_sentence(tmp_path: Path) -> None:
    done = bench(tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("error: no image in ")
