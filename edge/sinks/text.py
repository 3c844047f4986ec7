"""Result files that are text: CSV and JSONL, chosen by suffix, written as results come."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

from edge.errors import OutputFailed, ResumeRefused
from edge.results import COLUMNS, FIRST_COLUMNS, Result
from edge.sinks.sink import START_AGAIN, check_same_input, too_many

_LONGEST_RECORD = 1 << 20  # bytes: several times the longest command line argument

_READ_AND_WRITE = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)  # binary: Windows

_Row = Mapping[str, object]


@dataclass(frozen=True)
class _Format:
    """How rows become text, and text rows."""

    header: str
    encode: Callable[[_Row], str]
    decode: Callable[[str], _Row]
    may_span_lines: bool


def _csv_field(value: object) -> str:
    """Field of a CSV file; csv.writer leaves a carriage return unquoted before Python 3.13."""
    text = "" if value is None else str(value)
    if any(special in text for special in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text


def _csv_encode(row: _Row) -> str:
    return ",".join(map(_csv_field, row.values())) + "\n"


def _csv_decode(text: str) -> _Row:
    (fields,) = csv.reader([text], strict=True)
    return dict(zip(COLUMNS, fields, strict=True))


def _jsonl_encode(row: _Row) -> str:
    return json.dumps(row, ensure_ascii=False) + "\n"


def _jsonl_decode(text: str) -> _Row:
    row = json.loads(text)
    if not isinstance(row, dict):
        raise ValueError("it is no object")
    return row


_FORMATS = {
    ".csv": _Format(",".join(COLUMNS) + "\n", _csv_encode, _csv_decode, may_span_lines=True),
    ".jsonl": _Format("", _jsonl_encode, _jsonl_decode, may_span_lines=False),
}

_FIRST_HEADER = ",".join(FIRST_COLUMNS) + "\n"
"""Header of a CSV file of version 1."""


class ResultFile:
    """A CSV or JSONL file of results, open; a :class:`~edge.sinks.sink.Sink`.

    CSV has a header line and leaves empty what does not apply; JSONL has one
    object a line, with null there.

    Parameters
    ----------
    path : Path
        ``.csv`` or ``.jsonl``. Its folder must exist.
    resume : bool
        Go on with the rows that are there, instead of replacing the file. A row
        that was cut off in writing is removed. A file of an earlier version gets the
        columns of this one, left empty.

    Raises
    ------
    OutputFailed
        If the file cannot be written, or another process is writing it.
    ResumeRefused
        If its header is not that of a result file.
    """

    def __init__(self, path: Path, resume: bool = False) -> None:
        self._path = path
        self._format = _FORMATS[path.suffix.lower()]
        self._waiting: list[str] = []
        self._earlier = 0
        self._earlier_rows: _EarlierRows | None = None
        try:
            self._descriptor = os.open(path, _READ_AND_WRITE, 0o666)
        except OSError as error:
            raise self._failed(error) from error
        with contextlib.ExitStack() as if_refused:
            if_refused.callback(os.close, self._descriptor)
            self._regular = stat.S_ISREG(os.fstat(self._descriptor).st_mode)
            self._lock()
            if resume and self._regular and self._is_of_first_version():
                self._add_columns()
            self._start(resume)
            if_refused.pop_all()

    def _is_of_first_version(self) -> bool:
        """Whether it is a file with a header to which later versions have added columns."""
        first = _FIRST_HEADER.encode() if self._format.header else b"\0"
        with self._path.open("rb") as file:
            return file.read(len(first)) == first

    def _add_columns(self) -> None:
        """Put a whole file with the columns of this version in the place of an earlier one."""
        path = Path(os.path.realpath(self._path))
        unfinished = path.with_name(f".{path.name}.{os.getpid()}")
        added = "," * (len(COLUMNS) - len(FIRST_COLUMNS))
        rows = _EarlierRows(path, replace(self._format, header=_FIRST_HEADER))
        try:
            with unfinished.open("wb") as file:
                file.write(self._format.header.encode())
                for record in rows.records():
                    file.write(record.rstrip(b"\n") + f"{added}\n".encode())
                file.flush()
                os.fsync(file.fileno())
            shutil.copymode(path, unfinished)
            unfinished.replace(path)
            new = os.open(path, _READ_AND_WRITE)
        except OSError as error:
            raise self._failed(error) from error
        finally:
            rows.close()
            unfinished.unlink(missing_ok=True)
        os.dup2(new, self._descriptor)
        os.close(new)
        self._lock()

    def _start(self, resume: bool) -> None:
        if resume and self._regular:
            self._earlier_rows = _EarlierRows(self._path, self._format)
            if self._earlier_rows.has_header:
                return
            self._end_of_earlier()
        self._cut(0)
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
        try:
            self.flush()
            self.sync()
        finally:
            os.close(self._descriptor)
            if self._earlier_rows:
                self._earlier_rows.close()

    def rows(self) -> Iterator[Result]:
        """Look at the rows that are there already; see :class:`~edge.sinks.sink.Sink`."""
        if self._earlier_rows is None:
            return
        rows = _EarlierRows(self._path, self._format)
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
        if self._earlier_rows:
            self._earlier_rows.close()
            self._cut(self._earlier_rows.end)
            self._earlier_rows = None

    def write(self, result: Result) -> None:
        """Add one result, unless its row is there already."""
        if result.index >= self._earlier:
            self._waiting.append(self._format.encode(result.row()))

    def flush(self) -> None:
        """Write what waits, or nothing of it."""
        data = "".join(self._waiting).encode()
        self._waiting.clear()
        try:
            before = os.lseek(self._descriptor, 0, os.SEEK_CUR) if self._regular else 0
            try:
                _write_all(self._descriptor, data)
            except OSError:
                self._cut(before)  # no half row stays
                raise
        except OSError as error:
            raise self._failed(error) from error

    def sync(self) -> None:
        """Put what was flushed on the disk."""
        if not self._regular:
            return
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            raise self._failed(error) from error

    def _cut(self, size: int) -> None:
        """Let the file end here, and go on here; nothing to do for a pipe."""
        if self._regular:
            os.ftruncate(self._descriptor, size)
            os.lseek(self._descriptor, size, os.SEEK_SET)

    def _lock(self) -> None:
        """Keep a second run from writing the same file; the lock ends with the process."""
        try:
            import fcntl
        except ImportError:  # Windows
            return
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OutputFailed(
                f"cannot write {self._path}: another run is writing it; wait for it, or name"
                " another file"
            ) from error
        except OSError:  # a file system without locks
            return

    def _failed(self, error: OSError) -> OutputFailed:
        return OutputFailed(
            f"cannot write {self._path}: {error.strerror}; check the folder and the free space"
        )


class _EarlierRows(Iterator[Result]):
    """Whole rows of a result file, one after the other; `end` is behind the last one read."""

    def __init__(self, path: Path, file_format: _Format) -> None:
        self._path = path
        self._format = file_format
        self._file = path.open("rb")
        self.end = 0
        self.has_header = not file_format.header or self._read_header()

    def _read_header(self) -> bool:
        """Read the header; False if the file ends within it."""
        header = self._format.header.encode()
        found = self._file.read(len(header))
        if not header.startswith(found):
            self.close()
            raise ResumeRefused(
                f"{self._path} cannot be resumed: its first line is not the header of a result"
                f" file of this edge-all; {START_AGAIN}"
            )
        self.end = len(header) if found == header else 0
        return found == header

    def __next__(self) -> Result:
        record = self._next_record()
        try:
            result = Result.from_row(self._format.decode(record.decode()))
        except (ValueError, KeyError, csv.Error) as error:
            raise self._damaged(str(error)) from error
        self.end += len(record)
        return result

    def records(self) -> Iterator[bytes]:
        """Whole rows as they stand in the file, whatever is in them."""
        while True:
            try:
                yield self._next_record()
            except StopIteration:
                return

    def _next_record(self) -> bytes:
        """Next whole record; one that was cut off in writing ends the iteration."""
        lines: list[bytes] = []
        size = quotes = 0
        while line := self._file.readline(_LONGEST_RECORD):
            lines.append(line)
            size += len(line)
            if size > _LONGEST_RECORD:
                raise self._damaged("it is too long")
            # a quoted name may hold line breaks: quotes come in pairs in a whole record
            quotes += line.count(b'"') if self._format.may_span_lines else 0
            if line.endswith(b"\n") and quotes % 2 == 0:
                return b"".join(lines)
        raise StopIteration

    def _damaged(self, why: str) -> ResumeRefused:
        return ResumeRefused(
            f"{self._path} cannot be resumed: the row at byte {self.end} is no result ({why});"
            f" {START_AGAIN}"
        )

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _write_all(descriptor: int, data: bytes) -> None:
    """Write all bytes: the system may take them in parts."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
