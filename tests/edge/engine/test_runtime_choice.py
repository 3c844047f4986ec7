"""Which TFLite runtime is taken, and what happens where there is none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge.engine.runtime import Runtime, find_runtime, load_runtime
from edge.errors import EdgeAllError, RuntimeMissing
from edge.models.model_file import SHIPPED_MODEL

RUNTIMES = ("ai-edge-litert", "tflite-runtime", "tensorflow")

BLOCKED = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked}:
            raise {error}

sys.meta_path.insert(0, Blocked())
"""


def python(code: str, path: Path | None = None, error: str = "ModuleNotFoundError(name)") -> str:
    """Run code in a new Python that cannot import the runtimes; its output."""
    blocked = {"ai_edge_litert", "tensorflow"} | ({"tflite_runtime"} if path is None else set())
    run = subprocess.run(
        [sys.executable, "-c", BLOCKED.format(blocked=blocked, error=error) + code],
        env={**os.environ, "PYTHONPATH": str(path or "")},
        capture_output=True,
        text=True,
    )
    return run.stdout + run.stderr + f"exit code {run.returncode}"


def test_the_first_installed_runtime_is_taken() -> None:
    installed = (name for name in RUNTIMES if isinstance(load_runtime(name), Runtime))
    assert find_runtime().name == next(installed)


def test_a_runtime_that_is_not_installed_is_said_to_be_so() -> None:
    assert "not installed" in python(
        "from edge.engine.runtime import load_runtime; print(load_runtime('ai-edge-litert'))"
    )


def test_a_runtime_that_does_not_load_is_said_to_be_so() -> None:
    assert "installed, but does not load: built for another numpy" in python(
        "from edge.engine.runtime import load_runtime; print(load_runtime('tflite-runtime'))",
        error="ImportError('built for another numpy')",
    )


@pytest.mark.parametrize(
    ("content", "version"), [("", "of unknown version"), ("__version__ = '2.99'", "2.99")]
)
def test_a_runtime_says_its_own_version_or_none(tmp_path: Path, content: str, version: str) -> None:
    package = tmp_path / "tflite_runtime"
    package.mkdir()
    (package / "__init__.py").write_text(content)
    (package / "interpreter.py").write_text("class Interpreter: pass")
    found = python(
        "from edge.engine.runtime import find_runtime as f; r = f(); print(r.name, r.version)",
        tmp_path,
    )
    assert f"tflite-runtime {version}\n" in found


def test_without_any_runtime_the_error_says_what_to_install() -> None:
    found = python("from edge.engine.runtime import find_runtime; find_runtime()")
    assert "RuntimeMissing: no TFLite runtime found" in found
    assert "pip install ai-edge-litert" in found
    assert issubclass(RuntimeMissing, EdgeAllError)
    assert issubclass(RuntimeMissing, ImportError)


def test_without_any_runtime_a_command_ends_with_a_sentence() -> None:
    found = python(f"from edge.cli.main import main; main(['classify', {str(SHIPPED_MODEL)!r}])")
    assert "error: no TFLite runtime found; install one with: pip install ai-edge-litert" in found
    assert "Traceback" not in found
    assert found.endswith("exit code 2")


def test_without_any_runtime_the_versions_are_still_printed() -> None:
    found = python("from edge.cli.main import main; main(['--version'])")
    assert "no TFLite runtime" in found
    assert found.endswith("exit code 0")
