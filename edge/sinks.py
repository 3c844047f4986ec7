"""Result files: CSV and JSONL, chosen by suffix, written as results come."""

from __future__ import annotations

import contextlib
import csv
import json
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TextIO

from edge.errors import OutputFailed
from edge.results import COLUMNS, Result

_Write = Callable[[Result], object]


def _csv(file: TextIO) -> _Write:
    """CSV with a header line; what does not apply is empty."""
    writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    writer.writeheader()
    return lambda result: writer.writerow(result.row())


def _jsonl(file: TextIO) -> _Write:
    """One JSON object per line; what does not apply is null."""
    return lambda result: file.write(json.dumps(result.row(), ensure_ascii=False) + "\n")


_FORMATS: dict[str, Callable[[TextIO], _Write]] = {".csv": _csv, ".jsonl": _jsonl}


class ResultFile:
    """A result file, open for writing; a context manager.

    Every result reaches the operating system at once, so a killed run keeps them.

    Parameters
    ----------
    path : Path
        ``.csv`` or ``.jsonl``. Its folder must exist; an earlier file is replaced.

    Raises
    ------
    OutputFailed
        If the suffix names no format, or the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        check_suffix(path)
        self._path = path
        try:
            self._file = path.open("w", buffering=1, newline="", encoding="utf-8")
            try:
                self._write = _FORMATS[path.suffix.lower()](self._file)
            except OSError:
                with contextlib.suppress(OSError):  # a full disk: closing fails likewise
                    self._file.close()
                raise
        except OSError as error:
            raise self._failed(error) from error

    def __enter__(self) -> ResultFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._file.close()
        except OSError as close_error:
            raise self._failed(close_error) from close_error

    def write(self, result: Result) -> None:
        """Add one result."""
        try:
            self._write(result)
        except OSError as error:
            raise self._failed(error) from error

    def _failed(self, error: OSError) -> OutputFailed:
        return OutputFailed(
            f"cannot write {self._path}: {error.strerror}; check the folder and the free space"
        )


def check_suffix(path: Path) -> None:
    """Refuse a result file whose suffix names no format.

    Raises
    ------
    OutputFailed
    """
    if path.suffix.lower() not in _FORMATS:
        raise OutputFailed(f"{path}: the name must end in {' or '.join(_FORMATS)}")
