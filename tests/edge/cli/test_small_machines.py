"""Little memory, and one processor: it works or says why not, in one sentence."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from edge.cli.command import is_short_of_memory
from edge.crops.drawn import write_samples

TOO_LITTLE, ENOUGH = 200_000_000, 1_500_000_000
"""Bytes of addresses: libraries alone take more than the first."""


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cells")
    write_samples(folder, 3)
    return folder


def classify(cells: Path, memory: int, *options: str) -> subprocess.CompletedProcess[str]:
    """Classify with so many bytes of addresses."""
    return subprocess.run(
        [sys.executable, "-m", "edge.cli", "classify", str(cells), *options],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (memory, memory)),
        capture_output=True,
        text=True,
    )


def test_with_too_little_memory_a_sentence_says_so(cells: Path) -> None:
    done = classify(cells, TOO_LITTLE)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("error: there is too little memory")
    assert "Traceback" not in done.stderr


def test_half_the_memory_of_a_small_board_is_enough(cells: Path) -> None:
    done = classify(cells, ENOUGH, "--threads", "1")
    assert done.returncode == 0, done.stderr
    assert "3 cells: " in done.stdout


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="only Linux pins processors")
def test_on_one_processor_one_network_runs(cells: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "edge.cli", "classify", str(cells), "--verbose"],
        preexec_fn=lambda: os.sched_setaffinity(0, [min(os.sched_getaffinity(0))]),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "1 interpreter of 1 thread" in done.stderr


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        ImportError("libswresample.so.6: failed to map segment from shared object"),
        ImportError("libtflite.so: cannot allocate memory in static TLS block"),
        RuntimeError("can't start new thread"),
        RuntimeError("std::bad_alloc"),
    ],
    ids=repr,
)
def test_what_libraries_say_where_memory_is_short_is_understood(error: Exception) -> None:
    assert is_short_of_memory(error)
    later = ImportError("numpy cannot be imported")
    later.__cause__ = error
    assert is_short_of_memory(later)


@pytest.mark.parametrize(
    "message",
    [
        "libGL.so.1: cannot open shared object file",
        "numpy.core.multiarray failed to import",
        "no module named cv2",
        "",
    ],
)
def test_other_errors_are_not_taken_for_it(message: str) -> None:
    assert not is_short_of_memory(ImportError(message))
