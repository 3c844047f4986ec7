"""Runs on a real Ray cluster of two nodes, started on this machine: slow, and only with Ray."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from command_helpers import EDGE_ALL
from edge_helpers import encoded, small_cell

from edge.crops.drawn import draw_cell

pytest.importorskip("ray", reason="needs edge-all[ray]: a cluster is started")
pytest.importorskip("pyarrow", reason="needs edge-all[ray]: Parquet files are read")

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # Ray's own are many

CELLS, SHARD = 120, 7
ADDED = "area"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two nodes with a processor each, of processes of their own."""
    from ray.cluster_utils import Cluster

    found = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    found.add_node(num_cpus=1)
    found.wait_for_nodes()
    yield found
    found.shutdown()


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a smear of cells shown too small, a zip, files that fail, and a broken link."""
    folder = tmp_path_factory.mktemp("archive")
    for name in ("a", "b"):
        (folder / name).mkdir()
    for i in range(CELLS):
        cell = draw_cell(i) if i % 2 else small_cell(i)
        (folder / "a" / f"cell-{i:03d}.png").write_bytes(encoded(cell))
    with ZipFile(folder / "z.zip", "w") as archive:
        for i in range(20):
            archive.writestr(f"in/{i:02d}.png", encoded(small_cell(100 + i)))
        archive.writestr("in/bad.png", b"no image")
    (folder / "b" / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (folder / "b" / "gone.png").symlink_to(folder / "nowhere.png")
    for i in range(30):
        (folder / "b" / f"small-{i:02d}.png").write_bytes(encoded(draw_cell(i)[::3, ::3]))
    return folder


def command(archive: Path, *options: str | Path) -> list[str]:
    sources = ("a", "b", "z.zip")  # relative: workers must find them, too
    return [*EDGE_ALL, "classify", *sources, *map(str, options)]


def on_cluster(cluster: Any, archive: Path, out: Path) -> subprocess.Popen[str]:
    options = ("--engine", "ray", "--shard", str(SHARD), "--out", out)
    environment = os.environ | {"RAY_ADDRESS": cluster.address}
    return subprocess.Popen(
        command(archive, *options),
        cwd=archive,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def rows_of(out: Path) -> list[dict[str, object]]:
    """Rows as any reader of Parquet sees the folder."""
    import pyarrow.parquet as parquet

    rows: list[dict[str, object]] = parquet.read_table(out).to_pylist()
    return rows


def without_area(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    return [{key: value for key, value in row.items() if key != ADDED} for row in rows]


@pytest.fixture(scope="module")
def expected(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    """Rows of a run on one machine."""
    out = tmp_path_factory.mktemp("local") / "rows.jsonl"
    done = subprocess.run(command(archive, "--out", out), cwd=archive, capture_output=True)
    assert done.returncode in (1, 3), done.stderr
    return [json.loads(line) for line in out.read_text().splitlines()]


def wait_for_files(out: Path, n: int, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 120
    while len(list(out.glob("part-*"))) < n:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)


def test_rows_are_those_of_one_machine(
    cluster: Any, archive: Path, expected: list[dict[str, object]], tmp_path: Path
) -> None:
    process = on_cluster(cluster, archive, tmp_path / "x.parquet")
    stdout, stderr = process.communicate(timeout=240)
    assert process.returncode in (1, 3), stderr
    assert "2 processors of 2 machines" in stderr
    assert without_area(rows_of(tmp_path / "x.parquet")) == expected
    assert "3 failed" in stdout


def test_a_node_that_dies_in_the_middle_loses_nothing(
    cluster: Any, archive: Path, expected: list[dict[str, object]], tmp_path: Path
) -> None:
    node = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    out = tmp_path / "x.parquet"
    process = on_cluster(cluster, archive, out)
    wait_for_files(out, 2, process)
    cluster.remove_node(node, allow_graceful=False)
    _, stderr = process.communicate(timeout=240)
    assert process.returncode in (1, 3), stderr
    assert "3 machines" in stderr
    assert without_area(rows_of(out)) == expected


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["killed", "asked to end"])
def test_after_a_kill_the_same_command_goes_on(
    cluster: Any,
    archive: Path,
    expected: list[dict[str, object]],
    tmp_path: Path,
    how: signal.Signals,
) -> None:
    out = tmp_path / "x.parquet"
    process = on_cluster(cluster, archive, out)
    wait_for_files(out, 3, process)
    process.send_signal(how)
    process.communicate(timeout=60)
    before = {path: path.stat().st_mtime_ns for path in out.glob("part-*")}
    assert 3 <= len(before) < len(expected) // SHARD
    again = on_cluster(cluster, archive, out)
    stdout, stderr = again.communicate(timeout=240)
    assert again.returncode in (1, 3), stderr
    assert without_area(rows_of(out)) == expected
    untouched = list(before)[:-1]  # of the last one the line in the manifest may be lacking
    assert all(path.stat().st_mtime_ns == before[path] for path in untouched)
    assert "by an earlier run" in stdout


def test_other_options_are_refused_and_the_files_kept(
    cluster: Any, archive: Path, tmp_path: Path
) -> None:
    out = tmp_path / "x.parquet"
    (archive / "few").mkdir(exist_ok=True)
    for name in ("cell-000.png", "cell-001.png"):
        shutil.copy(archive / "a" / name, archive / "few")
    first = [*EDGE_ALL, "classify", "few", "--engine", "ray", "--out", str(out)]
    environment = os.environ | {"RAY_ADDRESS": cluster.address}
    done = subprocess.run(first, cwd=archive, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    kept = rows_of(out)
    for changed, words in ((["--strict"], "strict"), (["--shard", "9"], "shard")):
        again = subprocess.run(
            [*first, *changed], cwd=archive, env=environment, capture_output=True, text=True
        )
        assert again.returncode == 2
        assert words in again.stderr
    assert rows_of(out) == kept


def test_no_cluster_at_the_address_is_said(archive: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        command(archive, "--engine", "ray", "--out", tmp_path / "x.parquet"),
        cwd=archive,
        env=os.environ | {"RAY_ADDRESS": "127.0.0.1:1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "there is no Ray cluster at RAY_ADDRESS=127.0.0.1:1" in done.stderr
    assert "Traceback" not in done.stderr
    assert sys.executable not in done.stderr
