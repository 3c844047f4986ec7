"""`Watch` and ``classify --watch``: each image of a folder once, as soon as it is complete."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_helpers import EDGE_ALL, edge_all
from edge_helpers import write_cells
from sink_helpers import database_rows
from watch_helpers import CELL, PATIENCE, Watching, both_ways, until

from edge.errors import NoInputs
from edge.sources.content import Found
from edge.sources.folders import search_folder
from edge.sources.left_out import LeftOut
from edge.sources.watching.folder_events import network_share
from edge.sources.watching.watch import Watch


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder to watch."""
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


@both_ways
def test_what_is_there_comes_first_in_order_of_names(folder: Path, events: bool) -> None:
    paths = write_cells(folder, 3)
    with Watching(folder, events) as watching:
        until(lambda: len(watching.inputs) == 3)
    assert [entry.file for entry in watching.inputs] == [str(path) for path in paths]
    assert {entry.source for entry in watching.inputs} == {str(folder)}


@both_ways
def test_a_new_file_comes_once_however_often_it_is_written_again(
    folder: Path, events: bool
) -> None:
    with Watching(folder, events) as watching:
        for _ in range(3):
            for _ in range(10):
                (folder / "a.png").write_bytes(CELL)
            watching.sentinel()
    assert watching.names().count("a.png") == 1


@both_ways
def test_a_file_moved_in_comes_and_so_does_one_in_a_folder_moved_in(
    folder: Path, tmp_path: Path, events: bool
) -> None:
    (tmp_path / "cell.png").write_bytes(CELL)
    (tmp_path / "day1").mkdir()
    write_cells(tmp_path / "day1", 2)
    with Watching(folder, events) as watching:
        (tmp_path / "cell.png").rename(folder / "moved.png")
        (tmp_path / "day1").rename(folder / "day1")
        until(lambda: len(watching.inputs) == 3)
    assert sorted(watching.names()) == ["day1/cell-00.png", "day1/cell-01.png", "moved.png"]


def test_a_file_that_is_still_open_is_waited_for_until_it_is_closed(folder: Path) -> None:
    with Watching(folder, events=True, look_every=PATIENCE) as watching:
        with (folder / "slow.png").open("wb", buffering=0) as file:
            file.write(CELL[:20])
            watching.sentinel()
            file.write(CELL[20:])
            watching.sentinel()
            assert "slow.png" not in watching.names()
        until(lambda: "slow.png" in watching.names())
    (slow,) = (entry for entry in watching.inputs if entry.file.endswith("slow.png"))
    assert slow.read() == CELL


def test_without_events_a_file_that_grows_is_waited_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = 0

    def search_while_it_grows(top: str, *more: LeftOut) -> Iterator[Found]:
        nonlocal written
        if written < 20:
            written += 1
            (folder / "slow.png").write_bytes(bytes(written))
        yield from search_folder(top, *more)

    monkeypatch.setattr("edge.sources.watching.watch.search_folder", search_while_it_grows)
    with Watching(folder, events=False) as watching:
        until(lambda: "slow.png" in watching.names())
    assert written == 20


@both_ways
def test_a_file_moved_out_again_does_not_end_the_watch(
    folder: Path, tmp_path: Path, events: bool
) -> None:
    with Watching(folder, events) as watching:
        watching.sentinel()
        (folder / "sentinel-0.png").rename(tmp_path / "archived.png")
        (folder / "day1").mkdir()
        (folder / "day1").rename(tmp_path / "day1")
        watching.sentinel()
    assert len(watching.inputs) == 2


def test_a_file_renamed_at_once_comes_under_its_last_name(folder: Path) -> None:
    with Watching(folder, events=True) as watching:
        for i in range(20):
            (folder / "writing.png").write_bytes(CELL)
            (folder / "writing.png").rename(folder / f"{i:02d}.png")
        until(lambda: len([n for n in watching.names() if n != "writing.png"]) == 20)
    assert len(set(watching.names())) == len(watching.names())


@both_ways
def test_hidden_and_unfinished_names_are_left_alone_until_they_are_renamed(
    folder: Path, events: bool
) -> None:
    unfinished = [".hidden.png", "~a.png", "b.png.part", "c.tmp", "d.png~", ".day/e.png"]
    (folder / ".day").mkdir()
    with Watching(folder, events) as watching:
        for name in unfinished:
            (folder / name).write_bytes(CELL)
        watching.sentinel()
        watching.sentinel()
        assert len(watching.inputs) == 2
        for i, name in enumerate(unfinished):
            (folder / name).rename(folder / f"done-{i}.png")
        until(lambda: len(watching.inputs) == 2 + len(unfinished))


@both_ways
def test_what_is_no_image_by_its_suffix_is_left_alone(folder: Path, events: bool) -> None:
    with Watching(folder, events) as watching:
        (folder / "notes.txt").write_text("notes")
        (folder / "cells.zip").write_bytes(b"PK")
        watching.sentinel()
        watching.sentinel()
    assert all(name.startswith("sentinel") for name in watching.names())


@both_ways
def test_what_earlier_runs_have_done_is_not_done_again(folder: Path, events: bool) -> None:
    done, _, new = write_cells(folder, 3)
    done_too = Path(os.fsdecode(bytes(folder) + b"/\xff.png"))
    done_too.write_bytes(CELL)
    already = {str(done), str(folder / "cell-01.png"), rf"{folder}/\xff.png"}
    with Watching(folder, events, done=already) as watching:
        until(lambda: str(new) in [entry.file for entry in watching.inputs])
        done.write_bytes(CELL)
        watching.sentinel()
    assert watching.names()[0] == new.name
    assert len(watching.inputs) == 2


@both_ways
def test_broken_links_are_named_once(folder: Path, events: bool) -> None:
    (folder / "gone.png").symlink_to("nothing.png")
    (folder / "loop").symlink_to(".")
    with Watching(folder, events) as watching:
        until(lambda: len(watching.inputs) == 2)
        watching.sentinel()
    reasons = {e.file: e.error and e.error.reason for e in watching.inputs}
    assert reasons[f"{folder}/gone.png"] == "not-found"
    assert reasons[f"{folder}/loop"] == "link-loop"
    assert len(watching.inputs) == 3


def test_a_file_without_a_byte_comes_in_the_end(folder: Path) -> None:
    (folder / "z.png").touch()
    with Watching(folder, events=False) as watching:
        watching.sentinel()
        until(lambda: "z.png" in watching.names())
    assert watching.names()[1] == "z.png"  # it might yet have been written


def test_a_folder_that_goes_away_is_named_once_and_waited_for(folder: Path) -> None:
    with Watching(folder, events=False) as watching:
        watching.sentinel()
        folder.rename(folder.with_name("away"))
        until(lambda: len(watching.inputs) == 2)
        folder.with_name("away").rename(folder)
        watching.sentinel()
    assert watching.inputs[1].error
    assert watching.inputs[1].file == str(folder)
    assert len(watching.inputs) == 3  # and what was there before has not come again


def test_without_the_library_a_folder_is_looked_at_and_that_is_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "watchdog.events", None)
    with Watching(folder, events=True) as watching:
        watching.sentinel()
    assert "looking every 0.05 s: pip install 'edge-all[watch]'" in watching.watch.how


def test_a_network_share_is_looked_at_and_named(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/sda1 / ext4 rw 0 0\n//lab/share {folder} cifs rw 0 0\n")
    monkeypatch.setattr("edge.sources.watching.folder_events._MOUNTS", str(mounts))
    assert network_share(str(folder)) == "cifs"
    assert network_share(str(tmp_path)) is None
    with Watching(folder, events=True) as watching:
        watching.sentinel()
    assert "cifs does not tell what other machines write" in watching.watch.how


@pytest.mark.parametrize(
    "name", ["my cells", "tab\there", "line\nbreak", "back\\slash", "nb\xa0sp", "ü"]
)
def test_a_network_share_is_known_whatever_it_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    share = tmp_path / name
    share.mkdir()
    escaped = str(share).replace("\\", r"\134")
    for character in " \t\n":
        escaped = escaped.replace(character, f"\\{ord(character):03o}")
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/sda1 / ext4 rw 0 0\n//lab/my\\040share {escaped} cifs rw 0 0\n")
    monkeypatch.setattr("edge.sources.watching.folder_events._MOUNTS", str(mounts))
    assert network_share(str(share)) == "cifs"
    assert network_share(str(tmp_path)) is None


def test_of_two_mounts_in_one_place_the_last_counts(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = tmp_path / "mounts"
    monkeypatch.setattr("edge.sources.watching.folder_events._MOUNTS", str(mounts))
    mounts.write_text(f"x {folder} zfs rw 0 0\nx {folder} nfs4 rw 0 0\n")
    assert network_share(str(folder)) == "nfs4"
    mounts.write_text(f"x {folder} nfs4 rw 0 0\nx {folder} ext4 rw 0 0\n")
    assert network_share(str(folder)) is None


def test_a_missing_folder_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(NoInputs, match=r"^no such folder to watch: .*missing$"):
        Watch(str(tmp_path / "missing"))


@pytest.fixture
def running(folder: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """``edge-all classify --watch`` on the folder, after its first result."""
    (first,) = write_cells(folder, 1)
    os.utime(first, (1, 1))  # nobody is writing it
    out = tmp_path / "out.csv"
    command = [*EDGE_ALL, "classify", "--watch", str(folder), "--out", str(out)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        until(lambda: process.poll() is not None or rows(out) == 1)
        yield process
        process.kill()


def rows(out: Path) -> int:
    """Results in a file so far."""
    return len(out.read_text().splitlines()) - 1 if out.exists() else 0


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_watch_in_good_order(
    running: subprocess.Popen[str], folder: Path, tmp_path: Path, stop: signal.Signals
) -> None:
    (folder / "next.png").write_bytes(CELL)
    until(lambda: rows(tmp_path / "out.csv") == 2)
    running.send_signal(stop)
    said, messages = running.communicate(timeout=PATIENCE)
    assert running.returncode == 0
    assert said.startswith("2 cells: ")
    assert messages.startswith(f"watching {folder} (")
    assert len(messages.splitlines()) == 1
    with (tmp_path / "out.csv").open(newline="") as file:
        assert [row["file"] for row in csv.DictReader(file)] == [
            f"{folder}/cell-00.png",
            f"{folder}/next.png",
        ]


@pytest.mark.parametrize("arguments", [[], ["crops", "--watch", "crops"]], ids=["none", "both"])
def test_neither_sources_nor_a_folder_or_both_is_wrong_usage(arguments: list[str]) -> None:
    result = edge_all("classify", *arguments)
    assert result.exit_code == 2
    assert "--watch" in result.stderr


def test_a_watch_that_is_resumed_takes_what_came_meanwhile_and_nothing_twice(
    folder: Path, tmp_path: Path
) -> None:
    outputs = [tmp_path / "a.csv", tmp_path / "a.db"]
    command = [*EDGE_ALL, "classify", "--watch", str(folder), "--resume"]
    for output in outputs:
        command += ["--out", str(output)]
    for count in (2, 5):
        write_cells(folder, count)
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda count=count: len(rows_of(outputs[0])) == count)  # type: ignore[misc]
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    for rows in (rows_of(outputs[0]), database_rows(outputs[1])):
        assert [int(str(row["index"])) for row in rows] == [0, 1, 2, 3, 4]
        assert len({row["file"] for row in rows}) == 5


def rows_of(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
