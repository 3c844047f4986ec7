"""How many frames are in memory: four at most, however slow the disk or the network."""

from __future__ import annotations

import threading
import time
import weakref
from pathlib import Path

import numpy as np
import pytest

from edge.capture.capture import capture
from edge.capture.reserve import Reserve
from edge.capture.writer import FieldWriter
from edge.sources.cameras.camera import Frame
from edge.sources.cameras.runner import Runner
from edge.sources.cameras.source import CameraSource
from edge.sources.deadline import Deadline

MOST = 4


class Counted:
    """A live camera that counts which of its frames are still held by anybody."""

    is_live = True

    def __init__(self, frames: int) -> None:
        self.most = self.given = 0
        self._frames = frames
        self._alive: list[weakref.ref[np.ndarray]] = []

    def __enter__(self) -> Counted:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""

    def read(self, deadline: Deadline) -> Frame | None:
        if self.given == self._frames:
            return None
        pixels = np.full((30, 40, 3), self.given % 256, np.uint8)
        self._alive = [each for each in self._alive if each() is not None] + [weakref.ref(pixels)]
        self.most = max(self.most, len(self._alive))
        self.given += 1
        time.sleep(0.002)
        return Frame(pixels, time.time(), self.given - 1)


def test_a_slow_consumer_holds_one_and_two_wait() -> None:
    camera = Counted(60)
    with Runner(camera) as runner:
        while runner.take() is not None:
            time.sleep(0.02)
    assert camera.given == 60
    assert 2 < camera.most <= MOST


def test_a_slow_disk_holds_no_more_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Reserve, "make_room", lambda *_: time.sleep(0.02) or [])
    camera = Counted(60)
    source = CameraSource("sim:", camera, most=1)
    events = list(capture(source, FieldWriter(tmp_path, Reserve(tmp_path, 0))))
    assert camera.given == 60
    assert len(events) + source.counts.dropped == 60
    assert 2 < camera.most <= MOST
    assert threading.active_count() < 10
