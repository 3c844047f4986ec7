"""A report as a place for results: they gather in a file beside it until the run ends."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import cv2

from edge.crops.preprocess import UInt8Image
from edge.errors import OutputFailed
from edge.rows import Result
from edge.sinks.lock import LockFile
from edge.sinks.page.page import check_page, write_page
from edge.sinks.sink import Run
from edge.sinks.store import Store
from edge.whole_file import remove_abandoned

_THUMBNAILS = "CREATE TABLE IF NOT EXISTS thumbnails (idx INTEGER PRIMARY KEY, jpeg BLOB NOT NULL);"
_INSERT = "INSERT INTO thumbnails VALUES (?, ?)"
_QUALITY = 90  # about 1.1 kB a crop, encoded in a thirtieth of the time WebP takes


class ReportFile:
    """A report, open for one run; a :class:`~edge.sinks.sink.Sink`.

    Results and thumbnails gather in a database beside it, ``x.html.unfinished``:
    memory stays flat, and a killed run is resumed. When the run ends, or is
    interrupted, the page is written whole under its name; when it ends, the
    database is removed.

    Parameters
    ----------
    path : Path
        The page. Its folder must exist; an earlier page is replaced at the end.
    run : Run
    resume : bool
        Go on with an unfinished report, if there is one. Of a finished one
        everything is classified again.

    Raises
    ------
    OutputFailed, ResumeRefused
        As :class:`~edge.sinks.database.Database`, and if another run is writing the page.
    """

    def __init__(self, path: Path, run: Run, resume: bool = False) -> None:
        self._page = path
        self._run = run
        self._resume = resume
        self._begun = False
        self._remark = ""
        real = Path(os.path.realpath(path))
        self._gathered = real.with_name(f"{real.name}.unfinished")
        self._store = Store(self._gathered, _THUMBNAILS)
        self._lock = LockFile(self._gathered, named=path)
        self._lock.take()
        with ExitStack() as if_refused:
            if_refused.callback(self._lock.release)
            check_page(path)
            self._store.check(resume)
            remove_abandoned(real)
            if_refused.pop_all()

    def begin(self) -> None:
        """Forget what an earlier run gathered, or go on with it."""
        if not self._resume:
            self._forget()
        self._store.begin(self._run, self._resume)
        self._begun = True

    def __enter__(self) -> ReportFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if self._begun:
                self._end(kind)
        finally:
            self._lock.release()

    def _end(self, kind: type[BaseException] | None) -> None:
        self._store.close(is_finished=kind is None)
        if kind is None or issubclass(kind, KeyboardInterrupt):
            write_page(self._gathered, self._page, self._remark)
        if kind is None:
            self._forget()

    def rows(self) -> Iterator[Result]:
        """Look at the results that are there already; see :class:`~edge.sinks.sink.Sink`."""
        return self._store.rows()

    def write(self, result: Result) -> None:
        """Add one result and its thumbnail; see :class:`~edge.sinks.sink.Sink`."""
        self._store.write(result)
        if result.crop is not None:
            self._store.add(_INSERT, (result.index, _jpeg(result.crop)))

    def remark(self, text: str) -> None:
        """Take what the page says before anything else."""
        self._remark = text

    def flush(self) -> None:
        """Commit what waits, or nothing of it."""
        self._store.flush()

    def sync(self) -> None:
        """Put what was committed on the disk."""
        self._store.sync()

    def _forget(self) -> None:
        """Remove what was gathered, and what SQLite left beside it."""
        for end in ("", "-wal", "-shm"):
            leftover = self._gathered.with_name(self._gathered.name + end)
            try:
                leftover.unlink(missing_ok=True)
            except OSError as error:
                raise OutputFailed(
                    f"cannot remove {leftover}: {error.strerror}; check the folder"
                ) from error


def _jpeg(crop: UInt8Image) -> bytes:
    _, data = cv2.imencode(
        ".jpg", cv2.cvtColor(crop, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
    )
    return data.tobytes()
