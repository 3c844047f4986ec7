"""A camera read in a thread of its own: newest frames, every fault once, never a hang."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import numpy as np
import pytest
from toy_camera import Step, ToyCamera

from edge.errors import CameraFault
from edge.sources.cameras.camera import Frame
from edge.sources.cameras.runner import Runner
from edge.sources.deadline import Deadline

WAITS = (0.01, 0.03)
LOST = CameraFault("camera-lost", "it was unplugged; plug it in")
DAMAGED = CameraFault("damaged", "half a frame", is_lost=False)


def wait_for(event: threading.Event) -> Step:
    """A step that rests until a test goes on."""

    def rest(_: Deadline) -> None:
        assert event.wait(10)

    return rest


def all_of(runner: Runner) -> list[int | str]:
    """Grey level of each frame, and reason of each fault, until the end."""
    found: list[int | str] = []
    while (item := runner.take()) is not None:
        found.append(int(item.pixels[0, 0, 0]) if isinstance(item, Frame) else item.reason)
    return found


def read_all(steps: Sequence[Step], refused: int = 0) -> tuple[list[int | str], Runner, ToyCamera]:
    camera = ToyCamera(steps, is_live=False, refused=refused)
    with Runner(camera, waits=WAITS) as runner:
        found = all_of(runner)
    return found, runner, camera


def test_frames_that_wait_come_all_and_in_their_order() -> None:
    found, runner, camera = read_all(range(10))
    assert found == list(range(10))
    assert runner.counts.lines() == []
    assert camera.closed == 1


def test_of_a_live_camera_the_newest_frames_are_kept_and_the_others_counted() -> None:
    go_on = threading.Event()
    camera = ToyCamera([*range(10), wait_for(go_on)])
    with Runner(camera, most=2, waits=WAITS) as runner:
        while runner.counts.dropped < 8:
            time.sleep(0.001)
        go_on.set()
        assert all_of(runner) == [8, 9]
    assert (runner.counts.taken, runner.counts.dropped) == (2, 8)
    assert "8 of 10 frames were dropped" in runner.counts.lines()[0]


def test_a_camera_never_waits_for_whoever_takes_its_frames() -> None:
    done = threading.Event()
    camera = ToyCamera([*range(50), lambda _: done.set()])
    with Runner(camera, waits=WAITS):
        assert done.wait(10)  # though nobody has taken one


def test_faults_are_not_dropped_with_frames() -> None:
    go_on = threading.Event()
    camera = ToyCamera([0, DAMAGED, *range(1, 9), wait_for(go_on)])
    with Runner(camera, most=2, waits=WAITS) as runner:
        while runner.counts.dropped < 7:
            time.sleep(0.001)
        go_on.set()
        assert all_of(runner) == ["damaged", 7, 8]


def test_a_camera_that_is_lost_is_opened_again_and_nothing_is_given_twice() -> None:
    found, runner, camera = read_all([0, 1, LOST, 2, LOST, 3])
    assert found == [0, 1, "camera-lost", 2, "camera-lost", 3]
    assert len(camera.opened) == camera.closed == 3
    assert runner.counts.opened == 2
    assert "away 2 times" in runner.counts.lines()[0]


def test_while_a_camera_is_away_each_reason_is_reported_once_and_waits_grow() -> None:
    found, runner, camera = read_all([0, LOST, 1], refused=4)
    assert found == [0, "camera-lost", "no-camera", 1]
    waited = np.diff(camera.opened)
    assert len(waited) == 5
    assert waited[0] >= WAITS[0]
    assert all(wait >= WAITS[1] for wait in waited[1:])
    assert runner.counts.opened == 1


def test_one_bad_frame_does_not_close_the_camera() -> None:
    found, _, camera = read_all([0, DAMAGED, 1, DAMAGED, DAMAGED, 2])
    assert found == [0, "damaged", 1, "damaged", "damaged", 2]
    assert len(camera.opened) == 1


def test_whatever_a_driver_raises_is_a_fault_and_moves_no_cursor() -> None:
    camera = ToyCamera([0, OSError("\x1b[2J" + "no such device " * 40), 1], is_live=False)
    with Runner(camera, waits=WAITS) as runner:
        items = [runner.take() for _ in range(3)]
    fault = items[1]
    assert isinstance(fault, CameraFault)
    assert fault.reason == "camera-lost"
    assert fault.message.isprintable()
    assert len(fault.message) < 260


def test_the_same_frame_again_is_a_fault_and_no_frame() -> None:
    found, runner, _ = read_all([0, 1, 1, 1, 2, 2, 3])
    assert found == [0, 1, "frozen", 2, "frozen", 3]
    assert runner.counts.same == 3


def test_a_live_camera_that_stays_frozen_is_opened_again_and_reported_once() -> None:
    frozen: list[Step] = [lambda _: time.sleep(0.005), 1] * 60
    camera = ToyCamera([0, 1, *frozen, 2])
    with Runner(camera, most=1000, waits=WAITS, frozen=0.05) as runner:
        assert all_of(runner) == [0, 1, "frozen", 2]
    assert len(camera.opened) > 2


def test_frames_from_before_they_were_asked_for_are_left_out_and_not_counted_as_dropped() -> None:
    camera = ToyCamera([0, 1, lambda _: time.sleep(0.05), 2], is_live=False)
    with Runner(camera, most=9, waits=WAITS) as runner:
        frame = runner.take(after=time.time() + 0.02)
    assert isinstance(frame, Frame)
    assert frame.pixels[0, 0, 0] == 2
    assert (runner.counts.taken, runner.counts.dropped) == (1, 0)


def test_a_driver_that_does_not_come_back_is_reported_and_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("edge.sources.cameras.runner._GRACE", 0.1)
    monkeypatch.setattr("edge.sources.cameras.runner._LEAVING", 0.1)
    go_on = threading.Event()
    camera = ToyCamera([0, wait_for(go_on), 1], is_live=False)
    with Runner(camera, timeout=0.05, waits=WAITS) as runner:
        assert isinstance(runner.take(), Frame)
        fault = runner.take()
        assert isinstance(fault, CameraFault)
        assert fault.reason == "no-frame"
        go_on.set()
        assert isinstance(runner.take(), Frame)
    with Runner(ToyCamera([lambda _: time.sleep(0.5)]), waits=WAITS):
        start = time.monotonic()
    assert time.monotonic() - start < 0.4


def test_stop_ends_a_wait_and_closes_the_camera() -> None:
    def until_over(deadline: Deadline) -> None:
        while deadline.pause(1.0):
            pass
        raise CameraFault("no-frame", "nothing came")

    camera = ToyCamera([0, until_over, 1])
    with Runner(camera, timeout=60, waits=WAITS) as runner:
        assert isinstance(runner.take(), Frame)
        threading.Timer(0.05, runner.stop).start()
        assert runner.take() is None
    assert camera.closed == 1


def test_a_camera_that_is_away_does_not_hold_up_the_end() -> None:
    camera = ToyCamera([0, LOST])
    start = time.monotonic()
    with Runner(camera, waits=(60.0,)) as runner:
        assert isinstance(runner.take(), Frame)
        assert isinstance(runner.take(), CameraFault)
    assert time.monotonic() - start < 10
