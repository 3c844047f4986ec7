"""A camera that does what a list says: gives a grey level, fails, or takes its time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np

from edge.errors import CameraFault
from edge.sources.cameras.camera import Frame
from edge.sources.deadline import Deadline

Step = int | Exception | Callable[[Deadline], None]
"""A grey level to give, something to raise, or something to do before the next step."""


class ToyCamera:
    """A camera whose frames are of one grey level each, in the order of its steps.

    Parameters
    ----------
    steps : sequence of Step
        Then its frames end.
    is_live : bool
    refused : int
        How often it cannot be opened again once it was lost.
    """

    def __init__(self, steps: Sequence[Step], is_live: bool = True, refused: int = 0) -> None:
        self.is_live = is_live
        self.opened: list[float] = []
        self.closed = 0
        self._steps = list(steps)
        self._refused = refused
        self._number = 0

    def __enter__(self) -> ToyCamera:
        self.opened.append(time.monotonic())
        if 1 < len(self.opened) <= 1 + self._refused:
            raise CameraFault("no-camera", "it is not there; plug it in")
        return self

    def __exit__(self, *_: object) -> None:
        self.closed += 1

    def read(self, deadline: Deadline) -> Frame | None:
        while self._steps:
            step = self._steps.pop(0)
            if isinstance(step, Exception):
                raise step
            if isinstance(step, int):
                self._number += 1
                pixels = np.full((4, 5, 3), step, np.uint8)
                return Frame(pixels, time.time(), self._number - 1)
            step(deadline)
        return None
