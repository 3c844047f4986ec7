"""The unattended service with all that goes wrong: a minute here, an hour by ``make soak``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT


@pytest.mark.slow
def test_nothing_that_was_acknowledged_is_lost(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "soak.py", "--seconds", "60"],
        capture_output=True,
        text=True,
        timeout=600,
        env={"PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path), "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rows, killed = (int(part.split()[0]) for part in done.stdout.split("\n")[0].split(", ")[:2])
    assert rows > 5
    assert killed >= 2
    assert "waiting for the disk: over after" in done.stdout
