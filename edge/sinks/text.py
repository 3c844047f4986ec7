"""Result files that are text: CSV and JSONL, chosen by suffix, written as results come."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType

from edge.errors import ResumeRefused
from edge.rows import Result
from edge.sinks.file import RegularFile, is_stream
from edge.sinks.formats import FORMATS, EarlierRows, convert_earlier_version
from edge.sinks.lock import foreign
from edge.sinks.pipe import Pipe
from edge.sinks.sink import check_same_input, too_many

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
    resume : bool
        Go on with the rows that are there, instead of replacing the file. A row
        that was cut off in writing is removed. A file of an earlier version gets the
        columns of this one, left empty.
    begin : bool
        Call :meth:`begin`, too.

    Raises
    ------
    OutputFailed
        If the file cannot be written, another process is writing it, or edge-all did
        not write what is there.
    ResumeRefused
        If its header is not that of a result file.
    """

    def __init__(self, path: Path, resume: bool = False, begin: bool = True) -> None:
        self._path = path
        self._format = FORMATS[path.suffix.lower()]
        self._waiting: list[str] = []
        self._earlier = 0
        self._earlier_rows: EarlierRows | None = None
        self._begun = False
        self._is_to_convert = False
        self._out: RegularFile | Pipe = Pipe(path) if is_stream(path) else RegularFile(path)
        with ExitStack() as if_refused:
            if_refused.callback(self._out.abandon)
            self._check(resume)
            if begin:
                self.begin()
            if_refused.pop_all()

    def _check(self, resume: bool) -> None:
        """Refuse what is there, if it is not to be replaced or gone on with."""
        if isinstance(self._out, Pipe):
            return
        is_own = self._format.is_own(self._out.start(_START))
        if resume and not is_own:
            raise ResumeRefused(
                f"{self._path} cannot be resumed: its first line is not that of a result file of"
                " this edge-all; name another file"
            )
        if not is_own:
            raise foreign(self._path, "result file")
        if resume and self._format.is_earlier_version(self._out.start(_START)):
            self._is_to_convert = True
        elif resume:
            self._earlier_rows = EarlierRows(self._path, self._format)

    def begin(self) -> None:
        """Take the place of what is there, or go on with it; see :class:`~edge.sinks.sink.Sink`."""
        self._begun = True
        if self._is_to_convert and isinstance(self._out, RegularFile):
            self._out.replace(partial(convert_earlier_version, self._path, self._format))
            self._earlier_rows = EarlierRows(self._path, self._format)
        if self._earlier_rows:
            if self._earlier_rows.has_header:
                return
            self._earlier_rows.close()
            self._earlier_rows = None
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
        if self._earlier_rows:
            self._earlier_rows.close()
        if not self._begun:
            self._out.abandon()
            return
        try:
            self.flush()
            self._out.finish()
        finally:
            self._out.close()

    def rows(self) -> Iterator[Result]:
        """Look at the rows that are there already; see :class:`~edge.sinks.sink.Sink`."""
        if self._earlier_rows is None:
            return
        rows = EarlierRows(self._path, self._format)
        try:
            yield from rows
        finally:
            rows.close()

    def earlier(self, expected: Result) -> Result | None:
        """Take the next row that is there already; see :class:`~edge.sinks.sink.Sink`."""
        found = self._next_earlier()
        if found:
            check_same_input(self._path, found, expected)
            self._earlier += 1
        return found

    def check_end(self) -> None:
        """Refuse rows of inputs that are not there."""
        if found := self._next_earlier():
            raise too_many(self._path, found)

    def _next_earlier(self) -> Result | None:
        if self._earlier_rows is None:
            return None
        found = next(self._earlier_rows, None)
        if found is None:
            self._end_of_earlier()
        return found

    def _end_of_earlier(self) -> None:
        """Go on behind the last whole row."""
        if self._earlier_rows and isinstance(self._out, RegularFile):
            self._earlier_rows.close()
            self._out.cut(self._earlier_rows.end)
            self._earlier_rows = None

    def write(self, result: Result) -> None:
        """Add one result, unless its row is there already."""
        if result.index >= self._earlier:
            self._waiting.append(self._format.encode(result.row()))

    def flush(self) -> None:
        """Write what waits, or nothing of it."""
        data = "".join(self._waiting).encode()
        self._waiting.clear()
        self._out.write(data)

    def sync(self) -> None:
        """Put what was flushed on the disk."""
        self._out.sync()
