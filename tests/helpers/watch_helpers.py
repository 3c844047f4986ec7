"""Material the tests of watched folders share: a watch in a thread, and waiting for it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Container
from pathlib import Path

import pytest
from edge_helpers import encoded, small_cell

from edge.samples import Sample
from edge.sources.watching.watch import Watch

PATIENCE = 30.0  # seconds: only a failing test waits so long
LOOK_EVERY = 0.05
IN_DOUBT = 0.5
CELL = encoded(small_cell())

both_ways = pytest.mark.parametrize("events", [True, False], ids=["events", "looks"])


def until(happened: Callable[[], bool]) -> None:
    """Wait for something that another thread or process does."""
    end = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


class Watching:
    """A watch in a thread of its own, and the names it has given so far."""

    def __init__(
        self,
        folder: Path,
        events: bool,
        done: Container[str] = frozenset(),
        look_every: float = LOOK_EVERY,
        in_doubt: float = IN_DOUBT,
    ) -> None:
        self.folder = folder
        self.inputs: list[Sample] = []
        self.watch = Watch(str(folder), done, look_every, events, in_doubt)
        self._thread = threading.Thread(target=self._run)
        self._ready = threading.Event()

    def _run(self) -> None:
        with self.watch as batches:
            self._ready.set()
            for batch in batches:
                assert batch
                for entry in batch:
                    self._take(entry)
                    self.inputs.append(entry)

    def _take(self, entry: Sample) -> None:
        """Do with an input what a classifier would: nothing, in most tests."""

    def __enter__(self) -> Watching:
        self._thread.start()
        assert self._ready.wait(PATIENCE)
        return self

    def __exit__(self, *_: object) -> None:
        self.watch.stop()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()

    def names(self) -> list[str]:
        """Paths below the folder, in the order in which they came."""
        return [os.path.relpath(entry.file, self.folder) for entry in self.inputs]

    def of(self, name: str) -> list[Sample]:
        """What has come of one file."""
        return [entry for entry in list(self.inputs) if entry.file == str(self.folder / name)]

    def sentinel(self) -> None:
        """Give it one more image, and wait until it has come: what came before has been seen."""
        name = f"sentinel-{len(self.inputs)}.png"
        (self.folder / name).write_bytes(CELL)
        until(lambda: name in self.names())
