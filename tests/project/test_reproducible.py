"""The same source is built to the same bytes, and small."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MOST_WHEEL = 5_000_000  # bytes


def build(source: Path, out: Path, time: int) -> dict[str, str]:
    """Build wheel and sdist of a copy whose files were written then; their hashes."""
    left_out = shutil.ignore_patterns(".*", "build", "dist", "__pycache__")
    shutil.copytree(ROOT, source, ignore=left_out)
    for path in source.rglob("*"):
        os.utime(path, (time, time))
    command = [sys.executable, "-m", "build", "--outdir", out, source]
    subprocess.run(command, check=True, capture_output=True)
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in out.iterdir()}


@pytest.mark.slow
def test_wheel_and_sdist_are_the_same_bytes_twice_and_small(tmp_path: Path) -> None:
    first = build(tmp_path / "here", tmp_path / "first", 1_700_000_000)
    second = build(tmp_path / "there" / "deeper", tmp_path / "second", 1_800_000_000)
    assert first == second
    assert len(first) == 2
    (wheel,) = (tmp_path / "first").glob("*.whl")
    assert wheel.stat().st_size < MOST_WHEEL
