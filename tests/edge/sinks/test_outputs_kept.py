"""Whose file an output would replace: inputs, foreign files and those of other runs are kept."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest
from sink_helpers import RUN, database_rows, result, results, take

from edge.errors import EdgeAllError, OutputFailed
from edge.sinks.figures import check_figures, save_figures
from edge.sinks.outputs import Outputs, check_outputs
from edge.whole_file import remove_abandoned

NAMES = ("r.csv", "r.jsonl", "r.db", "r.sqlite", "r.html")
FOREIGN = {
    "r.csv": [
        b"name,age\nx,1\n",
        b"hello",
        b"source,file\n",
        b"\xff\xfes\0o\0",
        b"source,file,index,label,decision,p_leukemia,logit_hem,logit_all,quality,model,"
        b"model_sha256,error,my notes\n",
    ],
    "r.jsonl": [b"{}\n", b"[" * 100_000 + b"\n", b'{"source": 1}\n', b"hello", b"\0" * 50],
    "r.db": [b"no database" * 100, b"x"],
    "r.sqlite": [b"no database" * 100],
    "r.html": [b"<!DOCTYPE html><title>Mine</title>", b"hello", b"<html>"],
}
RESUME = pytest.mark.parametrize("resume", [False, True], ids=["anew", "resume"])


def write(path: Path, n: int = 3, resume: bool = False) -> None:
    """Write results as a run does."""
    out, report = ([], path) if path.suffix == ".html" else ([path], None)
    with Outputs(check_outputs(out, report), RUN, resume) as outputs:
        for each in results(n):
            if not take(outputs, each):
                outputs.write(each)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@RESUME
@pytest.mark.parametrize(
    ("name", "theirs"), [(name, theirs) for name in NAMES for theirs in FOREIGN[name]]
)
def test_a_file_that_edge_all_did_not_write_is_kept(
    tmp_path: Path, name: str, theirs: bytes, resume: bool
) -> None:
    (tmp_path / name).write_bytes(theirs)
    with pytest.raises(EdgeAllError, match=rf"{name}.*name another file"):
        write(tmp_path / name, resume=resume)
    assert content(tmp_path) == {name: theirs}


@pytest.mark.parametrize("name", ["r.db", "r.sqlite"])
def test_a_database_of_another_program_is_kept(tmp_path: Path, name: str) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / name)) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    before = content(tmp_path)
    with pytest.raises(OutputFailed, match="a database of another program; name another file"):
        write(tmp_path / name)
    assert content(tmp_path) == before


def test_a_foreign_file_where_a_page_gathers_results_is_kept(tmp_path: Path) -> None:
    (tmp_path / "r.html.unfinished").write_bytes(b"theirs" * 100)
    with pytest.raises(OutputFailed, match="file is not a database; name another file"):
        write(tmp_path / "r.html")
    assert content(tmp_path) == {"r.html.unfinished": b"theirs" * 100}


@RESUME
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("there", ["empty", "own", "linked"])
def test_an_empty_file_and_an_own_one_are_taken(
    tmp_path: Path, name: str, there: str, resume: bool
) -> None:
    (tmp_path / "there").mkdir()
    path = tmp_path / "there" / name
    if there == "empty":
        path.touch()
    else:
        write(path, 2)
    if there == "linked":
        (tmp_path / name).symlink_to(path)
    write(tmp_path / name if there == "linked" else path, 3, resume)
    assert (tmp_path / name).is_symlink() == (there == "linked")
    assert [each.name for each in path.parent.iterdir()] == [name]
    assert b"crops/2/" in path.read_bytes()


@RESUME
@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_another_run_is_writing_is_refused_and_nothing_is_changed(
    tmp_path: Path, name: str, resume: bool
) -> None:
    if name.endswith((".db", ".sqlite")) and not resume:
        pytest.skip("runs may share a database")
    others = [tmp_path / other for other in NAMES if other != name]
    with Outputs([tmp_path / name], RUN) as first:
        first.write(result(0))
        for other in others:
            write(other, 2)
        before = content(tmp_path)
        for each in ([tmp_path / name], [*others, tmp_path / name]):
            with pytest.raises(OutputFailed, match=rf"{name}: another run is writing it; wait"):
                Outputs(each, RUN, resume)
        assert content(tmp_path).keys() >= before.keys()
        after = content(tmp_path)
        for text in ("r.csv", "r.jsonl", "r.html"):
            assert after.get(text) == before.get(text)
    for database in {"r.db", "r.sqlite"} - {name}:
        assert not database_rows(tmp_path / database, 2)
    write(tmp_path / name, 3, resume)  # the lock has ended with the run
    assert not list(tmp_path.glob(".*"))


def test_a_second_start_of_the_same_command_leaves_the_first_one_its_page(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("r.csv", "r.html")]
    with Outputs(paths, RUN) as first:
        for each in results(3):
            first.write(each)
        with pytest.raises(OutputFailed, match="another run is writing it"):
            Outputs(paths, RUN)
    assert b"crops/2/" in paths[1].read_bytes()


def test_a_refused_run_leaves_nothing_where_nothing_was(tmp_path: Path) -> None:
    (tmp_path / "r.jsonl").write_text("theirs")
    with pytest.raises(OutputFailed, match="no result file of edge-all"):
        Outputs([tmp_path / name for name in NAMES], RUN)
    assert content(tmp_path) == {"r.jsonl": b"theirs"}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["folder", "pipe", "device"])
def test_what_is_no_file_is_refused_at_the_start(tmp_path: Path, name: str, kind: str) -> None:
    if kind != "folder" and name in ("r.csv", "r.jsonl"):
        pytest.skip("text goes into pipes")
    path = tmp_path / name
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(os.devnull)
    with pytest.raises(OutputFailed, match=rf"cannot write .*{name}"):
        write(path)
    assert [each.name for each in tmp_path.iterdir()] == [name]


def files(folder: Path, name: str) -> Path:
    """An empty output, which any run may take, and things that lead to it."""
    (folder / "crops").mkdir()
    path = folder / "out" / name
    path.parent.mkdir()
    path.touch()
    (folder / "crops" / "link.png").symlink_to(path)
    (folder / "crops" / "hard.png").hardlink_to(path)
    (folder / "list.txt").write_text(f"a.png\n{path}\n")
    (folder / "folders.txt").write_text(f"{folder}/crops\n")
    (folder / "relative.txt").write_text(f"{os.path.relpath(path)}\n")
    return path


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "source",
    [
        "out/{}",
        "crops/../out/{}",
        "crops/link.png",
        "crops/hard.png",
        "crops",
        "crops/*",
        "cr*",
        "**/*.png",
        "out/*",
        "ou*/r.*",
        "**",
        "@out/{}",
        "@crops/link.png",
        "@list.txt",
        "@relative.txt",
        "@folders.txt",
    ],
)
def test_an_output_that_is_an_input_is_refused(tmp_path: Path, name: str, source: str) -> None:
    path = files(tmp_path, name)
    at = "@" if source.startswith("@") else ""
    given = f"{at}{tmp_path}/{source.removeprefix('@').format(name)}"
    out, report = ([], path) if name == "r.html" else ([path], None)
    with pytest.raises(OutputFailed, match=f"{name}: it is an input of this run"):
        check_outputs(out, report, [given])


@pytest.mark.parametrize(
    "source", ["out/*", "@list.txt", "**", "out/r.c?v", "out/r.csv", "@out/r.csv"]
)
def test_an_output_that_would_be_read_back_is_refused_before_it_is_there(
    tmp_path: Path, source: str
) -> None:
    path = files(tmp_path, "r.csv")
    path.unlink()
    given = f"{'@' * source.startswith('@')}{tmp_path}/{source.removeprefix('@')}"
    with pytest.raises(OutputFailed, match="it is an input of this run"):
        check_outputs([path], None, [given])


def test_an_output_that_leads_to_a_new_image_in_a_source_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "crops").mkdir()
    (tmp_path / "r.csv").symlink_to(tmp_path / "crops" / "new.png")
    with pytest.raises(OutputFailed, match="it is an input of this run"):
        check_outputs([tmp_path / "r.csv"], None, [str(tmp_path / "crops")])


@pytest.mark.parametrize("source", ["crops", "crops/*.png", "@list.txt", "http://h/r.csv", "none"])
@pytest.mark.parametrize("name", NAMES)
def test_an_output_beside_the_inputs_is_taken(tmp_path: Path, name: str, source: str) -> None:
    (tmp_path / "crops").mkdir()
    (tmp_path / "crops" / "a.png").touch()
    path = tmp_path / "crops" / name
    write(path)
    (tmp_path / "list.txt").write_text(f"{tmp_path}/crops/a.png\nhttp://h/{name}\n")
    given = source if "://" in source else f"{tmp_path}/{source}"
    given = f"@{tmp_path}/list.txt" if source.startswith("@") else given
    out, report = ([], path) if name == "r.html" else ([path], None)
    assert check_outputs(out, report, [given]) == [path]


def test_two_names_of_one_file_are_named_twice(tmp_path: Path) -> None:
    (tmp_path / "a.csv").touch()
    (tmp_path / "b.csv").hardlink_to(tmp_path / "a.csv")
    with pytest.raises(OutputFailed, match=r"b\.csv is named twice"):
        check_outputs([tmp_path / "a.csv", tmp_path / "b.csv"], None)


def test_what_a_killed_process_left_of_a_page_goes_at_the_next_start(tmp_path: Path) -> None:
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"],
                          capture_output=True, text=True, check=True).stdout.strip()  # fmt: skip
    kept = [f".r.html.{os.getppid()}", ".r.html.x", f".s.html.{dead}", f"r.html.{dead}"]
    for name in (*kept, f".r.html.{dead}"):
        (tmp_path / name).write_text("half a page")
    with Outputs([tmp_path / "r.html"], RUN):
        assert not (tmp_path / f".r.html.{dead}").exists()
    assert {path.name for path in tmp_path.iterdir()} == {*kept, "r.html"}
    remove_abandoned(tmp_path / "r.html")
    assert {path.name for path in tmp_path.iterdir()} == {*kept, "r.html"}


@dataclass(frozen=True)
class Figures:
    """Figures of a test."""

    cells: int


@pytest.mark.parametrize("theirs", [b"x", b"[1]", b"{}", b'{"cells": 1, "x": 2}', b"[" * 100_000])
def test_figures_replace_nothing_but_figures(tmp_path: Path, theirs: bytes) -> None:
    path = tmp_path / "figures.json"
    for _ in range(2):
        check_figures(path, Figures)
        save_figures(path, asdict(Figures(3)))
    assert content(tmp_path) == {"figures.json": b'{\n  "cells": 3\n}\n'}
    path.write_bytes(theirs)
    with pytest.raises(OutputFailed, match="no file of figures of edge-all and would be lost"):
        check_figures(path, Figures)
    for wrong in (tmp_path, tmp_path / "missing" / "x.json", Path(os.devnull)):
        with pytest.raises(OutputFailed, match="cannot write"):
            check_figures(wrong, Figures)
