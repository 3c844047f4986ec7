"""A watch and files that are not complete yet: reserved, stalled, or written once more."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import cv2
import pytest
from edge_helpers import encoded, small_cell
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from watch_helpers import CELL, Watching, both_ways, until

from edge.crops.drawn import draw_cell
from edge.samples import Sample

BMP = encoded(draw_cell(1)[::3, ::3], ".bmp")
OTHER = encoded(draw_cell(4)[::3, ::3], ".bmp")
LONG = 60.0  # seconds: a test that waits for it fails


def by_truncating(file: BinaryIO) -> None:
    file.truncate(len(BMP))


def by_allocating(file: BinaryIO) -> None:
    os.posix_fallocate(file.fileno(), 0, len(BMP))


def by_writing_zeros(file: BinaryIO) -> None:
    file.write(bytes(len(BMP)))
    file.seek(0)


def by_nothing(file: BinaryIO) -> None:
    pass


RESERVED = [by_truncating, by_allocating, by_writing_zeros, by_nothing]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder to watch."""
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def write_part(path: Path, reserve: Callable[[BinaryIO], None], share: float = 0.45) -> None:
    """Reserve a file, write a part, and close it."""
    with path.open("wb") as file:
        reserve(file)
        file.write(BMP[: int(share * len(BMP))])


@both_ways
@pytest.mark.parametrize("reserve", RESERVED)
def test_a_file_that_was_reserved_and_written_in_part_is_waited_for(
    folder: Path, events: bool, reserve: Callable[[BinaryIO], None]
) -> None:
    with Watching(folder, events, in_doubt=LONG) as watching:
        write_part(folder / "slow.bmp", reserve)
        watching.sentinel()
        watching.sentinel()
        assert not watching.of("slow.bmp")
        assert "slow.bmp" in watching.watch.left[0]
        (folder / "slow.bmp").write_bytes(BMP)
        until(lambda: bool(watching.of("slow.bmp")))
    assert [entry.read() for entry in watching.of("slow.bmp")] == [BMP]
    assert watching.of("slow.bmp")[0].supersedes is None


@both_ways
def test_a_whole_file_that_is_still_open_is_waited_for(folder: Path, events: bool) -> None:
    with Watching(folder, events, in_doubt=LONG) as watching:
        with (folder / "open.bmp").open("wb", buffering=0) as file:
            file.write(BMP)
            watching.sentinel()
            watching.sentinel()
            assert not watching.of("open.bmp")
        until(lambda: bool(watching.of("open.bmp")))


@both_ways
@pytest.mark.parametrize("reserve", RESERVED)
def test_a_file_that_rests_for_long_is_taken_and_taken_again_when_it_is_finished(
    folder: Path, events: bool, reserve: Callable[[BinaryIO], None]
) -> None:
    with Watching(folder, events, in_doubt=0.3) as watching:
        begun = time.monotonic()
        write_part(folder / "slow.bmp", reserve)
        until(lambda: bool(watching.of("slow.bmp")))
        assert time.monotonic() - begun >= 0.3
        (folder / "slow.bmp").write_bytes(BMP)
        until(lambda: len(watching.of("slow.bmp")) == 2)
        watching.sentinel()
    first, second = watching.of("slow.bmp")
    assert (first.supersedes, second.supersedes) == (None, watching.inputs.index(first))
    assert second.version != first.version
    assert second.read() == BMP


@both_ways
def test_only_other_bytes_are_taken_again_however_often_a_file_is_written(
    folder: Path, events: bool
) -> None:
    with Watching(folder, events) as watching:
        for n, content in enumerate([BMP, BMP, OTHER, OTHER, BMP]):
            (folder / "a.bmp").write_bytes(content)
            os.utime(folder / "a.bmp", (n, n))
            watching.sentinel()
            watching.sentinel()
        until(lambda: len(watching.of("a.bmp")) == 3)
    one, two, three = watching.of("a.bmp")
    assert [one.supersedes, two.supersedes, three.supersedes] == [
        None,
        watching.inputs.index(one),
        watching.inputs.index(two),
    ]


def test_bytes_that_changed_while_the_time_of_the_file_did_not_are_found(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.sources.watching.taken.state_of", lambda status: status.st_size)
    monkeypatch.setattr("edge.sources.watching.watch.state_of", lambda status: status.st_size)
    assert len(BMP) == len(OTHER)
    with Watching(folder, events=False, in_doubt=0.3) as watching:
        (folder / "a.bmp").write_bytes(BMP)
        until(lambda: bool(watching.of("a.bmp")))
        (folder / "a.bmp").write_bytes(OTHER)
        until(lambda: len(watching.of("a.bmp")) == 2)


def test_what_was_decided_is_what_was_read_not_what_was_looked_at(folder: Path) -> None:
    class Reading(Watching):
        """Writes the file again between the look and the classifier."""

        def _take(self, entry: Sample) -> None:
            if entry.file.endswith("a.bmp"):
                (folder / "a.bmp").write_bytes(OTHER)
                assert entry.read() == OTHER

    with Reading(folder, events=False) as watching:
        (folder / "a.bmp").write_bytes(BMP)
        until(lambda: bool(watching.of("a.bmp")))
        watching.sentinel()
        watching.sentinel()
        assert len(watching.of("a.bmp")) == 1
        (folder / "a.bmp").write_bytes(BMP)
        until(lambda: len(watching.of("a.bmp")) == 2)


@both_ways
def test_what_could_not_be_read_is_taken_again_when_it_can(folder: Path, events: bool) -> None:
    (folder / "gone.png").symlink_to("later.dat")
    (folder / "cut.png").write_bytes(CELL[:-20])
    with Watching(folder, events, in_doubt=0.2) as watching:
        until(lambda: len(watching.inputs) == 2)
        (folder / "later.dat").write_bytes(CELL)
        (folder / "cut.png").write_bytes(CELL)
        until(lambda: len(watching.inputs) == 4)
        watching.sentinel()
    assert {watching.of(name)[1].supersedes for name in ("gone.png", "cut.png")} == {0, 1}


@both_ways
def test_a_file_that_is_removed_before_it_is_read_is_a_row_and_comes_again(
    folder: Path, events: bool
) -> None:
    class Reading(Watching):
        """Reads after the file has gone, once."""

        def _take(self, entry: Sample) -> None:
            if entry.file.endswith("a.bmp") and entry.supersedes is None:
                (folder / "a.bmp").unlink()
                with pytest.raises(ValueError, match="not-found"):
                    entry.read()

    with Reading(folder, events) as watching:
        (folder / "a.bmp").write_bytes(BMP)
        until(lambda: bool(watching.of("a.bmp")))
        watching.sentinel()
        (folder / "a.bmp").write_bytes(BMP)
        until(lambda: len(watching.of("a.bmp")) == 2)
    assert watching.of("a.bmp")[1].supersedes == watching.inputs.index(watching.of("a.bmp")[0])


def test_a_folder_that_comes_back_written_elsewhere_gives_only_what_differs(folder: Path) -> None:
    for name in ("a.bmp", "b.bmp"):
        (folder / name).write_bytes(BMP)
    with Watching(folder, events=False) as watching:
        until(lambda: len(watching.inputs) == 2)
        folder.rename(folder.with_name("away"))
        until(lambda: len(watching.inputs) == 3)
        folder.mkdir()
        (folder / "a.bmp").write_bytes(BMP)
        (folder / "b.bmp").write_bytes(OTHER)
        until(lambda: len(watching.of("b.bmp")) == 2)
        watching.sentinel()
    assert len(watching.of("a.bmp")) == 1


def test_many_files_are_looked_at_again_in_turns(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.sources.watching.taken._AT_A_TIME", 3)
    for n in range(20):
        (folder / f"{n}.png").write_bytes(CELL)
    other = encoded(small_cell(5))
    with Watching(folder, events=False, look_every=0.01) as watching:
        until(lambda: len(watching.inputs) == 20)
        for n in range(20):
            (folder / f"{n}.png").write_bytes(other)
        until(lambda: len(watching.inputs) == 40)
    assert sorted(entry.supersedes or 0 for entry in watching.inputs[20:]) == list(range(20))


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(RESERVED),
    st.lists(st.integers(1, len(BMP) - 1), max_size=3, unique=True).map(sorted),
    st.lists(st.sampled_from([0.0, 0.02, 0.15, 0.4]), min_size=4, max_size=4),
    st.booleans(),
)
def test_however_a_file_is_written_the_last_decision_is_on_the_whole_of_it(
    tmp_path_factory: pytest.TempPathFactory,
    reserve: Callable[[BinaryIO], None],
    stops: list[int],
    pauses: list[float],
    events: bool,
) -> None:
    folder = tmp_path_factory.mktemp("in")
    read: dict[int, bytes] = {}

    class Reading(Watching):
        """Reads as the classifier does."""

        def _take(self, entry: Sample) -> None:
            read[len(self.inputs)] = entry.read()

    with Reading(folder, events, in_doubt=0.2) as watching:
        with (folder / "a.bmp").open("wb") as file:
            reserve(file)
        for start, end, pause in zip([0, *stops], [*stops, len(BMP)], pauses, strict=False):
            with (folder / "a.bmp").open("r+b") as file:
                file.seek(start)
                file.write(BMP[start:end])
            time.sleep(pause)
        until(lambda: read.get(max(read, default=0)) == BMP)
        watching.sentinel()
    indices = [watching.inputs.index(entry) for entry in watching.of("a.bmp")]
    assert [entry.supersedes for entry in watching.of("a.bmp")] == [None, *indices[:-1]]
    assert read[indices[-1]] == BMP


def test_a_whole_crop_on_black_need_not_rest(folder: Path) -> None:
    assert BMP.endswith(bytes(1000))
    with Watching(folder, events=False, in_doubt=LONG) as watching:
        (folder / "a.bmp").write_bytes(BMP)
        until(lambda: bool(watching.of("a.bmp")))


def test_the_pages_of_a_stack_are_taken_again_one_by_one(folder: Path) -> None:
    cells = [draw_cell(seed)[::9, ::9] for seed in range(3)]
    assert cv2.imwritemulti(str(folder / "a.tif"), cells[:2])
    with Watching(folder, events=False) as watching:
        until(lambda: len(watching.inputs) == 2)
        os.utime(folder / "a.tif")
        watching.sentinel()
        watching.sentinel()
        assert len(watching.inputs) == 4
        assert cv2.imwritemulti(str(folder / "a.tif"), cells)
        until(lambda: bool(watching.of("a.tif#3")))
    for page in (1, 2):
        first, second = watching.of(f"a.tif#{page}")
        assert second.supersedes == watching.inputs.index(first)
    assert [entry.supersedes for entry in watching.of("a.tif#3")] == [None]
