"""``edge-all capture``: fields on the disk without loss, with all that is known of them."""

from __future__ import annotations

import hashlib
import itertools
import json
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from command_helpers import EDGE_ALL, edge_all

from edge.capture.capture import Event, Fault, Saved, capture, every
from edge.capture.reserve import Reserve
from edge.capture.writer import FieldWriter
from edge.errors import OutputFailed
from edge.sources.cameras.camera import Frame
from edge.sources.cameras.simulated.camera import SimulatedCamera, Troubles
from edge.sources.cameras.simulated.optics import Optics
from edge.sources.cameras.simulated.scenes import DrawnSmear
from edge.sources.cameras.source import CameraSource
from edge.sources.deadline import Deadline
from edge.sources.field_facts import read_facts

TINY = "width=120,height=90,um=0.8"
SMEAR = DrawnSmear(7, 120, 90, 0.8)


def images(folder: Path) -> list[Path]:
    return sorted(folder.glob("field-*.png"))


def pixels_of(path: Path) -> np.ndarray:
    found = cv2.imread(str(path), cv2.IMREAD_COLOR)
    assert found is not None
    return found[:, :, ::-1]


def taken(folder: Path, camera: SimulatedCamera, number: int | None, most: int = 1) -> list[Event]:
    source = CameraSource("sim:", camera, most, waits=(0.01,))
    folder.mkdir(exist_ok=True)
    return list(capture(source, FieldWriter(folder, Reserve(folder, 0)), number))


def test_frames_are_kept_bit_for_bit_with_their_facts(tmp_path: Path) -> None:
    camera = SimulatedCamera(SMEAR, Optics(), frames=3, rate=0)
    before = time.time()
    events = taken(tmp_path, camera, None)
    assert [isinstance(event, Saved) for event in events] == [True] * 3
    for number, path in enumerate(images(tmp_path)):
        assert np.array_equal(pixels_of(path), Optics().take(SMEAR.pixels(number), number))
        facts = read_facts(path.with_suffix(".json"))
        assert facts.image == path.name
        assert facts.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert (facts.width, facts.height, facts.um_per_pixel) == (120, 90, 0.8)
        assert facts.source == "sim:"
        assert before - 1e-3 <= facts.time <= time.time()
        assert facts.facts["number"] == number
        stamp = "".join(c for c in facts.sample.partition("#")[2] if c not in "-:")
        assert path.name == f"field-{stamp}.png"


def test_faults_are_events_and_what_was_promised_is_written_once(tmp_path: Path) -> None:
    troubles = Troubles(disconnect=(range(2, 3),), away=0.05, freeze=(range(4, 6),))
    camera = SimulatedCamera(SMEAR, None, troubles, 8, rate=0)
    events = taken(tmp_path, camera, None)
    faults = [event.sample.error for event in events if isinstance(event, Fault)]
    reasons = [fault.reason for fault in faults if fault]
    assert (reasons[0], reasons[-1]) == ("camera-lost", "frozen")
    assert len(images(tmp_path)) == len(camera.given) == 6


def test_a_slow_disk_drops_old_frames_and_never_holds_up_the_camera(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def all_given() -> None:
        while len(camera.given) < 12:
            time.sleep(0.001)
        go_on.set()

    go_on = threading.Event()
    monkeypatch.setattr(Reserve, "make_room", lambda *_: go_on.wait(10) and [])
    camera = SimulatedCamera(SMEAR, None, frames=12, rate=200)
    source = CameraSource("sim:", camera, 1, waits=(0.01,))
    threading.Thread(target=all_given).start()
    events = list(capture(source, FieldWriter(tmp_path, Reserve(tmp_path, 0))))
    assert len(camera.given) == 12
    assert len(events) == len(images(tmp_path)) == 12 - source.counts.dropped
    assert source.counts.dropped >= 8  # one is being written, one waits, and the newest
    assert read_facts(images(tmp_path)[-1].with_suffix(".json")).facts["number"] == 11


def test_every_so_often_the_newest_frame_is_taken(tmp_path: Path) -> None:
    camera = SimulatedCamera(DrawnSmear(7, 64, 64, 1.0), None, rate=100)
    source = CameraSource("sim:", camera, 1)
    writer = FieldWriter(tmp_path, Reserve(tmp_path, 0))
    start = time.time()
    events = list(capture(source, writer, 3, every(0.2, source)))
    assert len(events) == 3
    times = [read_facts(path.with_suffix(".json")).time for path in images(tmp_path)]
    assert all(at > start + 0.2 * number for number, at in enumerate(times))
    assert all(after - before < 2 for before, after in itertools.pairwise(times))


def test_a_command_captures_and_classifies_what_it_captured(tmp_path: Path) -> None:
    done = edge_all("capture", f"sim:fps=0,{TINY}", "-n", 3, "--out", tmp_path / "new" / "d")
    assert done.exit_code == 0, done.stderr
    paths = images(tmp_path / "new" / "d")
    assert done.stdout.splitlines() == list(map(str, paths))
    assert "3 fields in" in done.stderr
    done = edge_all("classify", tmp_path / "new" / "d", "--out", tmp_path / "x.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text().splitlines()]
    assert [row["um_per_pixel"] for row in rows] == [0.8] * 3
    assert "left out" not in done.stderr  # facts are no strangers beside their images


def test_a_line_a_field(tmp_path: Path) -> None:
    command = [*EDGE_ALL, "capture", f"sim:fps=50,{TINY}", "--key", "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, input="\n\n\n", timeout=100)
    assert done.returncode == 0, done.stderr
    assert len(images(tmp_path)) == 3
    assert "dropped" not in done.stderr


def test_ctrl_c_ends_it_and_what_was_taken_is_whole(tmp_path: Path) -> None:
    command = [*EDGE_ALL, "capture", f"sim:fps=20,{TINY}", "--out", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        for _ in range(3):
            process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    assert process.returncode == 0
    assert len(images(tmp_path)) >= 3
    for path in images(tmp_path):
        assert read_facts(path.with_suffix(".json")).sha256
        assert pixels_of(path).shape == (90, 120, 3)
    assert {path.suffix for path in tmp_path.iterdir()} == {".png", ".json"}


def test_ctrl_c_ends_the_wait_for_a_line(tmp_path: Path) -> None:
    command = [*EDGE_ALL, "capture", f"sim:fps=20,{TINY}", "--key", "--out", str(tmp_path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"\n\n")
        process.stdin.flush()
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    assert len(images(tmp_path)) >= 1


def test_facts_that_cannot_be_written_end_it_and_nobody_waits(tmp_path: Path) -> None:
    class Odd(SimulatedCamera):
        def read(self, deadline: Deadline) -> Frame | None:
            frame = super().read(deadline)
            return frame and replace(frame, facts={"gain": float("nan")})

    source = CameraSource("sim:", Odd(SMEAR, None, frames=9, rate=0))
    with pytest.raises(ValueError, match="JSON"):
        list(capture(source, FieldWriter(tmp_path, Reserve(tmp_path, 0))))


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["sim:frames=2,fps=0", "-n", "5"], 1, "3 fields fewer than asked for"),
        (["sim:frames=3,fps=0,freeze=1"], 1, "camera: frozen"),
        (["field.png"], 2, "is no camera; cameras begin with"),
        (["sim:", "--every", "often"], 2, "write it as 2s"),
        (["sim:", "--every", "2s", "--key"], 2, "not allowed with"),
        (["sim:", "--reserve", "1e9"], 2, "are to stay free; make room"),
    ],
)
def test_it_ends_with_a_code_and_a_sentence(
    arguments: Sequence[str], code: int, says: str, tmp_path: Path
) -> None:
    if arguments[0].startswith("sim:f"):
        arguments = [f"{arguments[0]},{TINY}", *arguments[1:]]
    done = edge_all("capture", *arguments, "--out", tmp_path)
    assert done.exit_code == code, done.stderr
    assert says in done.stderr


def test_a_folder_that_cannot_be_written_ends_it_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = edge_all("capture", f"sim:{TINY}", "-n", 1, "--out", tmp_path / "file")
    assert done.exit_code == 2
    assert "cannot make" in done.stderr
    folder = tmp_path / "gone"
    folder.mkdir()
    writer = FieldWriter(folder, Reserve(folder, 0, lambda _: 1 << 40))
    folder.rmdir()
    folder.write_text("")
    camera = SimulatedCamera(SMEAR, None, frames=9, rate=0)
    with pytest.raises(OutputFailed, match="cannot write"):
        list(capture(CameraSource("sim:", camera), writer))
