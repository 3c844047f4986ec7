"""What a run that is resumed may pass over, where a sample has one row or many."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from memory_sink import Memory
from sink_helpers import RUN

from edge.errors import ResumeRefused
from edge.rows import Result
from edge.samples import Box, Sample
from edge.sinks import registry
from edge.sinks.ledger import Ledger
from edge.sinks.outputs import Outputs
from edge.sinks.registry import SinkKind, register_sink

MODEL = (RUN.network, RUN.model_sha256)
NAMES = "abcde"


@pytest.fixture(autouse=True)
def _memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_kinds", dict(registry._kinds))
    register_sink(SinkKind((".memory",), Memory))


def field(name: str) -> Sample:
    return Sample("fields", f"fields/{name}.png")


def rows_of(sample: Sample, parts: int, first: int = 0) -> list[Result]:
    """Rows of a sample that is cut into so many parts; 0 where it is not cut."""
    whole = Result(sample.source, sample.file, first, *MODEL, error="empty", sample=sample.id)
    if not parts:
        return [whole]
    return [
        replace(whole, index=first + n, sample=f"{sample.id}@{box}", parent=sample.id, box=str(box))
        for n, box in enumerate(Box(10 * n, 0, 10, 10) for n in range(parts))
    ]


def all_rows(samples: Sequence[Sample], parts: dict[str, int]) -> list[list[Result]]:
    """Rows of all samples, as an undisturbed run numbers them."""
    found: list[list[Result]] = []
    for sample in samples:
        found.append(rows_of(sample, parts[sample.id], sum(map(len, found))))
    return found


def write(path: Path, rows: Sequence[Result]) -> None:
    with Outputs([path], RUN) as outputs:
        write_all(outputs, rows)


def go_on(
    paths: Sequence[Path], samples: Sequence[Sample], parts: dict[str, int], ahead: int = 0
) -> list[Result]:
    """Resume as a run does, which asks for some samples before it writes; the rows passed over."""
    passed: list[Result] = []
    again: list[Result] = []
    read: deque[list[Result]] = deque()
    with Outputs(paths, RUN, resume=True) as outputs:
        for sample in samples:
            earlier = outputs.earlier(sample, *MODEL)
            if earlier is not None:
                assert not again  # all earlier results come before the first new one
                passed += earlier
                continue
            read.append(rows_of(sample, parts[sample.id], outputs.next_index + len(again)))
            again += read[-1]
            while len(read) > ahead:
                write_all(outputs, read.popleft())
        outputs.check_end()
        while read:
            write_all(outputs, read.popleft())
        assert outputs.next_index == len(passed)
    return passed


def write_all(outputs: Outputs, rows: Sequence[Result]) -> None:
    for row in rows:
        outputs.write(row)


def held(path: Path) -> list[dict[str, object]]:
    with Outputs([path], RUN, resume=True) as outputs:
        return [row.row() for row in outputs.rows()]


def to_pass_over(found: Sequence[Sequence[Result]], least: int) -> int:
    """How many rows are passed over where some output holds the first so many.

    That all parts of a sample are there is known by a row behind them.
    """
    passed = 0
    for rows in found:
        is_cut = rows[0].parent is not None
        if passed + len(rows) + is_cut > least:
            break
        passed += len(rows)
    return passed


@st.composite
def runs(draw: st.DrawFn, outputs: int) -> tuple[list[Sample], dict[str, int], list[int]]:
    """Samples, some named twice; into how many parts each is cut; rows that outputs hold."""
    fields = [field(name) for name in NAMES]
    parts = {each.id: draw(st.integers(0, 5)) for each in fields}
    samples = draw(st.lists(st.sampled_from(fields), max_size=8))
    total = sum(max(parts[each.id], 1) for each in samples)
    heights = st.lists(st.integers(0, total), min_size=outputs, max_size=outputs)
    return samples, parts, draw(heights)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(run=runs(3), ahead=st.integers(0, 4))
def test_outputs_killed_after_any_row_end_with_every_row_once_and_in_order(
    run: tuple[list[Sample], dict[str, int], list[int]], ahead: int
) -> None:
    samples, parts, heights = run
    found = all_rows(samples, parts)
    rows = [row for each in found for row in each]
    paths = [Path(f"{n}.memory") for n in range(len(heights))]
    for path, height in zip(paths, heights, strict=True):
        Memory.held[path] = rows[:height]
    passed = go_on(paths, samples, parts, ahead)
    for path in paths:
        assert Memory.held[path] == rows
    assert passed == rows[: to_pass_over(found, min(heights))]


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(run=runs(3), cut=st.integers(0, 200))
def test_files_and_databases_killed_after_any_row_end_alike(
    tmp_path: Path, run: tuple[list[Sample], dict[str, int], list[int]], cut: int
) -> None:
    samples, parts, heights = run
    rows = [row for each in all_rows(samples, parts) for row in each]
    paths = [tmp_path / name for name in ("r.csv", "r.jsonl", "r.db")]
    for path, height in zip(paths, heights, strict=True):
        path.unlink(missing_ok=True)
        write(path, rows[:height])
    with paths[0].open("r+b") as file:  # in the middle of a row
        file.truncate(max(0, paths[0].stat().st_size - cut))
    go_on(paths, samples, parts)
    for path in paths:
        assert held(path) == [row.row() for row in rows]


def test_parts_of_parts_are_rows_of_the_sample_they_came_from() -> None:
    path, samples = Path("x.memory"), [field("a"), field("b")]
    tile = f"{samples[0].id}@-5,0,100,100"
    (row,) = rows_of(samples[0], 1)
    first = [
        replace(row, index=n, sample=f"{tile}@{n},0,9,9", parent=tile, box=f"{n},0,9,9")
        for n in range(3)
    ]
    write(path, [*first, *rows_of(samples[1], 0, 3)])
    assert go_on([path], samples, {samples[1].id: 0}) == Memory.held[path]


def test_a_sample_that_a_source_has_cut_out_itself_is_one_row() -> None:
    path = Path("x.memory")
    samples = [replace(field("a"), id=f"a@{n}", parent="a") for n in range(3)]
    rows = [replace(rows_of(each, 0, n)[0], parent="a") for n, each in enumerate(samples)]
    write(path, rows)
    assert go_on([path], samples, {}) == rows


def test_the_name_of_another_file_makes_no_part_of_it() -> None:
    path = Path("x.memory")
    samples = [field("a"), Sample("fields", "fields/a.png@2x.png")]
    parts = {samples[0].id: 2, samples[1].id: 1}
    rows = [row for each in all_rows(samples, parts) for row in each]
    write(path, rows)
    assert go_on([path], samples, parts) == rows[:2]
    assert Memory.held[path] == rows


@pytest.mark.parametrize("now", [1, 2, 4, 0], ids=lambda n: f"{n} now")
def test_images_that_are_cut_otherwise_now_are_refused(tmp_path: Path, now: int) -> None:
    samples = [field(name) for name in NAMES]
    before = dict.fromkeys((each.id for each in samples), 3)
    rows = [row for each in all_rows(samples, before) for row in each]
    paths = [tmp_path / "r.csv", tmp_path / "r.jsonl"]
    write(paths[0], rows)
    write(paths[1], rows[:4])
    kept = paths[0].read_bytes()
    with pytest.raises(ResumeRefused, match=r"r\.csv cannot be resumed: .* cut otherwise now"):
        go_on(paths, samples, dict.fromkeys(before, now))
    assert paths[0].read_bytes() == kept


def test_outputs_that_hold_different_numbers_of_parts_are_refused() -> None:
    samples, paths = [field("a"), field("b")], [Path("x.memory"), Path("y.memory")]
    for path, parts in zip(paths, (2, 3), strict=True):
        rows = all_rows(samples, {samples[0].id: parts, samples[1].id: 0})
        write(path, [row for each in rows for row in each])
    with pytest.raises(ResumeRefused, match=r"y.memory .* holds 3 results of .*x.memory 2; give"):
        go_on(paths, samples, {})


def test_rows_are_read_as_they_are_asked_for() -> None:
    def endless() -> Iterator[Result]:
        n = 0
        while True:
            yield from rows_of(field(NAMES[n % 5]), 0, n)
            n += 1

    ledger = Ledger([(Path("x"), endless())])
    for n in range(7):
        assert ledger.take(field(NAMES[n % 5]), *MODEL) is not None
    assert ledger.next_index == 7
