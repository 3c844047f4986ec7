"""Lists of paths in every encoding that programs write them in; no list has a disk searched."""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import zipfile
from itertools import product
from pathlib import Path
from typing import BinaryIO

import pytest
from edge_helpers import LOSSLESS, encoded, small_cell
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import CropUnreadable
from edge.sources.find import find_inputs
from edge.sources.path_lists import read_paths, refuse_to_search

PATHS = ["crops/Präparat 1/ä.png", "day 2/b.png", "C:\\Zellen\\ü.bmp", "/mnt/usb/细胞1.png"]
MARKS = {
    "utf-8": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
}
SEPARATORS = ["\n", "\r\n", "\0"]


class Slowly(io.BytesIO):
    """A pipe that gives a few bytes at a time."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(3)


@pytest.mark.parametrize("opened", [io.BytesIO, Slowly], ids=["file", "pipe"])
@pytest.mark.parametrize("end", [True, False], ids=["ended", "not ended"])
@pytest.mark.parametrize("marked", [True, False], ids=["mark", "no mark"])
@pytest.mark.parametrize(("encoding", "separator"), list(product(MARKS, SEPARATORS)))
def test_a_list_is_read_in_every_encoding(
    encoding: str, separator: str, marked: bool, end: bool, opened: type[io.BytesIO]
) -> None:
    text = separator.join(PATHS) + separator * end
    data = MARKS[encoding] * marked + text.encode(encoding)
    assert list(read_paths(opened(data))) == PATHS


@pytest.mark.parametrize(("encoding", "separator"), list(product(MARKS, SEPARATORS[:2])))
def test_names_in_other_scripts_need_no_mark_where_lines_end(encoding: str, separator: str) -> None:
    paths = ["样本/细胞", "样本/血液样本", "образец/клетка"]
    assert list(read_paths(io.BytesIO(separator.join([*paths, ""]).encode(encoding)))) == paths


PATH = st.text(
    st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), min_size=1, max_size=30
).filter(lambda path: "\ufeff" not in path)


@settings(max_examples=50)
@given(
    st.lists(PATH, min_size=1, max_size=10),
    st.sampled_from(list(MARKS)),
    st.sampled_from(SEPARATORS),
)
def test_a_list_with_a_mark_gives_the_paths_that_were_written(
    paths: list[str], encoding: str, separator: str
) -> None:
    data = MARKS[encoding] + "".join(path + separator for path in paths).encode(encoding)
    assert list(read_paths(io.BytesIO(data))) == paths


@settings(max_examples=50)
@given(st.lists(st.binary(min_size=4, max_size=30), min_size=2, max_size=20))
def test_what_find_print0_writes_is_never_taken_for_another_encoding(names: list[bytes]) -> None:
    paths = [b"./" + bytes(max(byte, 32) for byte in name) for name in names]
    found = list(read_paths(io.BytesIO(b"".join(path + b"\0" for path in paths))))
    assert list(map(os.fsencode, found)) == paths


@given(st.binary(max_size=200))
def test_any_bytes_are_paths_or_refused(data: bytes) -> None:
    paths: list[str] = []
    with contextlib.suppress(CropUnreadable):
        paths += read_paths(io.BytesIO(data))
    assert all(paths)


def test_what_powershell_writes_is_a_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("cell-a.png", "cell-b.png"):
        Path(name).write_bytes(encoded(small_cell()))
    Path("list.txt").write_bytes("\ufeffcell-a.png\r\ncell-b.png\r\n".encode("utf-16-le"))
    assert [entry.file for entry in find_inputs(["@list.txt"])] == ["cell-a.png", "cell-b.png"]


def a_zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.txt", "text")
    return file.getvalue()


NO_LISTS = {
    **{f"image{suffix}": encoded(small_cell(), suffix) for suffix in (*LOSSLESS, ".jpg")},
    "archive.zip": a_zip(),
    "database": b"SQLite format 3\0" + bytes(100),
    "document.pdf": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
    "spreadsheet.xls": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100),
    "program": b"\x7fELF\x02\x01\x01" + bytes(9),
    "numbers": b"\x93NUMPY\x01\0v\0{'descr'}\n\0\0\x80?\0\0\0@",
    "noise": bytes(range(256)) * 4,
    "zeros": bytes(1000),
}


@pytest.mark.parametrize("name", NO_LISTS)
def test_a_file_that_is_no_text_is_refused_in_a_sentence(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(NO_LISTS[name])
    (entry,) = find_inputs([f"@{path}"])
    assert entry.error
    assert entry.error.reason == "unsupported"
    assert "this is no list of paths" in entry.error.message
    assert len(entry.error.message) < 200


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder, with the current folder and that of a list apart from it."""
    for folder in ("people/me/crops", "people/you", "work/now", "lists/today", "data/crops"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "people/me"))
    monkeypatch.chdir(tmp_path / "work/now")
    return tmp_path


@pytest.mark.parametrize(
    ("folder", "what"),
    [
        ("/", "the root of a disk"),
        ("//", "the root of a disk"),
        ("/home/someone", "a home folder"),
        ("people/me", "a home folder"),
        ("people", "above a home folder"),
        ("work/now", "the current folder"),
        ("work/now/../now/.", "the current folder"),
        ("work", "above the current folder"),
        ("lists/today", "the list's folder"),
        ("lists", "above the list's folder"),
        (".", "above"),
        ("link", "the root of a disk"),
    ],
)
def test_a_list_has_no_folder_searched_that_holds_everything(
    home: Path, folder: str, what: str
) -> None:
    (home / "link").symlink_to("/")
    error = refuse_to_search(os.path.join(home, folder), str(home / "lists/today"))
    assert error
    assert what in error.message
    assert "on the command line" in error.message


@pytest.mark.parametrize("folder", ["data", "data/crops", "people/me/crops", "work/now2"])
def test_a_list_has_other_folders_searched(home: Path, folder: str) -> None:
    assert refuse_to_search(str(home / folder), str(home / "lists/today")) is None


def test_dots_and_slashes_in_a_list_are_rows_and_the_rest_is_found(home: Path) -> None:
    (home / "work/now/a.png").touch()
    (home / "work/now/crops").mkdir()
    (home / "work/now/crops/b.png").touch()
    Path("list.txt").write_text("/\n.\n..\ncrops\na.png\n")
    found = {e.file: e.error.reason if e.error else None for e in find_inputs(["@list.txt"])}
    refused = dict.fromkeys(["/", ".", ".."], "unsupported")
    assert found == {**refused, "crops/b.png": None, "a.png": None}


def test_what_is_named_on_the_command_line_is_searched(home: Path) -> None:
    (home / "work/now/a.png").touch()
    assert [entry.file for entry in find_inputs(["."])] == ["./a.png"]


def test_a_list_is_read_while_it_is_written() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", buffering=0) as pipe, os.fdopen(writing, "wb", 0) as writer:
        paths = read_paths(_file(pipe))
        writer.write("\ufeffa.png\n".encode("utf-16-le"))
        assert next(paths) == "a.png"
        writer.write("ü.png\n".encode("utf-16-le"))
        assert next(paths) == "ü.png"


def _file(pipe: object) -> BinaryIO:
    return pipe  # type: ignore[return-value]
