"""Which code a conversion is made of: an edit of any other converts no model again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import convert.code
from convert.code import hash_of_code, modules_behind

LOADED = """
import json, sys
import convert.pipeline
print(json.dumps(sorted(sys.modules)))
"""


def test_all_that_the_pipeline_loads_is_found() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, check=True)
    ours = {n for n in json.loads(done.stdout) if n.split(".")[0] in ("edge", "calibration")}
    assert ours | {"convert.pipeline"} <= modules_behind().keys()


def test_what_is_imported_in_a_function_is_found_and_what_only_a_device_needs_is_not() -> None:
    found = modules_behind()
    assert {"convert.graph.onnx_export", "convert.network.keras_file"} <= found.keys()
    assert {"calibration.cells.crop_set", "edge.engine.network"} <= found.keys()
    for name in ("edge.sources.snapshot", "edge.run", "edge.cli.main", "convert.cli.main"):
        assert name not in found
    assert not any(name.startswith("edge.sinks") for name in found)


def test_the_hash_changes_with_the_code_that_converts_and_with_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in {
        "start": "def run():\n    from edge.part import thing\n",
        "part": "thing = 1\n",
        "other": "",
    }.items():
        (tmp_path / f"{name}.py").write_text(text)
    (tmp_path / "__init__.py").touch()
    monkeypatch.setattr(convert.code, "_FOLDERS", {"edge": tmp_path})
    assert list(modules_behind("edge.start")) == ["edge", "edge.part", "edge.start"]
    monkeypatch.setattr(
        convert.code, "modules_behind", lambda start="edge.start": modules_behind(start)
    )
    before = hash_of_code()
    (tmp_path / "other.py").write_text("edited = 1\n")
    assert hash_of_code() == before
    (tmp_path / "part.py").write_text("thing = 2\n")
    assert hash_of_code() != before
