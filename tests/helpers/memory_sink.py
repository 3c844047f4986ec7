"""A sink that holds results in memory, in one class: what a sink of one's own looks like."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from edge.rows import Result
from edge.sinks.sink import Run


class Memory:
    """Results by path, for as long as the process lives."""

    held: ClassVar[defaultdict[Path, list[Result]]] = defaultdict(list)

    def __init__(self, path: Path, run: Run, resume: bool) -> None:
        self._path = path
        self._resume = resume
        self._waiting: list[Result] = []

    def begin(self) -> None:
        if not self._resume:
            self.held[self._path].clear()

    def rows(self) -> Iterator[Result]:
        return iter(tuple(self.held[self._path]))

    def write(self, result: Result) -> None:
        self._waiting.append(result)

    def flush(self) -> None:
        self.held[self._path] += self._waiting
        self._waiting.clear()

    def sync(self) -> None:
        """Nothing is on a disk."""

    def __enter__(self) -> Memory:
        return self

    def __exit__(self, *_: object) -> None:
        self.flush()
