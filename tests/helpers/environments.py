"""Virtual environments for tests: what a device has installed, and nothing else.

Needs the package index, as ``make test`` itself does.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

import pytest

no_tflite_runtime = pytest.mark.skipif(
    sys.version_info >= (3, 12), reason="tflite-runtime has no wheel for 3.12"
)


def run(*command: str | Path) -> str:
    """Run a command away from the source tree, so that only what is installed is imported."""
    done = subprocess.run(command, cwd="/", capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def environment(folder: Path, *requirements: str | Path) -> Path:
    """Folder of the programs of a new environment with these requirements."""
    venv.create(folder, with_pip=True)
    programs = folder / "bin"
    run(programs / "pip", "install", "--quiet", "--disable-pip-version-check", *requirements)
    return programs
