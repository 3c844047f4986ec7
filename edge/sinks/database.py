"""Results in an SQLite database: many runs in one file, read while they are written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from edge.process.interrupts import Patience
from edge.rows import Result
from edge.sinks.lock import LockFile
from edge.sinks.schema import PATIENCE
from edge.sinks.sink import Run
from edge.sinks.store import Store


class Database:
    """A database of results, open for one run; a :class:`~edge.sinks.sink.Sink`.

    Parameters
    ----------
    path : Path
        Made if it is not there. Its folder must exist.
    run : Run
    resume : bool
        Go on with the last run in the database, if there is one, instead of adding a run.

    Raises
    ------
    OutputFailed
        If the file cannot be written, is no results database of a schema this edge-all knows, or
        another run is writing it and this one is to go on with one.
    ResumeRefused
        If the database is damaged.
    """

    def __init__(self, path: Path, run: Run, resume: bool = False) -> None:
        self._run = run
        self._resume = resume
        self._begun = False
        self._store = Store(path)
        self._lock = LockFile(path)
        # a resumed run is nobody else's; to add runs side by side is no harm
        self._lock.take(shared=not resume, patience=None if resume else Patience(PATIENCE))
        with ExitStack() as if_refused:
            if_refused.callback(self._lock.release)
            self._store.check(resume)
            if_refused.pop_all()

    def begin(self) -> None:
        """Add the run, or go on with the last one; see :class:`~edge.sinks.sink.Sink`.

        Raises
        ------
        OutputFailed
        ResumeRefused
            If the last run had other sources or another model.
        """
        self._store.begin(self._run, self._resume)
        self._begun = True
        self._lock.share()

    def __enter__(self) -> Database:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if self._begun:
                self._store.close(is_finished=kind is None)
        finally:
            self._lock.release()

    def rows(self) -> Iterator[Result]:
        """Look at the results that are there already; see :class:`~edge.sinks.sink.Sink`."""
        return self._store.rows()

    def write(self, result: Result) -> None:
        """Add one result; see :class:`~edge.sinks.sink.Sink`."""
        self._store.write(result)

    def flush(self) -> None:
        """Commit what waits, or nothing of it."""
        self._store.flush()

    def sync(self) -> None:
        """Put what was committed on the disk."""
        self._store.sync()
