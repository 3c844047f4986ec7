"""A camera through a run: a row for every frame and every fault, once."""

from __future__ import annotations

import csv
import re
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest
from command_helpers import EDGE_ALL, edge_all

from edge import events
from edge.engine.classifier import Classifier
from edge.errors import NoInputs
from edge.run import run
from edge.sources.cameras.simulated.camera import SimulatedCamera, Troubles
from edge.sources.cameras.simulated.scenes import DrawnSmear
from edge.sources.cameras.source import CameraSource
from edge.sources.registry import open_source

SMEAR = DrawnSmear(7, 120, 90, 0.8)
WAITS = (0.01, 0.05, 0.1)
TINY = "width=120,height=90,um=0.8"


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def classify(source: CameraSource, out: Path) -> list[events.Event]:
    with Classifier(threads=1) as classifier:
        return list(run(source, classifier, [out]))


def check_every_fault_and_frame(troubles: Troubles, frames: int, rate: float, out: Path) -> None:
    camera = SimulatedCamera(SMEAR, None, troubles, frames, rate)
    source = CameraSource("sim:", camera, waits=WAITS)
    last = classify(source, out)[-1]
    rows = rows_of(out)
    assert isinstance(last, events.Finished)
    assert last.tally.total == len(rows)
    reasons = Counter(row["error"] for row in rows if row["error"])
    assert reasons["camera-lost"] == len(troubles.disconnect)
    assert reasons["frozen"] == len(troubles.freeze)
    decided = [row for row in rows if not row["error"]]
    assert len(decided) + source.counts.dropped == len(camera.given)
    assert source.counts.taken == len(decided)
    assert len({row["sample"] for row in rows}) == len(rows)
    assert any("away 3 times" in line for line in last.left)


def test_three_disconnects_and_a_freeze_are_reported_and_no_frame_is_lost(tmp_path: Path) -> None:
    spans = tuple(range(n, n + 1) for n in (5, 14, 22))
    troubles = Troubles(disconnect=spans, away=0.1, freeze=(range(10, 13),))
    check_every_fault_and_frame(troubles, 30, 0, tmp_path / "out.csv")


@pytest.mark.slow
def test_a_minute_of_a_live_camera_with_three_disconnects_and_a_freeze(tmp_path: Path) -> None:
    spans = tuple(range(n, n + 1) for n in (90, 240, 400))
    troubles = Troubles(disconnect=spans, away=4.0, freeze=(range(150, 180),))
    start = time.monotonic()
    check_every_fault_and_frame(troubles, 500, 10, tmp_path / "out.csv")
    assert time.monotonic() - start > 60


def test_a_row_is_called_by_the_time_of_its_frame(tmp_path: Path) -> None:
    source = CameraSource(f"sim:frames=2,fps=0,{TINY}")
    before = time.time()
    with source as batches:
        samples = [sample for batch in batches for sample in batch]
    for sample in samples:
        assert re.fullmatch(r"sim:#20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", sample.id)
        assert sample.time is not None
        assert before <= sample.time <= time.time()
        assert sample.um_per_pixel == 0.8
        assert sample.facts["exposure"] == 1
    assert [sample.facts["number"] for sample in samples] == [0, 1]


def test_a_run_that_is_resumed_keeps_its_frames_and_takes_new_ones(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    arguments = ["classify", f"sim:frames=3,fps=0,disconnect=1,away=0,{TINY}", "--out", str(out)]
    done = edge_all(*arguments)
    assert done.exit_code == 1, done.stderr
    before = rows_of(out)
    done = edge_all(*arguments, "--resume")
    assert done.exit_code == 1, done.stderr
    rows = rows_of(out)
    assert rows[: len(before)] == before
    assert len({row["sample"] for row in rows}) == len(rows) == 8


def test_faults_are_said_at_once_and_end_a_run_with_exit_code_1(tmp_path: Path) -> None:
    arguments = [
        "classify",
        f"sim:frames=4,fps=0,freeze=2,{TINY}",
        "--out",
        str(tmp_path / "x.csv"),
    ]
    done = edge_all(*arguments)
    assert done.exit_code == 1
    assert "4 cells" in done.stdout
    lines = done.stderr.splitlines()
    assert "Ctrl-C ends it" in lines[0]
    assert lines[1].startswith("camera: frozen: frame 2 is the one before again")
    assert any(line.startswith("failed: sim:#") for line in lines)


def test_ctrl_c_ends_a_live_camera_in_good_order(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    arguments = [*EDGE_ALL, "classify", f"sim:fps=20,{TINY}", "--out", str(out)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        until = time.monotonic() + 60
        while time.monotonic() < until and (not out.exists() or len(rows_of(out)) < 5):
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        printed, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert b"cells:" in printed
    assert len(rows_of(out)) >= 5


def test_a_camera_stands_alone() -> None:
    with pytest.raises(NoInputs, match="may never end"):
        open_source(["sim:", "folder"])


def test_an_address_without_a_camera_ends_with_exit_code_2_and_leaves_outputs(
    tmp_path: Path,
) -> None:
    out = tmp_path / "out.csv"
    arguments = ["classify", "sim:no-such-folder", "--out", str(out)]
    done = edge_all(*arguments)
    assert done.exit_code == 2
    assert len(done.stderr.splitlines()) == 1
    assert not out.exists()
