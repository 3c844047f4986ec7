"""Standard streams that are closed, full, or gone: a run goes on without them."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from command_helpers import EDGE_ALL
from databases import query
from edge_helpers import write_cells
from sink_helpers import database_rows

CLOSED = [some for n in (1, 2, 3) for some in itertools.combinations(range(3), n)]


def run_without(closed: tuple[int, ...], *arguments: object) -> subprocess.CompletedProcess[bytes]:
    """Run a command with standard streams closed, as a shell does by ``<&- >&- 2>&-``."""
    redirections = " ".join(f"{number}{'<' if number == 0 else '>'}&-" for number in closed)
    return subprocess.run(
        ["sh", "-c", f'exec "$@" {redirections}', "sh", *EDGE_ALL, *map(str, arguments)],
        capture_output=True,
        stdin=subprocess.DEVNULL,
    )


@pytest.fixture(scope="module")
def crops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 3 cells and a file that is none."""
    folder = tmp_path_factory.mktemp("crops")
    write_cells(folder, 3)
    (folder / "bad.png").write_bytes(b"")
    return folder


@pytest.mark.parametrize(
    "closed",
    [pytest.param(c, marks=[pytest.mark.slow] if len(c) == 2 else []) for c in CLOSED],
    ids=str,
)
def test_a_run_without_streams_writes_its_outputs(
    crops: Path, tmp_path: Path, closed: tuple[int, ...]
) -> None:
    outputs = ["--out", tmp_path / "r.db", "--out", tmp_path / "r.csv"]
    done = run_without(closed, "classify", crops, *outputs, "--report", tmp_path / "r.html")
    assert done.returncode == 1
    assert len((tmp_path / "r.csv").read_text().splitlines()) == 5
    assert len(database_rows(tmp_path / "r.db")) == 4
    assert query(tmp_path / "r.db", "PRAGMA integrity_check") == [("ok",)]
    assert (tmp_path / "r.html").exists()
    assert b"Traceback" not in done.stderr
    assert done.stdout.startswith(b"4 cells: ") == (1 not in closed)
    assert done.stderr.startswith(b"failed: ") == (2 not in closed)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["--version"], 0), (["classify", "-"], 2), (["samples", "{}", "-n", "1"], 0)],
    ids=lambda value: str(value),
)
@pytest.mark.parametrize("closed", [(0, 1), (2,)], ids=str)
def test_other_commands_end_as_ever(
    tmp_path: Path, arguments: list[str], code: int, closed: tuple[int, ...]
) -> None:
    done = run_without(closed, *(each.format(tmp_path / "drawn") for each in arguments))
    assert done.returncode == code
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("stream", ["stderr", "stdout"])
def test_a_disk_full_of_messages_stops_no_results(crops: Path, tmp_path: Path, stream: str) -> None:
    out = tmp_path / "r.csv"
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*EDGE_ALL, "classify", str(crops), "--out", str(out)],
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, stream: full},
        )
    assert len(out.read_text().splitlines()) == 5
    assert done.returncode == (
        1 if stream == "stderr" else 2
    )  # the summary is lost, and it says so


HANGUP = """
import os, pty, signal, sys, time
child, terminal = pty.fork()
if child == 0:
    os.execv(sys.argv[1], sys.argv[1:])
while not os.path.exists(sys.argv[-1] + ".unfinished"):
    time.sleep(0.01)
os.read(terminal, 100)
os.close(terminal)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_terminal_that_goes_away_leaves_a_page(crops: Path, tmp_path: Path) -> None:
    page = tmp_path / "r.html"
    command = [*EDGE_ALL, "classify", *["cell-00.png"] * 20_000, "--report", str(page)]
    done = subprocess.run(
        [sys.executable, "-c", HANGUP, *command],
        cwd=crops,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
        capture_output=True,
        text=True,
    )
    assert done.stdout == "129\n"
    assert "not finished" in page.read_text()
