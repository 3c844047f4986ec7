"""Results that edge-all 0.1.0 wrote: gone on with, not refused, and kept as they are.

``tests/data/written-by-0.1.0`` was written by that version, over the first four drawn cells.
"""

from __future__ import annotations

import contextlib
import csv
import json
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command_helpers import edge_all
from conftest import ROOT
from databases import query
from sink_helpers import COLUMNS, RUN

from edge.crops.drawn import write_samples
from edge.engine.runtime import find_runtime
from edge.models.model_file import SHIPPED_MODEL, read_model_file
from edge.rows import FIRST_COLUMNS, Result
from edge.samples import Sample
from edge.sinks.outputs import Outputs

WRITTEN = ROOT / "tests" / "data" / "written-by-0.1.0"
NAMES = ("results.csv", "results.jsonl", "results.db")
SHA256 = "2dfc089f527deb9cac2ea726ba9aa97ff6393880863749e92c000ebc4c2a3fb7"
FILES = [f"cells/cell-{n:03d}.png" for n in range(7)]


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn") / "cells"
    write_samples(folder, 7)
    return folder


@pytest.fixture
def folder(cells: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with what 0.1.0 wrote in it, and three cells more."""
    for name in NAMES:
        shutil.copy(WRITTEN / name, tmp_path / name)
    (tmp_path / "cells").symlink_to(cells)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def classify(*arguments: object) -> str:
    """Classify with the model file that 0.1.0 shipped, of schema 1."""
    done = edge_all("classify", "cells", "--model", WRITTEN / "cnn.tflite", *arguments)
    assert done.exit_code == 0, done.output
    return done.stdout


def rows(path: Path) -> list[dict[str, object]]:
    """Rows as another program reads them, empty fields as None."""
    if path.suffix == ".db":
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.row_factory = sqlite3.Row
            found = map(dict, connection.execute("SELECT * FROM results ORDER BY rowid"))
            return [{**row, "index": row["idx"]} for row in found]
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in text.splitlines()]
    return [
        {name: value or None for name, value in row.items()}
        for row in csv.DictReader(text.splitlines())
    ]


@pytest.mark.parametrize("outputs", [NAMES, *((name,) for name in NAMES)], ids=str)
def test_a_run_of_0_1_0_goes_on_with_every_cell_once(folder: Path, outputs: tuple[str]) -> None:
    before = {name: rows(folder / name) for name in outputs}
    options = [word for name in outputs for word in ("--out", name)]
    said = classify(*options, "--resume")
    assert said.startswith("7 cells: ")
    assert "0 failed, 4 of them by an earlier run" in said
    for name in outputs:
        found = rows(folder / name)
        assert [row["file"] for row in found] == FILES
        assert [int(str(row["index"])) for row in found] == list(range(7))
        for old, new in zip(before[name], found, strict=False):
            assert {column: new[column] for column in FIRST_COLUMNS} == {
                column: old[column] for column in FIRST_COLUMNS
            }
        assert [row.get("sample") for row in found] == [None] * 4 + FILES[4:]
    assert "7 of them by an earlier run" in classify(*options, "--resume")


@pytest.mark.skipif(
    find_runtime().name != "ai-edge-litert", reason="kernels of another runtime round otherwise"
)
def test_a_model_file_of_the_first_schema_decides_byte_for_byte_as_it_did(folder: Path) -> None:
    classify("--out", "new.csv")
    old, new = (
        (place / name).read_text().splitlines()
        for place, name in (
            (WRITTEN, "results.csv"),
            (folder, "new.csv"),
        )
    )
    assert [line.split(",")[: len(FIRST_COLUMNS)] for line in new[: len(old)]] == [
        line.split(",") for line in old
    ]


def test_the_shipped_network_is_still_the_one_of_the_first_schema() -> None:
    first, shipped = map(read_model_file, (WRITTEN / "cnn.tflite", SHIPPED_MODEL))
    assert first.flatbuffer == shipped.flatbuffer
    assert np.array_equal(first.golden.inputs, shipped.golden.inputs)
    assert np.array_equal(first.golden.logits, shipped.golden.logits)


def test_the_old_columns_stay_byte_for_byte(folder: Path) -> None:
    classify("--out", "results.csv", "--out", "results.jsonl", "--resume")
    old, new = ((place / "results.csv").read_bytes().splitlines() for place in (WRITTEN, folder))
    assert new[0].decode() == ",".join(COLUMNS)
    assert new[1:5] == [line + b"," * (len(COLUMNS) - len(FIRST_COLUMNS)) for line in old[1:]]
    jsonl = (folder / "results.jsonl").read_bytes()
    assert jsonl.startswith((WRITTEN / "results.jsonl").read_bytes())


def test_a_database_of_version_1_becomes_the_one_that_is_written_today(folder: Path) -> None:
    assert query(folder / "results.db", "PRAGMA user_version") == [(1,)]
    classify("--out", "results.db")  # a run of its own
    classify("--out", "new.db")
    assert query(folder / "results.db", "PRAGMA user_version") == [(6,)]
    for table in ("models", "runs", "results"):
        columns = f"PRAGMA table_info({table})"
        assert query(folder / "results.db", columns) == query(folder / "new.db", columns)
    assert query(folder / "results.db", "SELECT run_id, count(*) FROM results GROUP BY 1") == [
        (1, 4),
        (2, 7),
    ]


@pytest.fixture
def old_csv(folder: Path) -> Iterator[Path]:
    """A file of 0.1.0 that was cut off in a row, with rights of its own, behind a link."""
    path, link = folder / "results.csv", folder / "link.csv"
    path.write_bytes(path.read_bytes() + b"cells,cut o")
    path.chmod(0o640)
    link.symlink_to(path)
    yield link
    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o640
    assert not list(folder.glob(".*"))


def test_a_csv_is_converted_in_its_place(old_csv: Path) -> None:
    classify("--out", old_csv, "--resume")
    assert [row["file"] for row in rows(old_csv)] == FILES


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_changed_since_is_decided_again(folder: Path, name: str) -> None:
    run = replace(RUN, sources=("cells",), model_sha256=SHA256)
    again = Result(
        "cells", FILES[1], 4, "cnn", SHA256, error="empty", supersedes=1, sample=FILES[1]
    )
    with Outputs([folder / name], run, resume=True) as outputs:
        for file in FILES[:4]:
            assert outputs.earlier(Sample("cells", file), "cnn", SHA256)
        assert outputs.earlier(Sample("cells", FILES[1]), "cnn", SHA256) is None
        assert outputs.next_index == 4
        outputs.write(again)
    assert [row.get("supersedes") for row in rows(folder / name)][-1] in (1, "1")
    if name == "results.db":
        assert query(folder / name, "SELECT idx FROM results WHERE superseded_by = 4") == [(1,)]
