"""A device without a network: the wheelhouse, and what docs/install.md says to do with it."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OFFLINE = ("unshare", "--net", "--map-root-user")
DEVICE = """
set -e
"$0" -m venv lab
lab/bin/pip install --quiet --no-index --find-links "$1" edge-all
lab/bin/edge-all doctor
lab/bin/edge-all samples cells -n 3
lab/bin/edge-all classify cells
"""


def can_cut_off() -> bool:
    """Whether this system lets a process go without a network."""
    if not shutil.which("unshare"):
        return False
    return subprocess.run([*OFFLINE, "true"], capture_output=True).returncode == 0


def make_wheelhouse(machine: str, version: str, out: Path) -> subprocess.CompletedProcess[str]:
    script = ROOT / "docs" / "make_wheelhouse.py"
    command = [sys.executable, script, machine, version, out]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.slow
@pytest.mark.skipif(not can_cut_off(), reason="unshare --net is not allowed here")
def test_a_wheelhouse_is_all_a_device_without_a_network_needs(tmp_path: Path) -> None:
    version = ".".join(map(str, sys.version_info[:2]))
    made = make_wheelhouse(platform.machine(), version, tmp_path / "wheelhouse")
    assert made.returncode == 0, made.stderr
    done = subprocess.run(
        [*OFFLINE, "sh", "-c", DEVICE, sys.executable, str(tmp_path / "wheelhouse")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "all is well" in done.stdout
    assert "3 cells: " in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("machine", ["aarch64", "armv7l"])
def test_wheels_are_those_of_the_device(machine: str, tmp_path: Path) -> None:
    made = make_wheelhouse(machine, "3.11", tmp_path / "wheelhouse")
    assert made.returncode == 0, made.stderr
    names = [path.name for path in (tmp_path / "wheelhouse").glob("*.whl")]
    runtime = {"aarch64": "ai_edge_litert", "armv7l": "tflite_runtime"}[machine]
    assert any(name.startswith(runtime) for name in names)
    assert all(name.endswith((f"{machine}.whl", "-any.whl")) for name in names)


def test_32_bit_arm_has_no_wheels_for_a_newer_python(tmp_path: Path) -> None:
    refused = make_wheelhouse("armv7l", "3.13", tmp_path / "wheelhouse")
    assert refused.returncode == 2
    assert "no TFLite runtime for a Python newer than 3.11" in refused.stderr
    assert not (tmp_path / "wheelhouse").exists()
