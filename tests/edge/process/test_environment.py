"""What libraries read from the environment is set in one place, and never over the user's own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import edge.process.environment as environment
from edge.process.environment import choose_keras_backend, quieten_libraries

ROOT = Path(__file__).parents[3]
SETS = re.compile(r"environ\.setdefault|environ\[[^]]+\] *=|putenv|environ\.update")


def test_what_the_user_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    monkeypatch.delenv("OPENCV_LOG_LEVEL", raising=False)
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    quieten_libraries()
    choose_keras_backend("tensorflow")
    found = environment.os.environ
    assert found["TF_CPP_MIN_LOG_LEVEL"] == "0"
    assert found["OPENCV_LOG_LEVEL"] == "OFF"
    assert found["KERAS_BACKEND"] == "jax"


def test_no_other_module_sets_it() -> None:
    packages = ("edge", "calibration", "convert", "train")
    files = [path for package in packages for path in (ROOT / package).rglob("*.py")]
    found = [path for path in files if SETS.search(path.read_text(encoding="utf-8"))]
    assert found == [Path(environment.__file__)]
