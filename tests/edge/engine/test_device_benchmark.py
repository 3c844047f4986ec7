"""``edge-all benchmark``: every setting measured or named, and what the system tells."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest
from command_helpers import edge_all
from edge_helpers import write_changed_model

from edge.engine.benchmark import Setting, settings
from edge.engine.condition import condition
from edge.engine.runtime import find_runtime


def test_one_two_and_all_processors_are_tried_and_then_batches() -> None:
    assert list(settings(1)) == [Setting(1, 1, 1), Setting(1, 1, 8), Setting(1, 1, 32)]
    assert [s.interpreters for s in settings(6) if s.threads == 1] == [1, 2, 4, 6, 6, 6]
    assert [s.threads for s in settings(6) if s.interpreters == 1] == [1, 2, 4, 6]


def test_every_setting_is_measured_or_said_not_to_run(tmp_path: Path) -> None:
    """Of two networks, one of which the runtime refuses in every setting."""
    out, twin = tmp_path / "benchmark.json", tmp_path / "twin.tflite"
    twin.write_bytes(b"no model")
    sha256 = hashlib.sha256(b"no model").hexdigest()
    model = write_changed_model(tmp_path / "model.tflite", twin_sha256=sha256)
    options = ["--seconds", "0.01", "--model", str(model), "--float", str(twin), "--out", str(out)]
    done = edge_all("benchmark", *options)
    assert done.exit_code == 0, done.output
    found = json.loads(out.read_text())
    assert found["schema"] == 2
    batches = {t["setting"]["batch"] for t in found["timings"]}
    refused: dict[str, set[int]] = {}
    for words in found["not_run"]:
        name, _, batch = re.fullmatch(r"(\w+), (.+), batches of (\d+): .+", words).groups()
        refused.setdefault(name, set()).add(int(batch))
    assert refused.pop("float") == {1, 8, 32}
    assert batches | set().union(*refused.values()) == {1, 8, 32}
    for timing in found["timings"]:
        assert 0 < timing["p50"] <= timing["p95"]
        most = timing["setting"]["interpreters"] * timing["setting"]["batch"] / timing["p50"] * 1e3
        assert 0 < timing["crops_per_second"] < 3 * most
    assert all(words in done.stdout for words in ("p50 ms", "before", "after", "memory"))
    for batch in (1, 8, 32):
        assert f"\nnot run: float, {find_runtime().name}, batches of {batch}: " in done.stdout


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "(missing): {} cannot be read"), (b"cut off", "(changed): {} is not the float twin")],
    ids=["missing", "another"],
)
def test_what_is_not_the_twin_of_the_model_is_never_given_to_a_runtime(
    tmp_path: Path, content: bytes | None, words: str
) -> None:
    twin = tmp_path / "twin.tflite"
    if content is not None:
        twin.write_bytes(content)
    done = edge_all("benchmark", "--float", twin)
    assert done.exit_code == 4
    assert done.stderr.startswith(f"model file refused {words.format(twin)}")
    assert len(done.stderr.splitlines()) == 1


@pytest.fixture
def raspberry_pi(tmp_path: Path) -> Path:
    """A /sys as a Raspberry Pi shows it, warm, capped and once throttled."""
    files = {
        "class/thermal/thermal_zone0/temp": "61234\n",
        "class/thermal/thermal_zone1/temp": "",
        "devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "600000\n",
        "devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq": "1800000\n",
        "devices/platform/soc/soc:firmware/get_throttled": "50002\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_temperature_clock_and_throttling_are_reported(raspberry_pi: Path) -> None:
    found = condition(raspberry_pi)
    assert found.temperature == pytest.approx(61.234)
    assert found.clock == pytest.approx(1 / 3)
    assert found.limits == ("clock capped",)


def test_what_the_system_does_not_tell_is_none(tmp_path: Path) -> None:
    found = condition(tmp_path, tmp_path / "status")
    assert (found.temperature, found.clock, found.limits) == (None, None, None)
    assert (found.memory, found.peak_memory) == (None, None)


def test_memory_is_that_of_this_process() -> None:
    found = condition()
    assert found.memory is not None
    assert found.peak_memory is not None
    assert 10 < found.memory <= found.peak_memory
