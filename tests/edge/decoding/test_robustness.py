"""What a run survives: a small sample by default, thousands with ``make test-robustness``.

Every input must come back as a row, with a decision or a reason, whatever it is: no crash, no
hang, nothing lost.
"""

from __future__ import annotations

import csv
import os
import random
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from edge_helpers import encoded, small_cell, write_cells
from mutations import container_files, image_files, mutants

from edge.engine.classifier import Classifier
from edge.errors import ModelFileRefused
from edge.models.model_file import SHIPPED_MODEL, read_model_file
from edge.reasons import REASONS
from edge.sources.find import find_inputs

LIMIT = 1800.0  # seconds for one run: only a hang takes so long
Row = dict[str, str]

# what a process remembers of its largest size; getrusage would count the one that started it
RUN = """
import sys
from edge.cli.main import main
try:
    main()
finally:
    status = open("/proc/self/status").read()
    print("peak", status.split("VmHWM:")[1].split()[0], file=sys.stderr)
"""


def few_or_many(few: int, many: int) -> pytest.MarkDecorator:
    """Run a test with a few inputs, and with many if asked for."""
    heavy = pytest.param(many, marks=pytest.mark.robustness)
    return pytest.mark.parametrize("n", [few, heavy])


def classify(out: Path, *sources: str, stdin: Path | None = None) -> int:
    """Run ``edge-all classify`` as a process; return its peak memory in kB."""
    with (stdin or Path(os.devnull)).open("rb") as given:
        done = subprocess.run(
            [sys.executable, "-c", RUN, "classify", *sources, "--out", str(out)],
            stdin=given,
            capture_output=True,
            timeout=LIMIT,
        )
    assert done.returncode in (0, 1), done.stderr[-2000:]
    assert b"Traceback" not in done.stderr
    return int(done.stderr.split()[-1])


def rows(out: Path) -> Iterator[Row]:
    """Rows of a result file, each with a decision or a reason."""
    with out.open(newline="", encoding="utf-8") as file:
        for index, row in enumerate(csv.DictReader(file)):
            assert int(row["index"]) == index
            assert bool(row["decision"]) != bool(row["error"])
            assert not row["error"] or row["error"] in REASONS
            yield row


@few_or_many(200, 6000)
def test_every_damaged_image_is_a_row_with_a_decision_or_a_reason(tmp_path: Path, n: int) -> None:
    (tmp_path / "bad").mkdir()
    for i, (suffix, data) in enumerate(mutants(image_files(), n, seed=1)):
        (tmp_path / "bad" / f"{i:05d}-{suffix}").write_bytes(data)
    classify(tmp_path / "out.csv", str(tmp_path / "bad"))
    found = list(rows(tmp_path / "out.csv"))
    files = {row["file"].partition("#")[0] for row in found}  # damage can make a chain of pages
    assert len(files) == n
    assert n <= len(found) <= 1.1 * n
    reasons = Counter(row["error"] for row in found)
    assert reasons["truncated"] > n / 20
    assert reasons["damaged"] > n / 20


@few_or_many(70, 2000)
def test_every_damaged_archive_and_stack_gives_rows(tmp_path: Path, n: int) -> None:
    (tmp_path / "bad").mkdir()
    for i, (suffix, data) in enumerate(mutants(container_files(), n, seed=2)):
        (tmp_path / "bad" / f"{i:05d}-{suffix}").write_bytes(data)
    classify(tmp_path / "out.csv", f"{tmp_path}/bad/*")
    of_file = Counter(os.path.basename(row["file"])[:5] for row in rows(tmp_path / "out.csv"))
    lost = n - len(of_file)  # an archive whose damaged directory is a whole empty one holds nothing
    assert lost <= n / 50
    assert max(of_file.values()) <= 10


@few_or_many(5000, 1_000_000)
def test_a_list_of_any_length_is_worked_off_in_the_same_memory(tmp_path: Path, n: int) -> None:
    (cell,) = write_cells(tmp_path, 1)
    peaks = {}
    for length in (2000, n):  # crops enough that every interpreter has run
        with (tmp_path / "list.txt").open("wb") as file:
            for i in range(length):
                file.write(bytes(cell) if i % 400 == 0 else b"missing/%d\n\xff.png" % i)
                file.write(b"\0")
        peaks[length] = classify(tmp_path / "out.csv", "-", stdin=tmp_path / "list.txt")
        decided = sum(1 for row in rows(tmp_path / "out.csv") if row["decision"])
        assert decided == -(-length // 400)
    print("peak memory in kB", peaks)
    assert peaks[n] < 1.05 * peaks[2000]


@pytest.mark.robustness
def test_a_folder_of_any_size_is_worked_off_in_the_same_memory(tmp_path: Path) -> None:
    (cell,) = write_cells(tmp_path, 1)
    peaks = {}
    for size in (1000, 100_000):
        folder = tmp_path / str(size)
        folder.mkdir()
        for i in range(size):
            (folder / f"UID_{i}_1_1_all.png").symlink_to(cell)
        peaks[size] = classify(tmp_path / "out.csv", str(folder))
        assert sum(1 for row in rows(tmp_path / "out.csv") if row["decision"]) == size
    print("peak memory in kB", peaks)
    assert peaks[100_000] < 1.05 * peaks[1000]


@few_or_many(30, 1000)
def test_a_model_file_with_any_bit_flipped_is_refused(tmp_path: Path, n: int) -> None:
    shipped = SHIPPED_MODEL.read_bytes()
    chance = random.Random(3)
    for _ in range(n):
        data = bytearray(shipped)
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        (tmp_path / "model.tflite").write_bytes(data)
        with pytest.raises(ModelFileRefused):
            read_model_file(tmp_path / "model.tflite")


@few_or_many(50, 3000)
def test_a_file_that_changes_while_it_is_read_is_a_row(tmp_path: Path, n: int) -> None:
    path = tmp_path / "cell.tiff"
    files = [data for name, data in image_files().items() if "tiff" in name]
    files += [data for name, data in container_files().items() if name.endswith(".tif")]
    path.write_bytes(files[0])
    done = threading.Event()

    def change() -> None:
        chance = random.Random(4)
        while not done.is_set():
            data = chance.choice(files)
            path.write_bytes(data[: chance.randrange(len(data))])
            path.write_bytes(data)

    changing = threading.Thread(target=change)
    changing.start()
    try:
        with Classifier(threads=2) as classifier:
            results = list(classifier.classify_samples(find_inputs([str(path)] * n)))
    finally:
        done.set()
        changing.join()
    assert len(results) >= n
    assert all((result.decision is None) != (result.error is None) for result in results)
    assert {result.error for result in results} <= {None, *REASONS}


def test_special_files_are_rows_and_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    os.mkfifo(tmp_path / "b.tif")
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(str(tmp_path / "c.png"))
    for name, device in {"d.png": "null", "e.tif": "zero", "f.png": "zero", "g.tif": "tty"}.items():
        (tmp_path / name).symlink_to(f"/dev/{device}")
    (tmp_path / "h.png").write_bytes(encoded(small_cell()))
    classify(tmp_path / "out.csv", str(tmp_path))
    *special, whole = rows(tmp_path / "out.csv")
    assert [row["error"] for row in special] == ["not-a-file"] * 7
    assert whole["decision"]
