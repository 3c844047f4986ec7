"""Sinks of one's own beside those of edge-all, and which output has failed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from command_helpers import edge_all
from conftest import ROOT
from edge_helpers import write_cells
from memory_sink import Memory
from sink_helpers import RUN, results

from edge.errors import OutputFailed
from edge.rows import Result
from edge.sinks import outputs, registry
from edge.sinks.outputs import Outputs, check_outputs, keeps_crops
from edge.sinks.registry import SinkKind, kind_of, register_sink, suffixes


@pytest.fixture(autouse=True)
def _memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Registered as another package would, for one test."""
    monkeypatch.setattr(registry, "_kinds", dict(registry._kinds))
    register_sink(SinkKind((".memory", ".mem"), "memory_sink:Memory"))


@pytest.fixture
def crops(tmp_path: Path) -> Path:
    folder = tmp_path / "crops"
    folder.mkdir()
    write_cells(folder, 5)
    return folder


def test_the_command_writes_into_a_sink_of_ones_own_and_goes_on(
    crops: Path, tmp_path: Path
) -> None:
    path = tmp_path / "x.MEM"
    assert edge_all("classify", crops, "--out", path).exit_code == 0
    whole = list(Memory.held[path])
    assert [row.index for row in whole] == list(range(5))
    del Memory.held[path][3:]
    done = edge_all("classify", crops, "--out", path, "--resume")
    assert "3 of them by an earlier run" in done.stdout
    assert [row.row() for row in Memory.held[path]] == [row.row() for row in whole]


def test_a_page_of_ones_own_is_named_by_report_and_gets_the_crops(
    crops: Path, tmp_path: Path
) -> None:
    register_sink(SinkKind((".sheet",), Memory, is_page=True, keeps_crops=True))
    path = tmp_path / "x.sheet"
    assert edge_all("classify", crops, "--out", path).exit_code == 2
    assert edge_all("classify", crops, "--report", path).exit_code == 0
    assert [row.crop is not None for row in Memory.held[path]] == [True] * 5


def test_a_suffix_nobody_registered_is_refused_with_those_there_are(tmp_path: Path) -> None:
    known = r"\.csv, \.jsonl, \.db, \.sqlite, \.memory or \.mem$"
    with pytest.raises(OutputFailed, match=rf"x\.txt: the name must end in {known}"):
        check_outputs([tmp_path / "x.txt"], None)
    with pytest.raises(OutputFailed, match=r"must end in \.html or \.htm$"):
        check_outputs([], tmp_path / "x.memory")
    with pytest.raises(OutputFailed, match=r"x\.txt: the name must end in"):
        Outputs([tmp_path / "x.txt"], RUN)


def test_what_may_wait_is_made_last(tmp_path: Path) -> None:
    made = []

    def noting(path: Path, run: object, resume: bool) -> Memory:
        made.append(path.suffix)
        return Memory(path, RUN, resume)

    known = suffixes(is_page=False)
    assert [each for each in known if kind_of(Path(f"x{each}")).may_wait] == [".csv", ".jsonl"]
    register_sink(SinkKind((".slow",), noting, may_wait=True))
    register_sink(SinkKind((".quick",), noting))
    with Outputs([tmp_path / "x.slow", tmp_path / "x.quick"], RUN):
        assert made == [".quick", ".slow"]


def test_only_a_page_keeps_crops() -> None:
    assert keeps_crops([Path("x.csv"), Path("x.HTML")])
    assert not keeps_crops([Path("x.csv"), Path("x.db"), Path("x.memory")])


def test_what_is_not_written_is_not_imported() -> None:
    code = (
        "import sys; from pathlib import Path; from edge.sinks.outputs import check_outputs;"
        "check_outputs([Path('x.csv'), Path('x.db')], Path('x.html')); print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not {"sqlite3", "edge.sinks.text", "edge.sinks.store"} & set(done.stdout.split())


class Failing(Memory):
    """A sink whose named method fails."""

    method = ""

    def __init__(self, path: Path, run: object, resume: bool) -> None:
        super().__init__(path, RUN, resume)
        self._fail("make")

    def _fail(self, method: str) -> None:
        if method == self.method:
            raise OutputFailed("no space")

    def begin(self) -> None:
        self._fail("begin")

    def write(self, result: Result) -> None:
        self._fail("write")

    def flush(self) -> None:
        self._fail("flush")

    def __exit__(self, *_: object) -> None:
        self._fail("exit")


@pytest.mark.parametrize("method", ["make", "begin", "write", "flush", "exit"])
def test_a_failure_says_which_output_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.setattr(Failing, "method", method)
    monkeypatch.setattr(outputs, "FLUSH_SECONDS", 0.01)
    register_sink(SinkKind((".failing",), Failing))
    paths = [tmp_path / name for name in ("a.csv", "b.failing", "c.memory")]
    with pytest.raises(OutputFailed, match="no space") as failed, Outputs(paths, RUN) as files:  # noqa: PT012
        for result in results(100):
            files.write(result)
    assert failed.value.path == paths[1]


def test_a_full_disk_names_the_file_as_it_was_given(tmp_path: Path) -> None:
    (tmp_path / "full.csv").symlink_to("/dev/full")
    with pytest.raises(OutputFailed) as failed:
        Outputs([tmp_path / "r.jsonl", tmp_path / "full.csv"], RUN)
    assert failed.value.path == tmp_path / "full.csv"
