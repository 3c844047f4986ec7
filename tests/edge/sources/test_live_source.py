"""``edge-all classify -`` beside a program that names a path now and then."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from edge_helpers import write_cells
from sink_helpers import RUN, results, take

from edge.sinks.outputs import Outputs


@pytest.fixture
def process(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A run that waits for paths."""
    command = [sys.executable, "-c", "from edge.cli.main import main; main()", "classify", "-"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        yield process
        process.kill()


def test_a_result_comes_before_the_next_path_and_ctrl_c_ends_the_wait(
    process: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    lines = [b""]
    for path in write_cells(tmp_path, 3):
        process.stdin.write(bytes(path) + b"\n")
        process.stdin.flush()
        if lines == [b""]:
            lines = [process.stdout.readline()]  # the heading
        lines.append(process.stdout.readline())
        assert bytes(path) in lines[-1]
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    assert process.stderr.read() == b"interrupted after 3 inputs\n"


def test_the_end_of_the_paths_is_the_end_of_the_run(
    process: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    paths = b"\n".join(map(bytes, write_cells(tmp_path, 3)))
    out, err = process.communicate(paths, timeout=20)
    assert (process.returncode, err) == (0, b"")
    assert b"\n3 cells: " in out


@pytest.mark.parametrize("name", ["out.csv", "out.db"])
def test_a_source_still_read_ahead_cannot_touch_outputs_that_are_closed(
    tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    with Outputs([path], RUN) as outputs:
        for result in results(3):
            outputs.write(result)
    with Outputs([path], RUN, resume=True) as outputs:
        assert take(outputs, results(3)[0]) is not None
    before = path.read_bytes()
    assert take(outputs, results(3)[1]) is None
    outputs.check_end()
    assert path.read_bytes() == before
