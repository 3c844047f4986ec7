"""All result files of a run: opened by suffix, written together, flushed in time."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from edge.errors import OutputFailed
from edge.files import file_name
from edge.process.interrupts import Interrupted
from edge.rows import Result
from edge.samples import Sample
from edge.sinks.sink import Run, Sink

BATCH = 64
"""Most results that wait for a flush: a killed run loses no more."""

FLUSH_SECONDS = 1.0
"""Longest that a result waits for a flush."""

SYNC_SECONDS = 10.0
"""Longest that a flushed result waits to be put on the disk: a power cut takes no more."""

_DATABASE = (".db", ".sqlite")
_REPORT = (".html", ".htm")
_TEXT = (".csv", ".jsonl")
# in this order: a pipe waits for its reader when nothing else was refused
_ORDER = (*_DATABASE, *_REPORT, *_TEXT)


def _open_sink(path: Path, run: Run, resume: bool) -> Sink:
    """Make a sink by suffix; what it needs is imported only then: most runs start without."""
    suffix = path.suffix.lower()
    if suffix in _DATABASE:
        from edge.sinks.database import Database

        return Database(path, run, resume, begin=False)
    if suffix in _REPORT:
        from edge.sinks.page.sink import ReportFile

        return ReportFile(path, run, resume, begin=False)
    from edge.sinks.text import ResultFile

    return ResultFile(path, resume, begin=False)


class Outputs:
    """The result files of a run, open; a context manager.

    Every result is flushed with at most :data:`BATCH` others, and after at most
    :data:`FLUSH_SECONDS`, by a thread: a source may rest for hours.

    Parameters
    ----------
    paths : sequence of Path
        Result files and reports, by suffix.
    run : Run
    resume : bool
        Go on with what is there, instead of replacing it.

    Raises
    ------
    OutputFailed, ResumeRefused
        Those of the sinks.
    """

    def __init__(self, paths: Sequence[Path], run: Run, resume: bool = False) -> None:
        self._sinks: list[Sink] = []
        self._waiting = 0
        self._taken = 0
        self._synced = True
        self._last_sync = time.monotonic()
        self._failure: OutputFailed | None = None
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._clock = threading.Thread(target=self._flush_in_time, name="flush", daemon=True)
        with ExitStack() as opened:
            for path in sorted(paths, key=lambda path: _ORDER.index(path.suffix.lower())):
                self._sinks.append(opened.enter_context(_open_sink(path, run, resume)))
            for sink in self._sinks:  # all are locked, none was refused: now things may change
                sink.begin()
            self._opened = opened.pop_all()
        if self._sinks:
            self._clock.start()

    def __enter__(self) -> Outputs:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._closing.set()
        if self._sinks:
            self._clock.join()
        failure = self._failure
        if failure and not error:
            kind, error = type(failure), failure
        try:
            with self._lock:
                self._opened.__exit__(kind, error, traceback)
        except OutputFailed as late:
            if not isinstance(error, Interrupted):
                raise
            failure = late
        if isinstance(error, Interrupted):  # which goes on, with what was not written
            error.unwritten = error.unwritten or failure
        elif failure and error is failure:
            raise failure

    def rows(self) -> list[Result]:
        """Results that are there already: those of the file that has most of them."""
        return max((list(sink.rows()) for sink in self._sinks), key=len, default=[])

    def earlier(self, sample: Sample, model: str, model_sha256: str) -> list[Result] | None:
        """Results of the next sample, if all files have them already."""
        with self._lock:
            if self._closing.is_set():
                return None
            expected = Result(
                file_name(sample.source), file_name(sample.file), self._taken, model, model_sha256
            )
            found = [sink.earlier(expected) for sink in self._sinks]
            if not (found and all(found)):
                return None
            self._taken += 1
            return [each for each in found[:1] if each]

    def check_end(self) -> None:
        """Refuse files that hold more results than there are inputs.

        Raises
        ------
        ResumeRefused
        """
        with self._lock:
            for sink in self._sinks if not self._closing.is_set() else ():
                sink.check_end()

    def write(self, result: Result) -> None:
        """Add one result to all files.

        Raises
        ------
        OutputFailed
            If this one or an earlier one cannot be written.
        """
        with self._lock:
            if self._failure:
                raise self._failure
            for sink in self._sinks:
                sink.write(result)
            self._waiting += 1
            if self._waiting >= BATCH:
                self._flush()

    def _flush(self) -> None:
        self._waiting = 0
        self._synced = False
        for sink in self._sinks:
            sink.flush()
        self._sync_in_time()

    def _sync_in_time(self) -> None:
        if not self._synced and time.monotonic() - self._last_sync > SYNC_SECONDS:
            for sink in self._sinks:
                sink.sync()
            self._synced = True
            self._last_sync = time.monotonic()

    def _flush_in_time(self) -> None:
        while not self._closing.wait(FLUSH_SECONDS):
            with self._lock:
                try:
                    if self._waiting:
                        self._flush()
                    self._sync_in_time()
                except OutputFailed as error:
                    self._failure = error
                    return


def check_outputs(
    out: Iterable[Path], report: Path | None, sources: Sequence[str] = ()
) -> list[Path]:
    """Refuse output files that cannot be, before any work is done.

    Parameters
    ----------
    out : iterable of Path
        Result files.
    report : Path or None
    sources : sequence of str
        What the results are of.

    Returns
    -------
    list of Path
        All of them.

    Raises
    ------
    OutputFailed
        If a suffix names no format, a file is named twice, a folder is missing, or an
        output is an input.
    """
    paths = list(_with_suffix(out, _TEXT + _DATABASE))
    paths += _with_suffix([report] if report else [], _REPORT)
    for n, path in enumerate(paths):
        if any(_is_same(path, other) for other in paths[:n]):
            raise OutputFailed(f"{path} is named twice; name another file")
        if not path.absolute().parent.is_dir():
            raise OutputFailed(
                f"cannot write {path}: no such folder as {path.parent}; make it first"
            )
    if paths and sources:
        from edge.sinks.read_back import refuse_inputs

        refuse_inputs(paths, sources)
    return paths


def _is_same(path: Path, other: Path) -> bool:
    if os.path.realpath(path) == os.path.realpath(other):
        return True
    try:
        return path.is_file() and path.samefile(other)  # two names of one file
    except OSError:
        return False


def is_report(path: Path) -> bool:
    """Whether a path names a page, by its suffix."""
    return path.suffix.lower() in _REPORT


def _with_suffix(paths: Iterable[Path], suffixes: Sequence[str]) -> Iterator[Path]:
    for path in paths:
        if path.suffix.lower() not in suffixes:
            *first, last = suffixes
            raise OutputFailed(f"{path}: the name must end in {', '.join(first)} or {last}")
        yield path
