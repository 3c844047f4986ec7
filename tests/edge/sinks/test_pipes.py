"""Results into a named pipe: it waits for its reader, and no row is lost without a word."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import threading
import time
from pathlib import Path

import pytest
from command_helpers import EDGE_ALL
from edge_helpers import write_cells
from sink_helpers import RUN, begun, results

from edge.errors import OutputFailed
from edge.process import interrupts
from edge.process.interrupts import Interrupted, Interrupts, Patience
from edge.sinks.outputs import Outputs
from edge.sinks.pipe import Pipe
from edge.sinks.text import ResultFile

LARGE = b"x" * 1_000_000  # more than any pipe holds


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    path = tmp_path / "p.csv"
    os.mkfifo(path)
    return path


@pytest.fixture(autouse=True)
def _asked() -> None:
    interrupts._asked.clear()


def read_from(path: Path, size: int = -1) -> tuple[threading.Thread, list[bytes]]:
    """Read a pipe in a thread, all of it or so many bytes."""
    found: list[bytes] = []

    def read() -> None:
        with path.open("rb", buffering=0) as file:
            found.append(file.read(size) if size > 0 else file.read())

    thread = threading.Thread(target=read)
    thread.start()
    return thread, found


def test_a_slow_reader_gets_every_row(pipe: Path, tmp_path: Path) -> None:
    thread, found = read_from(pipe)
    with Outputs([pipe, tmp_path / "r.csv"], RUN) as outputs:
        for each in results(2000):
            outputs.write(each)
    thread.join()
    assert found == [(tmp_path / "r.csv").read_bytes()]


def test_a_pipe_waits_for_its_reader(pipe: Path) -> None:
    later = threading.Timer(0.2, lambda: readers.append(read_from(pipe)))
    readers: list[tuple[threading.Thread, list[bytes]]] = []
    later.start()
    with begun(ResultFile(pipe, RUN)) as file:
        file.write(results(1)[0])
    later.join()
    readers[0][0].join()
    assert len(readers[0][1][0].splitlines()) > 1


@pytest.mark.parametrize("data", [LARGE, b"few"], ids=["while it writes", "at the end"])
def test_a_reader_that_leaves_is_said(pipe: Path, data: bytes) -> None:
    thread, _ = read_from(pipe, 1)
    out = Pipe(pipe)
    with pytest.raises(OutputFailed, match=r"its reader has left, and results that were not read"):  # noqa: PT012
        out.write(data)
        thread.join()
        out.finish()
    thread.join()
    with pytest.raises(OutputFailed, match="its reader has left"):
        out.write(b"more")
    out.close()


@pytest.mark.parametrize("data", [LARGE, b"few"], ids=["while it writes", "at the end"])
def test_whoever_is_asked_to_end_does_not_wait_for_a_reader_that_sleeps(
    pipe: Path, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interrupts, "_GRACE", 0.1)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    out = Pipe(pipe)
    threading.Timer(0.2, interrupts.ask_to_end).start()
    with pytest.raises(OutputFailed, match="its reader takes no more"):  # noqa: PT012
        out.write(data)
        out.finish()
    out.close()
    os.close(reader)


def test_a_second_run_into_a_pipe_is_refused(pipe: Path) -> None:
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    out = Pipe(pipe)
    with pytest.raises(OutputFailed, match="another run is writing it"):
        Pipe(pipe)
    out.abandon()
    os.close(reader)


def test_a_signal_while_a_result_is_held_ends_the_run_as_interrupted() -> None:
    with Interrupts() as held, pytest.raises(Interrupted) as caught, held.held():  # noqa: PT012
        signal.raise_signal(signal.SIGTERM)
        assert not Patience().is_over()  # others get a little time
        raise OutputFailed("not written")
    assert caught.value.exit_code == 143
    assert str(caught.value.unwritten) == "not written"


def start(folder: Path, *arguments: object) -> subprocess.Popen[str]:
    write_cells(folder, 1)
    return subprocess.Popen(
        [*EDGE_ALL, "classify", *["cell-00.png"] * 3000, *map(str, arguments)],
        cwd=folder,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_run_that_waits_for_a_reader_can_be_interrupted(
    pipe: Path, tmp_path: Path, number: int
) -> None:
    with start(tmp_path, "--out", pipe) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == f"waiting for a reader of {pipe}; Ctrl-C ends it\n"
        process.send_signal(number)
        assert process.wait(20) == 128 + number
        assert process.stderr.read().startswith("interrupted after 0 inputs")


def test_a_run_whose_reader_sleeps_ends_at_sigterm_and_says_what_was_lost(
    pipe: Path, tmp_path: Path
) -> None:
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with start(tmp_path, "--out", pipe, "--out", tmp_path / "r.csv") as process:
        out = tmp_path / "r.csv"
        seen = -1
        while not out.exists() or not out.stat().st_size or seen != out.stat().st_size:
            seen = out.stat().st_size if out.exists() else -1  # until the pipe is full
            time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 143
        assert process.stderr is not None
        said = process.stderr.read()
    os.close(reader)
    assert "its reader takes no more, and results that were not read are lost" in said
    assert "interrupted after " in said


def test_a_run_that_waits_for_a_database_ends_at_sigterm(tmp_path: Path) -> None:
    path = tmp_path / "r.db"
    with Outputs([path], RUN):
        pass
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    begun = time.monotonic()
    with start(tmp_path, "--out", path) as process:
        time.sleep(1.5)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) in (143, -signal.SIGTERM)  # the latter where it was not there yet
    assert time.monotonic() - begun < 20
    other.close()
