"""What ``make test-legacy`` leaves out: tests that a device has no libraries for, by name."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from left_out import ROOT, missing, needs

DEVICE = {"cv2", "hypothesis", "numpy", "packaging", "pytest", "typer"}

LACKING = """
import importlib.util, sys
import pytest
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name == "keras" else found(name, *more)
sys.exit(pytest.main(["--collect-only", "-rs", "-p", "no:cacheprovider", *sys.argv[1:]]))
"""


@pytest.mark.parametrize(
    "part",
    [
        *("sources", "archives", "tiff_pages", "http_source", "live_source", "watch"),
        *("results_and_sinks", "sqlite", "html_report", "resume_classify", "quality"),
        *("classifier", "int8_network", "plan", "cli", "cli_process", "doctor"),
        *("device_benchmark", "benchmark", "robustness", "mutated_files", "decode_bombs"),
        *("decode", "decode_refusals", "model_file", "drift_reference", "runtime_choice"),
        *("installed_wheel", "dependencies", "docs"),
    ],
)
def test_nothing_of_the_device_side_is_left_out_on_a_device(part: str) -> None:
    (module,) = (ROOT / "tests").rglob(f"test_{part}.py")
    assert needs(module) <= DEVICE


@pytest.mark.parametrize(
    ("source", "libraries"),
    [
        ("import csv\nimport numpy as np\nimport scipy.stats", {"numpy", "scipy"}),
        ("from edge.sources.watching.watch import Watch\nfrom edge import cli", set()),
        ("def test():\n    from sklearn.metrics import roc_auc_score", {"sklearn"}),
        ("import calibration.probabilities.temperature", {"numpy"}),
        ("from calibration.probabilities import temperature", {"numpy"}),
        ("from convert.graph import op_versions", {"ai_edge_litert", "numpy"}),
        ("from browser import opened", {"pytest"}),
    ],
    ids=["libraries", "edge", "in a function", "import", "from", "led to", "helper"],
)
def test_a_module_needs_what_it_and_ours_that_it_leads_to_import(
    tmp_path: Path, source: str, libraries: set[str]
) -> None:
    (tmp_path / "test_it.py").write_text(source)
    assert needs(tmp_path / "test_it.py") == libraries


def test_only_what_is_not_installed_is_missing(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("import numpy\nimport no_such_library")
    assert missing(tmp_path / "test_it.py") == ["no_such_library"]


def collected(*options: str) -> str:
    """Collect a module of training and one of the device where Keras is not installed."""
    modules = ["tests/train/test_networks.py", "tests/edge/decisions/test_decision.py"]
    command = [sys.executable, "-c", LACKING, *options, *modules]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout


def test_on_a_device_they_are_skipped_and_named_and_elsewhere_nothing_is() -> None:
    found = collected("--device")
    assert re.search("test_networks.py needs .*keras", found)
    assert "tests/edge/decisions/test_decision.py::" in found
    assert "tests/train/test_networks.py::" not in found
    found = collected()
    assert "tests/edge/decisions/test_decision.py::" in found
    assert "tests/train/test_networks.py::" in found
