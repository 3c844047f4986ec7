"""How long each step of a conversion takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Stopwatch:
    """Durations of named steps, in the order they were begun.

    Parameters
    ----------
    say : callable
        Told the name of each step as it begins.

    Attributes
    ----------
    seconds : dict
        Step -> duration.
    """

    def __init__(self, say: Callable[[str], object] = lambda step: None) -> None:
        self.seconds: dict[str, float] = {}
        self._say = say

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time what happens inside."""
        self._say(name)
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = round(time.perf_counter() - start, 2)
