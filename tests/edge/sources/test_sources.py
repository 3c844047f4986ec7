"""`find_inputs`: what files, folders and globs on the command line stand for."""

from __future__ import annotations

import contextlib
import glob
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from edge_helpers import forbidden_folder
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import NoInputs
from edge.sources.find import find_inputs, open_sources
from edge.sources.names import IMAGE_SUFFIXES


def touch(folder: Path, *names: str) -> None:
    """Make files, with the folders they are in."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


@pytest.fixture
def crops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder ``crops`` in the current folder."""
    monkeypatch.chdir(tmp_path)
    Path("crops").mkdir()
    return Path("crops")


def found(*sources: str) -> list[str]:
    """Paths that sources stand for; none of them refused."""
    inputs = list(find_inputs(sources))
    assert [entry.error for entry in inputs] == [None] * len(inputs)
    return [entry.file for entry in inputs]


def reasons(*sources: str) -> dict[str, str | None]:
    """Path -> why it is refused."""
    return {e.file: e.error.reason if e.error else None for e in find_inputs(sources)}


def test_a_file_named_outright_may_have_any_suffix(crops: Path) -> None:
    touch(crops, "cell.dat", "cell")
    assert found("crops/cell.dat", "crops/cell") == ["crops/cell.dat", "crops/cell"]


def test_a_folder_is_searched_to_any_depth_in_order_of_names(crops: Path) -> None:
    touch(crops, "b.png", "c/2.png", "c/10.png", "c/d/e/1.png", "a.png", "d.png")
    assert found("crops") == [
        "crops/a.png",
        "crops/b.png",
        "crops/c/10.png",
        "crops/c/2.png",
        "crops/c/d/e/1.png",
        "crops/d.png",
    ]


def test_a_folder_is_searched_for_image_suffixes_in_either_case(crops: Path) -> None:
    images = [f"lower{suffix}" for suffix in sorted(IMAGE_SUFFIXES)]
    images += [f"UPPER{suffix.upper()}" for suffix in sorted(IMAGE_SUFFIXES)]
    touch(crops, *images, "notes.txt", "results.csv", "png", "cell.png.bak", ".png")
    assert sorted(found("crops")) == sorted(f"crops/{name}" for name in images)


def test_a_folder_nested_deeper_than_python_calls_is_searched(crops: Path) -> None:
    folders = [crops]
    for _ in range(600):
        folders.append(folders[-1] / "d")
        folders[-1].mkdir()
    touch(folders[-1], "cell.png")
    assert found("crops") == [str(folders[-1] / "cell.png")]
    (folders[-1] / "cell.png").unlink()
    for folder in reversed(folders):  # rmtree of Python 3.11 calls itself once a level
        folder.rmdir()


def test_a_glob_gives_its_matches_in_order(crops: Path) -> None:
    touch(crops, "b1.png", "a1.png", "a2.png", "a2.txt")
    assert found("crops/a*") == ["crops/a1.png", "crops/a2.png", "crops/a2.txt"]
    assert found("crops/[ab]1.png") == ["crops/a1.png", "crops/b1.png"]


def test_a_folder_that_a_glob_matches_is_searched(crops: Path) -> None:
    touch(crops, "day1/a.png", "day2/b.png", "day2/notes.txt", "other/c.png")
    assert found("crops/day*") == ["crops/day1/a.png", "crops/day2/b.png"]


def test_two_stars_match_at_every_depth_and_each_file_once(crops: Path) -> None:
    touch(crops, "a.png", "b/a.png", "b/c/a.png", "b/c/notes.txt")
    everywhere = ["crops/a.png", "crops/b/a.png", "crops/b/c/a.png"]
    assert found("crops/**/*.png") == everywhere
    assert [path for path in found("crops/**") if path.endswith(".png")] == everywhere
    open_sources(["crops/**/*.png"])


def test_two_stars_are_enough_where_all_images_lie_in_the_top_folder(crops: Path) -> None:
    touch(crops, "a.png")
    open_sources(["crops/**/*.png"])
    assert found("crops/**/*.png") == ["crops/a.png"]


def test_two_stars_find_folders_and_search_each_once(crops: Path) -> None:
    touch(crops, "mon/day1/a.png", "tue/day1/b.png", "tue/day2/c.png")
    assert found("crops/**/day1") == ["crops/mon/day1/a.png", "crops/tue/day1/b.png"]
    assert len(found("crops/**/*")) == 3


@pytest.mark.parametrize("name", ["cell[1].png", "cell*.png", "what?.png", "[ab].png", "**"])
def test_a_name_with_glob_characters_that_exists_is_that_file(crops: Path, name: str) -> None:
    touch(crops, name, "cell1.png", "a.png")
    assert found(f"crops/{name}") == [f"crops/{name}"]


def test_a_folder_with_glob_characters_in_its_name_is_searched(crops: Path) -> None:
    touch(crops, "[day 1]/a.png", "d/b.png")
    assert found("crops/[day 1]") == ["crops/[day 1]/a.png"]


def test_inputs_are_counted_from_0_over_all_sources(crops: Path) -> None:
    touch(crops, "a.png", "b.png", "more/c.png")
    inputs = list(find_inputs(["crops/b.png", "crops", "crops/missing.png", "crops/*.png"]))
    assert [(entry.source, entry.file) for entry in inputs] == [
        ("crops/b.png", "crops/b.png"),
        ("crops", "crops/a.png"),
        ("crops", "crops/b.png"),
        ("crops", "crops/more/c.png"),
        ("crops/missing.png", "crops/missing.png"),
        ("crops/*.png", "crops/a.png"),
        ("crops/*.png", "crops/b.png"),
    ]


def test_an_image_reached_through_several_sources_appears_once_for_each(crops: Path) -> None:
    touch(crops, "a.png")
    assert found("crops", "crops/a.png", "crops") == ["crops/a.png"] * 3


def test_inputs_are_found_as_they_are_asked_for(crops: Path) -> None:
    def endless() -> Iterator[str]:
        while True:
            yield "crops"

    touch(crops, "a.png")
    inputs = find_inputs(endless())
    assert [next(inputs).file for _ in range(5)] == ["crops/a.png"] * 5


def test_broken_links_are_named_and_the_rest_is_found(crops: Path) -> None:
    touch(crops, "a.png", "z.png")
    (crops / "gone.png").symlink_to("nothing.png")
    expected = {"crops/a.png": None, "crops/gone.png": "not-found", "crops/z.png": None}
    assert reasons("crops") == expected
    assert reasons("crops/gone.png") == {"crops/gone.png": "not-found"}
    assert reasons("crops/*.png") == expected


def test_a_link_to_itself_is_named(crops: Path) -> None:
    (crops / "loop.png").symlink_to("loop.png")
    assert reasons("crops") == {"crops/loop.png": "link-loop"}
    assert reasons("crops/loop.png") == {"crops/loop.png": "link-loop"}


def test_links_to_images_are_images(crops: Path) -> None:
    touch(crops, "real/a.png")
    (crops / "b.png").symlink_to("real/a.png")
    assert found("crops") == ["crops/b.png", "crops/real/a.png"]


def test_a_link_to_a_folder_is_followed(crops: Path, tmp_path: Path) -> None:
    touch(tmp_path, "elsewhere/a.png")
    (crops / "link").symlink_to("../elsewhere")
    assert found("crops") == ["crops/link/a.png"]


def test_a_folder_that_holds_a_link_to_itself_is_searched_once(crops: Path) -> None:
    touch(crops, "a.png", "z.png")
    (crops / "loop").symlink_to(".")
    assert reasons("crops") == {
        "crops/a.png": None,
        "crops/loop": "link-loop",
        "crops/z.png": None,
    }


def test_a_folder_linked_twice_is_searched_once_and_the_other_link_named(crops: Path) -> None:
    touch(crops, "b/a.png")
    (crops / "c").symlink_to("b")
    assert reasons("crops") == {"crops/b/a.png": None, "crops/c": "link-loop"}


def test_a_folder_nobody_may_enter_is_named_and_the_rest_is_found() -> None:
    with forbidden_folder() as folder:
        touched = folder / "closed"
        assert reasons(str(folder)) == {str(touched): "permission"}
        assert reasons(str(touched / "cell.png")) == {str(touched / "cell.png"): "permission"}


def test_two_stars_do_not_follow_links_in_circles(crops: Path) -> None:
    touch(crops, "a.png", "b/c.png")
    for name in ("loop", "b/loop", "b/other"):
        (crops / name).symlink_to("." if name == "loop" else "..")
    expected = {"crops/a.png": None, "crops/b/c.png": None}
    loops = {"crops/b/loop", "crops/b/other", "crops/loop"}
    assert reasons("crops/**/*.png") == expected | dict.fromkeys(loops, "link-loop")


def test_a_folder_that_the_pattern_names_is_searched_under_every_name(crops: Path) -> None:
    touch(crops, "day1/a.png")
    (crops / "latest").symlink_to("day1")
    assert found("crops/*/a.png") == ["crops/day1/a.png", "crops/latest/a.png"]
    assert found("crops/**/latest/*.png") == ["crops/latest/a.png"]


def test_two_stars_match_no_hidden_names_and_a_dot_does(crops: Path) -> None:
    touch(crops, ".hidden/a.png", ".b.png", "c.png")
    assert found("crops/**/*.png", "crops/*") == ["crops/c.png"] * 2
    assert found("crops/.*") == ["crops/.b.png", "crops/.hidden/a.png"]


@given(st.data())
def test_globs_find_what_those_of_python_match_and_the_images_in_matched_folders_once(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    top = tmp_path_factory.mktemp("glob")
    part = st.sampled_from(["a", "b", "ab.png", "b.png", ".a", "[a]"])
    for parts in data.draw(st.lists(st.lists(part, min_size=1, max_size=3), max_size=6)):
        folder = top.joinpath(*parts[:-1])
        with contextlib.suppress(OSError):  # a file is in the place of a folder
            folder.mkdir(parents=True, exist_ok=True)
            (folder / parts[-1]).touch()
    magic = st.sampled_from(["*", "**", "?", "[ab]*", "a", "*.png", "ab.png", ".*", "[[]a]"])
    pattern = "/".join([str(top), "*", *data.draw(st.lists(magic, max_size=3))])
    expected = set()
    for match in map(Path, glob.glob(pattern, recursive=True)):
        inside = match.rglob("*") if match.is_dir() else []
        images = [path for path in inside if path.suffix == ".png" and path.is_file()]
        images = [path for path in images if "/." not in str(path.relative_to(match.parent))]
        expected |= {str(path) for path in [*images, *([match] if match.is_file() else [])]}
    paths = [entry.file for entry in find_inputs([pattern]) if not entry.error]
    assert sorted(paths) == sorted(expected)


def test_a_pattern_with_a_null_byte_is_refused_in_a_sentence(crops: Path) -> None:
    touch(crops, "a.png")
    with pytest.raises(NoInputs):
        open_sources(["x\0/*"])
    with pytest.raises(NoInputs):
        open_sources(["crops/\0*"])
    assert reasons("x\0/*", "crops/a.png") == {"x\0/*": "not-found", "crops/a.png": None}


def test_a_pattern_that_matches_nothing_is_named_beside_what_does(crops: Path) -> None:
    touch(crops, "a.png")
    expected = {"crops/b*": "not-found", "crops/a.png": None}
    assert reasons("crops/b*", "crops/a*") == expected


def test_a_folder_nobody_may_list_is_named_by_a_glob() -> None:
    with forbidden_folder() as folder:
        assert reasons(f"{folder}/**/*.png") == {f"{folder}/closed": "permission"}
        assert reasons(f"{folder}/*/*.png") == {f"{folder}/closed": "permission"}


def test_names_of_a_large_folder_come_sorted(crops: Path) -> None:
    names = [f"{i * 7919 % 10_007}.png" for i in range(9000)]  # several sorted runs
    touch(crops, *names)
    assert found("crops") == [f"crops/{name}" for name in sorted(names)]


# lists


def run_list(data: bytes, name: str = "list.txt") -> list[str]:
    Path(name).write_bytes(data)
    return [entry.file for entry in find_inputs([f"@{name}"])]


LISTED = ["crops/a.png", "crops/ b.png ", os.fsdecode(b"crops/\xff.png")]


@pytest.mark.parametrize(
    ("before", "between", "end"),
    [
        (b"", b"\n", b"\n"),
        (b"", b"\n", b""),
        (b"", b"\r\n", b"\r\n"),
        (b"\xef\xbb\xbf", b"\r\n", b""),
        (b"\n", b"\n\n", b"\n\n"),
        (b"", b"\0", b"\0"),
        (b"", b"\0", b""),
    ],
)
def test_a_list_has_a_path_a_line_or_paths_that_end_in_null(
    crops: Path, before: bytes, between: bytes, end: bytes
) -> None:
    touch(crops, *(name.removeprefix("crops/") for name in LISTED))
    assert run_list(before + between.join(map(os.fsencode, LISTED)) + end) == LISTED


def test_line_breaks_in_names_need_a_list_that_separates_by_null(crops: Path) -> None:
    touch(crops, "two\nlines.png", "cr\r", "b.png")
    assert run_list(b"crops/two\nlines.png\0crops/cr\r\0") == ["crops/two\nlines.png", "crops/cr\r"]


def test_what_a_list_names_is_taken_as_it_stands(crops: Path) -> None:
    touch(crops, "[a].png", "a.png", "@b.png", "day1/c.png", "*")
    listed = b"crops/[a].png\ncrops/day1\ncrops/*\n@b.png\n-\n"
    assert run_list(listed) == ["crops/[a].png", "crops/day1/c.png", "crops/*", "@b.png", "-"]


def test_what_a_list_names_and_is_not_there_is_named(crops: Path) -> None:
    touch(crops, "a.png")
    Path("list.txt").write_text("crops/a.png\nmissing.png\n")
    assert reasons("@list.txt") == {"crops/a.png": None, "missing.png": "not-found"}


def test_a_list_that_is_not_there_is_refused_or_named_beside_others(crops: Path) -> None:
    touch(crops, "a.png")
    with pytest.raises(NoInputs, match=r"^no such file or folder: @missing\.txt$"):
        open_sources(["@missing.txt"])
    assert reasons("@missing.txt", "crops") == {"@missing.txt": "not-found", "crops/a.png": None}


def test_an_empty_list_is_refused(crops: Path) -> None:
    Path("list.txt").write_text("\n\n")
    with pytest.raises(NoInputs, match=r"^no image in @list\.txt"):
        open_sources(["@list.txt"])


def test_a_file_that_is_no_list_is_a_row(crops: Path) -> None:
    Path("list.txt").write_bytes(b"x" * 300_000)
    assert reasons("@list.txt") == {"@list.txt": "not-found"}
    os.mkfifo("pipe")
    assert reasons("@pipe") == {"@pipe": "not-a-file"}


def test_standard_input_is_read_once_and_its_paths_come_as_they_are_written(
    crops: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(crops, "a.png", "b.png")
    reading, writing = os.pipe()
    with os.fdopen(reading) as stdin, os.fdopen(writing, "wb", buffering=0) as pipe:
        monkeypatch.setattr("sys.stdin", stdin)
        pipe.write(b"crops/a.png\n")
        inputs = iter(open_sources(["-"]))
        assert next(inputs).file == "crops/a.png"  # though nobody knows what comes
        pipe.write(b"crops/b")
        pipe.write(b".png\nmissing")
        assert next(inputs).file == "crops/b.png"
        pipe.close()
        last = next(inputs)
    assert (last.source, last.file) == ("-", "missing")
    assert last.error


def test_the_number_of_inputs_is_known_where_they_can_be_counted(crops: Path) -> None:
    touch(crops, "a.png", "b.png", "cells.tar")
    Path("list.txt").write_text("crops/a.png\n")
    inputs = open_sources(["crops", "crops/*.png", "@list.txt", "missing"])
    assert inputs.count() == 6
    assert len(list(inputs)) == 6  # and counting has used nothing up
    assert open_sources(["crops", "crops/cells.tar"]).count() is None
