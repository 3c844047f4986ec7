"""``edge-all`` as a process of its own: streams, signals and terminals."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import time
from pathlib import Path

import pytest
from command_helpers import EDGE_ALL
from edge_helpers import encoded, small_cell, write_cells


def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*EDGE_ALL, *map(str, arguments)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )


@pytest.fixture
def crops(tmp_path: Path) -> Path:
    """A folder of 3 cells."""
    folder = tmp_path / "crops"
    folder.mkdir()
    write_cells(folder, 3)
    return folder


def test_a_run_puts_results_on_stdout_and_nothing_on_stderr(crops: Path) -> None:
    done = run("classify", crops)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 1 + 3 + 3
    assert "\x1b" not in done.stdout  # no colours in a pipe
    assert done.stdout.endswith("\nResearch software: this is not a diagnosis.\n")


def test_a_bad_file_is_named_on_stderr_and_the_run_goes_on(crops: Path) -> None:
    (crops / "cell-01.png").write_bytes(b"")
    done = run("classify", crops)
    assert done.returncode == 1
    assert [line.split()[0] for line in done.stdout.splitlines()[1:4]].index("failed") == 1
    assert done.stderr.startswith(f"failed: {crops}/cell-01.png: empty: ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["classify", "no/such/folder"], 2, "error: no such file or folder: no/such/folder\n"),
        (["classify", ".", "--out", "x.txt"], 2, "error: x.txt: the name must end in "),
        (["doctor", "--model", "none.tflite"], 4, "model file refused (missing): none.tflite "),
    ],
    ids=["no match", "unknown suffix", "no model"],
)
def test_what_cannot_work_ends_in_one_sentence(
    arguments: list[str], code: int, sentence: str
) -> None:
    done = run(*arguments)
    assert done.returncode == code
    assert done.stderr.startswith(sentence)
    assert len(done.stderr.splitlines()) == 1


def test_wrong_options_are_exit_code_2_without_a_traceback() -> None:
    done = run("classify", "--no-such-option")
    assert done.returncode == 2
    assert "--no-such-option" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_terminal_that_knows_ascii_only_does_not_stop_a_run(tmp_path: Path) -> None:
    (tmp_path / "zellé.png").write_bytes(encoded(small_cell()))
    (tmp_path / "ü.png").write_bytes(b"")
    done = run("classify", tmp_path, PYTHONIOENCODING="ascii:strict", PYTHONUTF8="0")
    assert done.returncode == 1
    assert "/zell" in done.stdout
    assert rf"failed: {tmp_path}/\xfc.png: empty: " in done.stderr


def test_a_folder_whose_name_is_not_utf_8_can_be_filled_and_classified(tmp_path: Path) -> None:
    folder = os.fsdecode(bytes(tmp_path) + b"/\xff")
    drawn, classified = run("samples", folder, "-n", 1), run("classify", folder)
    assert (drawn.returncode, drawn.stderr) == (0, "")
    assert (classified.returncode, classified.stderr) == (0, "")
    assert r"\xff/cell-000.png" in classified.stdout


def test_a_reader_that_leaves_early_gets_no_traceback(crops: Path) -> None:
    with subprocess.Popen(
        [*EDGE_ALL, "classify", *["cell-00.png"] * 150],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=crops,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_a_full_disk_behind_stdout_is_one_sentence(crops: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*EDGE_ALL, "classify", "."], stdout=full, stderr=subprocess.PIPE, cwd=crops
        )
    assert done.returncode == 2
    assert done.stderr.decode() == (
        "error: cannot write the results: No space left on device; check the free space\n"
    )


def test_ctrl_c_ends_a_run_with_a_sentence_and_keeps_the_rows(crops: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    arguments = [*EDGE_ALL, "classify", *["cell-00.png"] * 3000, "--out", str(out)]
    arguments += ["--threads", "1"]
    with subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True, cwd=crops) as process:
        assert process.stderr is not None
        while process.poll() is None and not (out.exists() and out.stat().st_size > 500):
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        message = process.stderr.read()
    assert process.returncode == 130
    assert message.startswith("interrupted after ")
    rows = out.read_text().splitlines()
    assert 1 < len(rows) < 3000
    assert all(row.count(",") == rows[0].count(",") for row in rows)


def test_progress_shows_on_a_terminal(crops: Path, tmp_path: Path) -> None:
    terminal, other_end = pty.openpty()
    done = subprocess.run(
        [*EDGE_ALL, "classify", str(crops), "--out", str(tmp_path / "out.csv")],
        stdout=subprocess.PIPE,
        stderr=other_end,
        text=True,
        env={**os.environ, "TERM": "xterm"},
    )
    os.close(other_end)
    shown = os.read(terminal, 100_000).decode()
    os.close(terminal)
    assert done.returncode == 0
    assert "classifying" in shown
    assert "classifying" not in done.stdout
