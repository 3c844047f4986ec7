"""CSV and JSONL: how rows become text, and text rows; whose file it is by its first line."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

from edge.contract import Contract
from edge.errors import ResumeRefused
from edge.rows import BEGINNING, Result, are_columns, columns_of, earlier_columns
from edge.sinks.sink import START_AGAIN

_LONGEST_RECORD = 1 << 20  # bytes: several times the longest command line argument

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001
_TEXT_MARK = "'"

_Row = Mapping[str, object]


@dataclass(frozen=True)
class Format:
    """How rows become text, and text rows.

    Attributes
    ----------
    contract : Contract
    header : str
        First line, or nothing.
    earlier : tuple of str
        First lines that earlier versions wrote.
    encode, decode : callable
        A row to its text with the line end, and back.
    is_first_line : callable
        Whether the first line of a file was written by edge-all, now or in an earlier version.
    beginning : str
        What every file begins with: whatever of it was written before a run was killed.
    may_span_lines : bool
    """

    contract: Contract
    header: str
    earlier: tuple[str, ...]
    encode: Callable[[_Row], str]
    decode: Callable[[str], _Row]
    is_first_line: Callable[[str], bool]
    beginning: str
    may_span_lines: bool

    def is_own(self, start: bytes) -> bool:
        """Whether a file was written by edge-all, by what it begins with; an empty one was."""
        line, end, _ = start.partition(b"\n")
        beginning = self.beginning.encode()
        if not end:  # cut off in writing
            return line.startswith(beginning) or beginning.startswith(line)
        try:
            return self.is_first_line(line.decode())
        except (ValueError, RecursionError):
            return False

    def earlier_header(self, start: bytes) -> str | None:
        """Header of a file to which later versions have added columns, if it is one."""
        return next((each for each in self.earlier if start.startswith(each.encode())), None)


def as_text(value: str) -> str:
    """Text that no spreadsheet takes for a formula: what could be one gets an apostrophe first.

    So does what has apostrophes before such a character: then one, taken away, gives it back.
    """
    return _TEXT_MARK + value if _looks_like_formula(value) else value


def from_text(value: str) -> str:
    """What :func:`as_text` made a text of."""
    is_marked = value.startswith(_TEXT_MARK) and _looks_like_formula(value)
    return value[1:] if is_marked else value


def _looks_like_formula(value: str) -> bool:
    return value.lstrip(_TEXT_MARK).startswith(_FORMULA)


def _csv_field(value: object) -> str:
    """Field of a CSV file; csv.writer leaves a carriage return unquoted before Python 3.13."""
    if value is None:
        return ""
    text = as_text(value) if isinstance(value, str) else str(value)
    if any(special in text for special in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text


def _csv_encode(row: _Row) -> str:
    return ",".join(map(_csv_field, row.values())) + "\n"


def _csv_decode(columns: Sequence[str], text: str) -> _Row:
    (fields,) = csv.reader([text], strict=True)
    return dict(zip(columns, map(from_text, fields), strict=True))


def _jsonl_encode(row: _Row) -> str:
    return json.dumps(row, ensure_ascii=False) + "\n"


def _jsonl_decode(text: str) -> _Row:
    row = json.loads(text)
    if not isinstance(row, dict):
        raise ValueError("it is no object")
    return row


def _header(columns: Sequence[str]) -> str:
    return ",".join(map(_csv_field, columns)) + "\n"


def make_format(suffix: str, contract: Contract) -> Format:
    """Make the format of a suffix, ``.csv`` or ``.jsonl``, for results of a contract."""
    if suffix == ".jsonl":
        return Format(
            contract,
            "",
            (),
            _jsonl_encode,
            _jsonl_decode,
            lambda line: are_columns(_jsonl_decode(line)),
            beginning=f'{{"{BEGINNING[0]}": "',
            may_span_lines=False,
        )
    columns = columns_of(contract.names)
    return Format(
        contract,
        _header(columns),
        tuple(_header(each) for each in earlier_columns(contract.names)),
        _csv_encode,
        partial(_csv_decode, columns),
        lambda line: are_columns(map(from_text, *csv.reader([line], strict=True))),
        beginning=",".join(BEGINNING),
        may_span_lines=True,
    )


class EarlierRows(Iterator[Result]):
    """Whole rows of a result file, one after the other; `end` is behind the last one read."""

    def __init__(self, path: Path, file_format: Format) -> None:
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
            row = self._format.decode(record.decode())
            result = Result.from_row(row, self._format.contract)
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


def convert_earlier_version(path: Path, file_format: Format, header: str, file: BinaryIO) -> None:
    """Write the rows of a CSV file of an earlier version with the columns of this one, left empty.

    Parameters
    ----------
    path : Path
    file_format : Format
        Of this version.
    header : str
        Of that file.
    file : binary file
    """
    added = "," * (file_format.header.count(",") - header.count(","))
    rows = EarlierRows(path, replace(file_format, header=header))
    try:
        file.write(file_format.header.encode())
        for record in rows.records():
            file.write(record.rstrip(b"\n") + f"{added}\n".encode())
    finally:
        rows.close()
