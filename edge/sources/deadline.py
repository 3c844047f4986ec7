"""How long a camera or a server may take: a time, or less once nobody waits any more."""

from __future__ import annotations

import threading
import time

STEP = 0.2
"""Longest wait, in seconds, in a call that cannot be ended from outside."""


class Deadline:
    """A point in time that comes at once when `ended` is set.

    Parameters
    ----------
    seconds : float
        From now on.
    ended : threading.Event, optional
        Set by whoever no longer waits.
    """

    def __init__(self, seconds: float, ended: threading.Event | None = None) -> None:
        self.seconds = seconds
        self._until = time.monotonic() + seconds
        self._ended = ended or threading.Event()

    @property
    def left(self) -> float:
        """Seconds that are left, at least 0."""
        return 0.0 if self._ended.is_set() else max(self._until - time.monotonic(), 0.0)

    @property
    def step(self) -> float:
        """Seconds to wait in one call that cannot be ended from outside."""
        return min(self.left, STEP)

    @property
    def is_over(self) -> bool:
        """Whether no time is left."""
        return self.left <= 0

    @property
    def overdue(self) -> float:
        """Seconds since it was over, whether anybody waits or not; below 0 before."""
        return time.monotonic() - self._until

    def rest(self, seconds: float) -> bool:
        """Wait for so long on purpose: it does not count; say whether anybody still waits."""
        if seconds > 0:
            self._until += seconds
            self._ended.wait(seconds)
        return not self._ended.is_set()

    def pause(self, seconds: float) -> bool:
        """Wait for so long, or until the deadline; say whether there is time left."""
        self._ended.wait(min(seconds, self.left))
        return not self.is_over
