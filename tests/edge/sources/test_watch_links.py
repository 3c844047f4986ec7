"""A watch and links: each image counts once, by whatever name it is reached."""

from __future__ import annotations

from pathlib import Path

import pytest
from edge_helpers import encoded, small_cell
from watch_helpers import CELL, Watching, both_ways, until

OTHER = encoded(small_cell(5))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder to watch."""
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def point(link: Path, target: Path | str) -> None:
    """Let a link lead elsewhere, in one step."""
    new = link.with_name(".new")
    new.symlink_to(target)
    new.replace(link)


@both_ways
def test_a_link_that_moves_over_files_of_the_folder_is_left_alone(
    folder: Path, events: bool
) -> None:
    (folder / "day1").mkdir()
    with Watching(folder, events) as watching:
        for name in ("a.png", "b.png", "day1/c.png"):
            (folder / name).write_bytes(CELL)
            point(folder / "latest.png", name)
            watching.sentinel()
        point(folder / "latest.png", folder / "a.png")
        watching.sentinel()
        watching.sentinel()
    names = [name for name in watching.names() if not name.startswith("sentinel")]
    assert sorted(names) == ["a.png", "b.png", "day1/c.png"]


@both_ways
def test_a_link_that_moves_over_files_elsewhere_gives_each_of_them_once(
    folder: Path, tmp_path: Path, events: bool
) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(CELL)
    with Watching(folder, events) as watching:
        for name in ("a.png", "b.png", "a.png", "b.png"):
            point(folder / "latest.png", tmp_path / name)
            watching.sentinel()
            watching.sentinel()
        assert len(watching.of("latest.png")) == 2
        (tmp_path / "b.png").write_bytes(OTHER)
        until(lambda: len(watching.of("latest.png")) == 3)
    one, two, three = watching.of("latest.png")
    assert [one.supersedes, two.supersedes, three.supersedes] == [
        None,
        None,
        watching.inputs.index(two),
    ]
    assert three.read() == OTHER


def test_an_input_is_read_from_the_file_that_was_seen_though_the_link_has_moved(
    folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.png").write_bytes(CELL)
    (tmp_path / "b.png").write_bytes(OTHER)
    point(folder / "latest.png", tmp_path / "a.png")
    with Watching(folder, events=False) as watching:
        until(lambda: len(watching.inputs) == 1)
        point(folder / "latest.png", tmp_path / "b.png")
        until(lambda: len(watching.inputs) == 2)
    assert [entry.read() for entry in watching.inputs] == [CELL, OTHER]


@both_ways
def test_several_links_to_one_file_elsewhere_are_one_image(
    folder: Path, tmp_path: Path, events: bool
) -> None:
    (tmp_path / "a.png").write_bytes(CELL)
    for name in ("one.png", "two.png"):
        (folder / name).symlink_to(tmp_path / "a.png")
    with Watching(folder, events) as watching:
        until(lambda: bool(watching.inputs))
        watching.sentinel()
    assert len(watching.inputs) == 2


@both_ways
def test_a_link_to_a_file_of_the_folder_that_the_search_leaves_out_is_taken(
    folder: Path, events: bool
) -> None:
    for name in (".a.png", "b.dat"):
        (folder / name).write_bytes(CELL)
    (folder / "one.png").symlink_to(".a.png")
    (folder / "two.png").symlink_to("b.dat")
    with Watching(folder, events) as watching:
        until(lambda: sorted(watching.names()) == ["one.png", "two.png"])


@both_ways
def test_images_below_a_linked_folder_come_once(folder: Path, tmp_path: Path, events: bool) -> None:
    (folder / "day1").mkdir()
    (folder / "day1" / "a.png").write_bytes(CELL)
    (folder / "a-link").symlink_to("day1")
    (folder / "latest.png").symlink_to("day1/a.png")
    with Watching(folder, events) as watching:
        until(lambda: bool(watching.of("a-link/a.png")))
        watching.sentinel()
    assert sum(entry.error is None for entry in watching.inputs) == 2
