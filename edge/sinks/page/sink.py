"""A report as a place for results: they gather in a file beside it until the run ends."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType

import cv2

from edge.crops.preprocess import UInt8Image
from edge.errors import OutputFailed
from edge.rows import Result
from edge.sinks.database import Database
from edge.sinks.page.page import check_page, write_page
from edge.sinks.schema import SCHEMA
from edge.sinks.sink import Run
from edge.whole_file import remove_abandoned

_THUMBNAILS = "CREATE TABLE IF NOT EXISTS thumbnails (idx INTEGER PRIMARY KEY, jpeg BLOB NOT NULL)"
_QUALITY = 90  # about 1.1 kB a crop, encoded in a thirtieth of the time WebP takes


class ReportFile(Database):
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
    begin : bool
        Call :meth:`begin`, too.

    Raises
    ------
    OutputFailed, ResumeRefused
        As :class:`~edge.sinks.database.Database`.
    """

    schema = f"{SCHEMA};{_THUMBNAILS}"
    alone = True  # a page is of one run

    def __init__(self, path: Path, run: Run, resume: bool = False, begin: bool = True) -> None:
        self._page = self._named = path
        real = Path(os.path.realpath(path))
        self._gathered = real.with_name(f"{real.name}.unfinished")
        self._thumbnails: list[tuple[int, bytes]] = []
        super().__init__(self._gathered, run, resume, begin)

    def _check(self) -> None:
        """Refuse what is there, if it is no page of edge-all, and change nothing."""
        check_page(self._page)
        super()._check()
        remove_abandoned(Path(os.path.realpath(self._page)))

    def begin(self) -> None:
        """Forget what an earlier run gathered, or go on with it."""
        if not self._resume:
            self._forget()
        super().begin()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            super().__exit__(kind, error, traceback)
            if self._begun and (kind is None or issubclass(kind, KeyboardInterrupt)):
                write_page(self._gathered, self._page)
            if self._begun and kind is None:
                self._forget()
        finally:
            self._lock.release()

    def _let_go(self) -> None:
        """Keep the lock: the page is still to be written."""

    def write(self, result: Result) -> None:
        """Add one result and its thumbnail, unless it is there already."""
        super().write(result)
        if result.crop is not None and result.index >= self._earlier:
            self._thumbnails.append((result.index, _jpeg(result.crop)))

    def flush(self) -> None:
        """Commit what waits, or nothing of it."""
        try:
            super().flush()
        finally:
            self._thumbnails.clear()

    def _insert(self) -> None:
        super()._insert()
        self.connection.executemany("INSERT INTO thumbnails VALUES (?, ?)", self._thumbnails)

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
