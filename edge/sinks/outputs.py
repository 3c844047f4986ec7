"""All outputs of a run: opened by suffix, written together, flushed in time."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType

from edge.errors import OutputFailed
from edge.process.interrupts import Interrupted
from edge.rows import Result
from edge.samples import Sample
from edge.sinks.ledger import Ledger
from edge.sinks.registry import check_suffix, kind_of
from edge.sinks.sink import Run, TakesRemarks

BATCH = 64
"""Most results that wait for a flush: a killed run loses no more."""

FLUSH_SECONDS = 1.0
"""Longest that a result waits for a flush."""

SYNC_SECONDS = 10.0
"""Longest that a flushed result waits to be put on the disk: a power cut takes no more."""


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
        Those of the sinks; `path` of the first says which one, here and in all methods.
    """

    def __init__(self, paths: Sequence[Path], run: Run, resume: bool = False) -> None:
        self._outputs: list[_Output] = []
        self._waiting = 0
        self._synced = True
        self._last_sync = time.monotonic()
        self._failure: OutputFailed | None = None
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._clock = threading.Thread(target=self._flush_in_time, name="flush", daemon=True)
        with ExitStack() as opened:
            for path in sorted(paths, key=lambda path: kind_of(path).may_wait):
                self._outputs.append(opened.enter_context(_Output(path, run, resume)))
            for output in self._outputs:  # all are locked, none was refused: now things may change
                with output.naming():
                    output.sink.begin()
            self._ledger = Ledger((output.path, output.sink.rows()) for output in self._outputs)
            self._opened = opened.pop_all()
        if self._outputs:
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
        if self._outputs:
            self._clock.join()
        failure = self._failure
        if failure and not error:
            kind, error = type(failure), failure
        try:
            with self._lock:
                self._ledger.close()
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
        return max((list(output.sink.rows()) for output in self._outputs), key=len, default=[])

    @property
    def next_index(self) -> int:
        """How many results were taken by :meth:`earlier`: the index of the first one to write."""
        return self._ledger.next_index

    def earlier(self, sample: Sample, model: str, model_sha256: str) -> list[Result] | None:
        """Take all results of the next sample, if all files have them already.

        Parameters
        ----------
        sample : Sample
        model, model_sha256 : str
            Network and hash of the model file of this run.

        Returns
        -------
        list of Result or None
            None where it must be classified, and all samples behind it, with indices from
            :attr:`next_index` on; what a file has of their results is not written again. None
            once the files are closed, too: whoever reads sources ahead may ask until it hears of
            that.

        Raises
        ------
        ResumeRefused
            If one of them has results of another input or model there.
        """
        with self._lock:
            if self._closing.is_set():
                return None
            found = self._ledger.take(sample, model, model_sha256)
            for output, held in zip(self._outputs, self._ledger, strict=True):
                while held.lacking:
                    output.write(held.lacking.popleft())
            return found

    def check_end(self) -> None:
        """Refuse files that hold more results than there are inputs.

        Raises
        ------
        ResumeRefused
        """
        with self._lock:
            if not self._closing.is_set():
                self._ledger.check_end()

    def write(self, result: Result) -> None:
        """Add one result to all files that do not have it.

        Raises
        ------
        OutputFailed
            If this one or an earlier one cannot be written.
        ResumeRefused
            If a file has the result of something else in its place.
        """
        with self._lock:
            if self._failure:
                raise self._failure
            for output, held in zip(self._outputs, self._ledger, strict=True):
                if not held.has(result):
                    output.write(result)
            self._waiting += 1
            if self._waiting >= BATCH:
                self._flush()

    def flush(self) -> None:
        """Hand all that waits to the operating system now, not in time.

        Raises
        ------
        OutputFailed
        """
        with self._lock:
            if self._failure:
                raise self._failure
            if self._waiting:
                self._flush()

    def remark(self, text: str) -> None:
        """Give a sentence about the run to all outputs that show such to people."""
        with self._lock:
            for output in self._outputs:
                if isinstance(output.sink, TakesRemarks):
                    output.sink.remark(text)

    def _flush(self) -> None:
        self._waiting = 0
        self._synced = False
        for output in self._outputs:
            with output.naming():
                output.sink.flush()
        self._sync_in_time()

    def _sync_in_time(self) -> None:
        if not self._synced and time.monotonic() - self._last_sync > SYNC_SECONDS:
            for output in self._outputs:
                with output.naming():
                    output.sink.sync()
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


class _Output:
    """One output: a sink, open, whose failures say which output it is; a context manager."""

    def __init__(self, path: Path, run: Run, resume: bool) -> None:
        self.path = path
        with self.naming():
            self.sink = kind_of(path).make(path, run, resume)

    @contextmanager
    def naming(self) -> Iterator[None]:
        """Name the path in what fails inside."""
        try:
            yield
        except OutputFailed as error:
            self._name(error)
            raise

    def write(self, result: Result) -> None:
        """Add one result; without a context of its own, as it is called for every cell."""
        try:
            self.sink.write(result)
        except OutputFailed as error:
            self._name(error)
            raise

    def _name(self, error: OutputFailed) -> None:
        error.path = error.path or self.path

    def __enter__(self) -> _Output:
        self.sink.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self.naming():
            self.sink.__exit__(kind, error, traceback)


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
    results, pages = list(out), [report] if report else []
    for path in results:
        check_suffix(path, is_page=False)
    for path in pages:
        check_suffix(path, is_page=True)
    paths = results + pages
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


def keeps_crops(paths: Iterable[Path]) -> bool:
    """Whether results must carry their crops, for one of the outputs."""
    return any(kind_of(path).keeps_crops for path in paths)
