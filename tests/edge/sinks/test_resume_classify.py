"""A run that was cut off goes on: every input is in every output exactly once."""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from command_helpers import EDGE_ALL, edge_all
from edge_helpers import encoded, small_cell, write_cells, write_changed_model
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sink_helpers import RUN, begun, database_rows, result, results, resume, take

from edge.errors import ResumeRefused
from edge.sinks.outputs import Outputs
from edge.sinks.text import ResultFile

MANY = 5000
KILLS = 10
NAMES = ("a.csv", "a.jsonl", "a.db", "a.html")

in_many_ways = settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def write(path: Path, n: int) -> bytes:
    with begun(ResultFile(path, RUN)) as file:
        for each in results(n):
            file.write(each)
    return path.read_bytes()


def indices(path: Path) -> list[int]:
    """Index of every row, as another program reads it."""
    if path.suffix == ".db":
        return [int(str(row["index"])) for row in database_rows(path)]
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file) if path.suffix == ".csv" else map(json.loads, file)
        return [int(row["index"]) for row in rows]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Files of 30 results, never disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    return {name: write(folder / name, 30) for name in NAMES[:2]}


@pytest.mark.parametrize("name", NAMES[:2])
@in_many_ways
@given(data=st.data())
def test_a_file_cut_off_at_any_byte_ends_as_if_it_never_was(
    tmp_path: Path, whole: dict[str, bytes], name: str, data: st.DataObject
) -> None:
    path = tmp_path / name
    size = data.draw(st.integers(0, len(whole[name])))
    path.write_bytes(whole[name][:size])
    needed = resume([path], results(30))
    assert path.read_bytes() == whole[name]
    assert needed == list(range(30 - len(needed), 30))


@in_many_ways
@given(sizes=st.tuples(st.integers(0, 4000), st.integers(0, 9000)), rows=st.integers(0, 30))
def test_files_that_were_cut_off_at_different_inputs_end_alike(
    tmp_path: Path, whole: dict[str, bytes], sizes: tuple[int, int], rows: int
) -> None:
    paths = [tmp_path / name for name in NAMES[:3]]
    paths[2].unlink(missing_ok=True)
    for path, size in zip(paths[:2], sizes, strict=True):
        path.write_bytes(whole[path.name][:size])
    with Outputs(paths[2:], RUN) as outputs:
        for each in results(rows):
            outputs.write(each)
    resume(paths, results(30))
    for path in paths[:2]:
        assert path.read_bytes() == whole[path.name]
    assert database_rows(paths[2]) == [each.row() for each in results(30)]


def test_a_finished_run_needs_nothing_more(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in NAMES[:3]]
    assert resume(paths, results(200)) == list(range(200))
    before = [path.read_bytes() for path in paths[:2]]
    assert resume(paths, results(200)) == []
    assert [path.read_bytes() for path in paths[:2]] == before


def test_inputs_that_were_added_at_the_end_are_added(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", 10)
    assert resume([tmp_path / "a.csv"], results(12)) == [10, 11]
    assert indices(tmp_path / "a.csv") == list(range(12))


@pytest.mark.parametrize("name", NAMES[:2])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"sample": "x.png", "file": "crops/other.png"},
            r"its result 4 is of .*, input 4 of this run is 'crops/oth",
        ),
        ({"source": "others"}, r"its result 4 is of .* \(source 'others'\); give what"),
        ({"model_sha256": "feedfeedfeed00"}, r".* model cnn 0123abcd, .* uses cnn feedfeedfeed;"),
    ],
    ids=["file", "source", "model"],
)
def test_results_of_another_run_are_refused_and_kept(
    tmp_path: Path, name: str, change: dict[str, str], message: str
) -> None:
    before = write(tmp_path / name, 10)
    wanted = [*results(4), replace(result(4), **change), *results(12)[5:]]
    with pytest.raises(ResumeRefused, match=f"{name} cannot be resumed: {message}"):
        resume([tmp_path / name], wanted)
    assert (tmp_path / name).read_bytes() == before


@pytest.mark.parametrize("name", NAMES[:3])
def test_results_of_inputs_that_are_gone_are_refused(tmp_path: Path, name: str) -> None:
    resume([tmp_path / name], results(10))
    with pytest.raises(ResumeRefused, match=r"a result of .* which this run does not find"):
        resume([tmp_path / name], results(8))
    assert indices(tmp_path / name) == list(range(10))


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("a.csv", lambda data: b"another,header\n1,2\n"),
        ("a.csv", lambda data: data.replace(b"cnn", b"cnn,more", 1)),
        ("a.csv", lambda data: data.replace(b",0,", b",zero,", 1)),
        ("a.csv", lambda data: data.replace(b"\n", b"\r\n")),
        ("a.csv", lambda data: data.replace(b"\ncrops", b"\n\xff", 1)),
        ("a.csv", lambda data: data + b'"' + b"x\n" * 600_000),
        ("a.jsonl", lambda data: b"[1, 2]\n"),
        ("a.jsonl", lambda data: data.replace(b'"index"', b'"number"', 1)),
        ("a.jsonl", lambda data: data.replace(b"{", b"", 1)),
    ],
    ids=["header", "columns", "number", "line-ends", "bytes", "endless", "list", "key", "json"],
)
def test_a_file_that_was_changed_is_refused_and_kept(
    tmp_path: Path, name: str, damage: object
) -> None:
    path = tmp_path / name
    path.write_bytes(damage(write(path, 3)))  # type: ignore[operator]
    before = path.read_bytes()
    with pytest.raises(ResumeRefused, match=f"{name} cannot be resumed: "):
        resume([path], results(30))
    assert path.read_bytes() == before


@pytest.mark.slow
def test_many_results_are_resumed_without_being_held(tmp_path: Path) -> None:
    import tracemalloc

    path = tmp_path / "a.csv"
    write(path, 10_000)
    tracemalloc.start()
    with Outputs([path], RUN, resume=True) as outputs:
        for each in results(10_000):
            assert take(outputs, each)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000 < path.stat().st_size


@pytest.fixture
def crops(tmp_path: Path) -> Path:
    """A folder of 12 cells."""
    folder = tmp_path / "crops"
    folder.mkdir()
    write_cells(folder, 12)
    return folder


def test_the_command_goes_on_and_counts_all_results(crops: Path, tmp_path: Path) -> None:
    (crops / "cell-01.png").write_bytes(b"")
    out, other = tmp_path / "a.csv", tmp_path / "b.csv"
    edge_all("classify", crops, "--out", other)
    lines = other.read_text().splitlines(keepends=True)
    out.write_text("".join(lines[:6]) + lines[6][:20])
    done = edge_all("classify", crops, "--out", out, "--resume")
    assert out.read_bytes() == other.read_bytes()
    assert done.exit_code == 1
    assert done.stdout.startswith("12 cells: ")
    assert "1 failed, 5 of them by an earlier run\n" in done.stdout
    assert done.stderr == f"failed: {crops}/cell-01.png: empty: no bytes in it\n"


def test_without_resume_results_are_replaced_and_a_run_is_added(
    crops: Path, tmp_path: Path
) -> None:
    arguments = ["classify", crops, "--out", tmp_path / "a.csv", "--out", tmp_path / "a.db"]
    assert edge_all(*arguments).exit_code == edge_all(*arguments).exit_code == 0
    assert indices(tmp_path / "a.csv") == list(range(12))
    assert len(database_rows(tmp_path / "a.db", 2)) == 12


def test_resume_without_a_result_file_is_wrong_usage(crops: Path) -> None:
    done = edge_all("classify", crops, "--resume")
    assert done.exit_code == 2
    assert done.stderr == (
        "error: --resume goes on with result files; name them with --out or --report\n"
    )


def test_other_sources_or_another_model_are_exit_code_2_with_a_sentence(
    crops: Path, tmp_path: Path
) -> None:
    out = tmp_path / "a.csv"
    edge_all("classify", crops, "--out", out)
    before = out.read_bytes()
    careful = write_changed_model(tmp_path / "careful.tflite", refer_band=(0.0, 1.0))
    for arguments in ([crops / "cell-00.png"], [crops, "--model", careful]):
        done = edge_all("classify", *arguments, "--out", out, "--resume")
        assert done.exit_code == 2
        assert done.stderr.startswith(f"error: {out} cannot be resumed: ")
        assert done.stderr.endswith("or leave --resume out to start again\n")
        assert len(done.stderr.splitlines()) == 1
    assert out.read_bytes() == before


def start(crops: Path, folder: Path, *options: str) -> subprocess.Popen[str]:
    """Start a run with all kinds of outputs in a process of its own."""
    outputs = [word for name in NAMES[:3] for word in ("--out", str(folder / name))]
    return subprocess.Popen(
        [*EDGE_ALL, "classify", ".", *outputs, "--report", str(folder / "a.html"), *options],
        cwd=crops,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # whoever runs the tests
    )


def wait_for_more(path: Path, process: subprocess.Popen[str]) -> None:
    """Wait until a run has written something."""
    before = path.stat().st_size if path.exists() else 0
    while not path.exists() or path.stat().st_size <= max(before, 1):
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)


@pytest.fixture(scope="module")
def many_crops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 5,000 crops; 20 differ, the others are links to them."""
    folder = tmp_path_factory.mktemp("many")
    for i in range(20):
        (folder / f"{i:04d}.png").write_bytes(encoded(small_cell(i)))
    for i in range(20, MANY):
        os.link(folder / f"{i % 20:04d}.png", folder / f"{i:04d}.png")
    (folder / "0777.png").unlink()
    (folder / "0777.png").write_bytes(b"")
    return folder


@pytest.mark.slow
def test_a_run_of_5000_crops_killed_ten_times_has_each_exactly_once(
    many_crops: Path, tmp_path: Path
) -> None:
    moments = random.Random(4)
    done = []
    for _ in range(KILLS):
        process = start(many_crops, tmp_path, "--resume", "--threads", "1")
        if moments.random() < 0.8:
            wait_for_more(tmp_path / "a.csv", process)
        time.sleep(moments.uniform(0, 0.15))
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        done.append(len(indices(tmp_path / "a.db")) if (tmp_path / "a.db").exists() else 0)
    assert done == sorted(done)  # nothing that was there is lost
    assert len(set(done)) > KILLS // 2
    assert done[-1] < MANY
    last = start(many_crops, tmp_path, "--resume")
    out, error = last.communicate()
    assert (last.returncode, error.count("0777.png: empty")) == (1, 1), error
    assert f"{MANY} cells: " in out

    for name in NAMES[:3]:
        assert indices(tmp_path / name) == list(range(MANY))
    assert not list(tmp_path.glob("*.unfinished*"))
    assert f"of {MANY - 1:,} cells" in (tmp_path / "a.html").read_text()
    undisturbed = tmp_path / "undisturbed"
    undisturbed.mkdir()
    start(many_crops, undisturbed).communicate()
    for name in NAMES[:2]:
        assert (tmp_path / name).read_bytes() == (undisturbed / name).read_bytes()
    assert database_rows(tmp_path / "a.db") == database_rows(undisturbed / "a.db")


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
    ids=["ctrl-c", "sigterm", "sighup"],
)
def test_an_interrupted_run_leaves_all_outputs_alike_and_goes_on(
    many_crops: Path, tmp_path: Path, number: int, code: int
) -> None:
    process = start(many_crops, tmp_path, "--threads", "1")
    wait_for_more(tmp_path / "a.jsonl", process)
    process.send_signal(number)
    _, error = process.communicate()
    assert process.returncode == code
    done = indices(tmp_path / "a.csv")
    assert error == (
        f"interrupted after {len(done)} inputs; the same command with --resume goes on\n"
    )
    assert 0 < len(done) < MANY
    assert done == list(range(len(done)))
    assert indices(tmp_path / "a.jsonl") == indices(tmp_path / "a.db") == done
    assert "not finished" in (tmp_path / "a.html").read_text()
    assert (tmp_path / "a.html.unfinished").exists()


@pytest.mark.parametrize(
    ("name", "limit", "n"),
    [("a.csv", 15_000, 140), ("a.jsonl", 40_000, 140), ("a.db", 200_000, 140)],
)
def test_a_disk_that_fills_up_is_a_sentence_and_what_was_written_goes_on(
    crops: Path, tmp_path: Path, name: str, limit: int, n: int
) -> None:
    code = (
        f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, -1));"
        "from edge.cli.main import main; main()"
    )
    inputs = ["cell-00.png"] * n
    out = tmp_path / name
    done = subprocess.run(
        [sys.executable, "-B", "-c", code, "classify", *inputs, "--out", str(out)],
        cwd=crops,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: cannot write {out}: ")
    assert "check the folder" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    some = indices(out)
    assert 0 < len(some) < n
    assert some == list(range(len(some)))
    again = subprocess.run(
        [*EDGE_ALL, "classify", *inputs, "--out", str(out), "--resume"], cwd=crops
    )
    assert again.returncode == 0
    assert indices(out) == list(range(n))
