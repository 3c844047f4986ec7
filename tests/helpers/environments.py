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
    """Folder of the programs of a new environment with these requirements.

    Our own pip installs into it: one less to set up. What is run in it compiles what it imports.
    """
    venv.create(folder, with_pip=False)
    programs = folder / "bin"
    pip(programs, "install", "--no-compile", *requirements)
    return programs


def pip(programs: Path, *arguments: str | Path) -> None:
    """Run a command of pip on an environment."""
    ours = (sys.executable, "-m", "pip", "--python", programs / "python")
    run(*ours, "--quiet", "--disable-pip-version-check", *arguments)
