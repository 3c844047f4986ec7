"""A sink in one file: ``x.toy`` holds the rows as JSON, a line each, flushed at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from edge.rows import Result
from edge.sinks.registry import SinkKind, register_sink
from edge.sinks.sink import Run


class ToySink:
    def __init__(self, path: Path, run: Run, resume: bool) -> None:
        self._path = path
        self._resume = resume

    def begin(self) -> None:
        self._file = self._path.open("a" if self._resume else "w")

    def rows(self) -> Iterator[Result]:
        lines = self._path.read_text().splitlines(keepends=True) if self._resume else []
        return (Result.from_row(json.loads(line)) for line in lines if line.endswith("\n"))

    def write(self, result: Result) -> None:
        self._file.write(json.dumps(result.row()) + "\n")

    def flush(self) -> None:
        self._file.flush()

    def sync(self) -> None:
        """A toy."""

    def __enter__(self) -> ToySink:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.flush()
        finally:
            self._file.close()


def register() -> None:
    """Let ``.toy`` stand for it; not at import: other tests name all suffixes there are."""
    register_sink(SinkKind((".toy",), ToySink))
