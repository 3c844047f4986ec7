"""How the network is run: as many interpreters as memory holds, batches where they help."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from command_helpers import edge_all
from edge_helpers import batching_flatbuffer, one_by_one_flatbuffer, write_cells
from hypothesis import given
from hypothesis import strategies as st

from edge.engine.network import Int8Network
from edge.engine.plan import Plan, make_plan, measure_batches
from edge.engine.runtime import find_runtime
from edge.models.model_file import SHIPPED_MODEL, read_model_file

MB, GB = 10**6, 10**9
PLAN = Plan(2, 1, 1, "one per processor (2)")
CROPS = read_model_file(SHIPPED_MODEL).golden.inputs[:4]  # repeated to a batch


@pytest.mark.parametrize(
    ("size", "processors", "memory", "interpreters", "threads"),
    [
        (0.2 * MB, 4, 8 * GB, 4, 1),
        (40 * MB, 4, 8 * GB, 4, 1),
        (40 * MB, 4, 300 * MB, 2, 2),
        (40 * MB, 4, 100 * MB, 1, 4),
        (40 * MB, 4, 0, 1, 4),
        (40 * MB, 1, 0, 1, 1),
        (40 * MB, 4, None, 4, 1),
    ],
)
def test_an_interpreter_for_each_processor_or_as_many_as_memory_holds(
    size: float, processors: int, memory: int | None, interpreters: int, threads: int
) -> None:
    plan = make_plan(int(size), processors, memory)
    assert (plan.interpreters, plan.threads, plan.batch) == (interpreters, threads, 1)


@given(
    size=st.integers(0, GB),
    processors=st.integers(1, 256),
    memory=st.none() | st.integers(0, 100 * GB),
)
def test_a_plan_uses_processors_and_memory_and_never_more(
    size: int, processors: int, memory: int | None
) -> None:
    plan = make_plan(size, processors, memory)
    assert processors // 2 < plan.interpreters * plan.threads <= processors
    assert memory is None or plan.interpreters == 1 or plan.interpreters * size < memory / 2


def test_what_the_user_asks_for_is_the_plan_whatever_the_memory() -> None:
    plan = make_plan(40 * MB, 4, 0, asked=3)
    assert (plan.interpreters, plan.threads, plan.why) == (3, 1, "asked for 3")


def test_a_plan_says_what_decided_it() -> None:
    assert str(make_plan(40 * MB, 4, 300 * MB)) == (
        "2 interpreters of 2 threads, crop by crop:"
        " 4 processors, but each needs about 68 MB, and 300 MB are at hand"
    )
    assert str(Plan(1, 1, 8, "so")) == "1 interpreter of 1 thread, batches of 8: so"


class Timed(Int8Network):
    """A network on a clock of its own: milliseconds per crop by batch.

    So many that a batch takes half a second on it: what does is timed once.
    """

    def __init__(self, milliseconds: dict[int, float], flatbuffer: bytes) -> None:
        super().__init__(flatbuffer, find_runtime())
        self._milliseconds = milliseconds
        self.now = 0.0

    def raw_logits_of(self, crops: np.ndarray, batch: int = 1) -> np.ndarray:
        self.now += len(crops) * self._milliseconds[batch] / 1000
        return super().raw_logits_of(crops, batch)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """Measure a network of which it is known how long it takes."""

    def measure(milliseconds: dict[int, float], flatbuffer: bytes) -> Plan:
        network = Timed(milliseconds, flatbuffer)
        monkeypatch.setattr("edge.engine.plan.time.perf_counter", lambda: network.now)
        return measure_batches(PLAN, network, CROPS)

    return measure


@pytest.mark.parametrize(
    ("milliseconds", "batch"),
    [
        ({1: 20, 8: 16, 32: 18}, 8),
        ({1: 20, 8: 16, 32: 14}, 32),
        ({1: 20, 8: 16, 32: 19.2}, 8),
    ],
)
def test_the_fastest_batch_is_taken(  # type: ignore[no-untyped-def]
    measured, milliseconds: dict[int, float], batch: int
) -> None:
    plan = measured(milliseconds, batching_flatbuffer())
    assert plan.batch == batch
    assert (plan.interpreters, plan.threads) == (PLAN.interpreters, PLAN.threads)
    assert plan.why == (
        f"one per processor (2); one by one 20.00 ms a crop, in batches of 8 {milliseconds[8]:.2f}"
        f" ms, in batches of 32 {milliseconds[32]:.2f} ms"
    )


@pytest.mark.parametrize(("milliseconds", "batch"), [(19.2, 8), (19.86, 1), (30, 1)])
def test_no_memory_is_spent_on_larger_batches_where_small_ones_help_little(  # type: ignore[no-untyped-def]
    measured, milliseconds: float, batch: int
) -> None:
    plan = measured({1: 20, 8: milliseconds}, batching_flatbuffer())
    assert plan.batch == batch
    assert plan.why.endswith(f"one by one 20.00 ms a crop, in batches of 8 {milliseconds:.2f} ms")


def test_where_the_network_refuses_batches_it_runs_crop_by_crop(  # type: ignore[no-untyped-def]
    measured,
) -> None:
    plan = measured({1: 20, 8: 2}, one_by_one_flatbuffer())
    assert plan.batch == 1
    assert plan.why.endswith("one by one 20.00 ms a crop, batches of 8 refused by the model file")


def test_a_batch_that_changes_a_bit_is_not_taken_however_fast(  # type: ignore[no-untyped-def]
    measured, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_crop = Int8Network._invoke

    def mixed(self: Int8Network, crops: np.ndarray, batch: int) -> np.ndarray:
        found = one_crop(self, crops, batch)
        return found ^ 1 if batch == 32 else found

    monkeypatch.setattr(Int8Network, "_invoke", mixed)
    plan = measured({1: 20, 8: 18, 32: 2}, batching_flatbuffer())
    assert plan.batch == 8
    assert plan.why.endswith("batches of 32 change the logits")


def classify(*arguments: object) -> tuple[str, str]:
    done = edge_all("classify", *arguments)
    assert done.exit_code == 0, done.output
    return done.stdout, done.stderr


def test_verbose_says_the_plan_on_stderr_and_silence_is_the_rule(tmp_path: Path) -> None:
    write_cells(tmp_path, 3)
    rows, said = classify(tmp_path, "--threads", 2, "--verbose")
    assert said == "2 interpreters of 1 thread, crop by crop: asked for 2\n"
    assert rows.count("cell-0") == 3
    assert classify(tmp_path, "--threads", 2)[1] == ""


def test_verbose_says_what_was_measured_once_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.engine.engine._BEFORE_MEASURING", 64)
    write_cells(tmp_path, 40)
    _, said = classify(*[tmp_path] * 4, "--threads", 1, "--verbose")
    first, second = said.splitlines()
    assert first == "1 interpreter of 1 thread, crop by crop: asked for 1"
    assert "asked for 1; one by one " in second
    assert "batches of 8" in second
