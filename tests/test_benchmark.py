"""The benchmark runs and reports every figure it promises; how fast is not a test's business."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from edge.drawn import write_samples

ROOT = Path(__file__).parents[1]


def bench(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "benchmarks" / "classify.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_benchmark_measures_stages_throughput_cold_start_and_memory(tmp_path: Path) -> None:
    write_samples(tmp_path / "crops", 3)
    done = bench(tmp_path / "crops", "--out", tmp_path / "bench.json")
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "bench.json").read_text())
    assert found["crops"] == 3
    assert list(found["ms_per_crop"]) == ["read", "decode", "preprocess", "invoke"]
    figures = [*found["ms_per_crop"].values(), *found["cells_per_second"].values()]
    figures += [found[name] for name in ("cold_start", "bare_start", "peak_memory", "bare_memory")]
    assert all(figure > 0 for figure in figures)
    assert "3 crops, model cnn, on " in done.stdout


def test_the_benchmark_refuses_an_empty_folder_in_a_sentence(tmp_path: Path) -> None:
    done = bench(tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("error: no image in ")
