"""Result files that are text: CSV and JSONL, chosen by suffix, written as results come."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType

from edge.errors import ResumeRefused
from edge.rows import Result
from edge.sinks.file import RegularFile, is_stream
from edge.sinks.formats import EarlierRows, convert_earlier_version, make_format
from edge.sinks.lock import foreign
from edge.sinks.pipe import Pipe
from edge.sinks.sink import Run

_START = 1 << 16  # bytes that tell whose file it is


class ResultFile:
    """A CSV or JSONL file of results, open; a :class:`~edge.sinks.sink.Sink`.

    CSV has a header line and leaves empty what does not apply; JSONL has one
    object a line, with null there. A text that a spreadsheet would take for a formula
    has an apostrophe before it in CSV.

    Parameters
    ----------
    path : Path
        ``.csv`` or ``.jsonl``. Its folder must exist. A pipe waits for a reader.
    run : Run
        Every row says what of it matters.
    resume : bool
        Go on with the rows that are there, instead of replacing the file. A row
        that was cut off in writing is removed. A file of an earlier version gets the
        columns of this one, left empty.

    Raises
    ------
    OutputFailed
        If the file cannot be written, another process is writing it, or edge-all did
        not write what is there.
    ResumeRefused
        If its header is not that of a result file.
    """

    def __init__(self, path: Path, run: Run, resume: bool = False) -> None:
        self._path = path
        self._format = make_format(path.suffix.lower(), run.contract)
        self._waiting: list[str] = []
        self._goes_on = False  # whether rows are there, with a half one behind them, maybe
        self._begun = False
        self._earlier_header: str | None = None
        self._out: RegularFile | Pipe = Pipe(path) if is_stream(path) else RegularFile(path)
        with ExitStack() as if_refused:
            if_refused.callback(self._out.abandon)
            self._check(resume)
            if_refused.pop_all()

    def _check(self, resume: bool) -> None:
        """Refuse what is there, if it is not to be replaced or gone on with."""
        if isinstance(self._out, Pipe):
            return
        start = self._out.start(_START)
        is_own = self._format.is_own(start)
        if resume and not is_own:
            raise ResumeRefused(
                f"{self._path} cannot be resumed: its first line is not that of a result file of"
                " this edge-all; name another file"
            )
        if not is_own:
            raise foreign(self._path, "result file")
        if resume:
            self._earlier_header = self._format.earlier_header(start)
            self._goes_on = self._earlier_header is not None or self._has_header()

    def _has_header(self) -> bool:
        with contextlib.closing(EarlierRows(self._path, self._format)) as rows:
            return rows.has_header

    def begin(self) -> None:
        """Take the place of what is there, or go on with it; see :class:`~edge.sinks.sink.Sink`."""
        self._begun = True
        header = self._earlier_header
        if header is not None and isinstance(self._out, RegularFile):
            self._out.replace(partial(convert_earlier_version, self._path, self._format, header))
        if self._goes_on:
            return
        if isinstance(self._out, RegularFile):
            self._out.cut(0)
        self._waiting.append(self._format.header)
        self.flush()

    def __enter__(self) -> ResultFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self._begun:
            self._out.abandon()
            return
        try:
            if kind is None:
                self._go_behind_rows()
            self.flush()
            self._out.finish()
        finally:
            self._out.close()

    def rows(self) -> Iterator[Result]:
        """Look at the rows that are there already; see :class:`~edge.sinks.sink.Sink`."""
        if self._goes_on:
            with contextlib.closing(EarlierRows(self._path, self._format)) as rows:
                yield from rows

    def _go_behind_rows(self) -> None:
        """Go on behind the last whole row, and not before it is known that the run goes on."""
        if self._goes_on and isinstance(self._out, RegularFile):
            self._goes_on = False
            with contextlib.closing(EarlierRows(self._path, self._format)) as rows:
                self._out.cut(rows.end + sum(map(len, rows.records())))

    def write(self, result: Result) -> None:
        """Add one result; see :class:`~edge.sinks.sink.Sink`."""
        self._waiting.append(self._format.encode(result.row()))

    def flush(self) -> None:
        """Write what waits, or nothing of it."""
        if self._waiting:
            self._go_behind_rows()
        data = "".join(self._waiting).encode()
        self._waiting.clear()
        self._out.write(data)

    def sync(self) -> None:
        """Put what was flushed on the disk."""
        self._out.sync()
