"""What a watch remembers of each file it has taken: some 150 bytes, for it may run for months."""

from __future__ import annotations

import os
import zlib
from array import array
from dataclasses import dataclass

from edge.errors import CropUnreadable
from edge.files import read_bytes, unreadable
from edge.rows import Result

_AT_A_TIME = 1000  # files: looking at each takes some microseconds, on a share a millisecond

_NONE = -1  # in place of an index
_UNKNOWN = 0  # in place of a state, a content or a time

# times no file was written at; those of files are held within them
_LEAST, _MOST = -(2**63) + 8, 2**63 - 1
_NO_FILE, _NEVER = _LEAST - 1, _LEAST - 2


def state_of(status: os.stat_result) -> int:
    """Sum up what the system says of a file; it changes when the file is written.

    Without the number of the file: some network shares give new ones when they are mounted.
    """
    return hash((status.st_size, status.st_mtime_ns, status.st_ctime_ns)) or 1


def state_of_error(error: CropUnreadable) -> int:
    """Sum up why there is nothing to read, as :func:`state_of`."""
    return hash(error.reason) or 1


def content_of(data: bytes) -> int:
    """Size of a file and CRC-32 of its bytes: others have the same once in four billion times."""
    return (len(data) << 32 | zlib.crc32(data)) or 1


def version_of(modified_ns: int, content: int) -> str:
    """By what a later run knows a file again: time of writing, size and CRC-32, as text."""
    return f"{modified_ns}-{content >> 32}-{content & 0xFFFFFFFF:08x}"


def _version_from(text: str | None) -> tuple[int, int]:
    """Time of writing and content; unknown where nothing sensible was noted."""
    parts = (text or "").rsplit("-", 2)
    try:
        return int(parts[0]), int(parts[1]) << 32 | int(parts[2], 16)
    except (ValueError, IndexError):
        return _UNKNOWN, _UNKNOWN


class Taken:
    """The inputs a watch has given, by name, and as what they were read."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}  # hash of the name: it takes less memory
        self._indices = array("q")
        self._states = array("q")
        self._contents = array("q")
        self._modified = array("q")  # of files whose state is unknown
        self._turn = 0

    def __len__(self) -> int:
        return len(self._indices)

    def add(self, name: str, index: int | None, state: int, content: int | None) -> None:
        """Remember an input, or what it is now if it was taken before.

        Parameters
        ----------
        name : str
        index : int or None
            Position among all inputs; None for a file whose pages are the inputs.
        state : int
            Of :func:`state_of`.
        content : int or None
            Of :func:`content_of`, if the file was read.
        """
        self._put(name, index, state, content or _UNKNOWN, _UNKNOWN)

    def add_earlier(self, row: Result) -> None:
        """Remember an input that an earlier run has taken."""
        modified_ns, content = _version_from(row.file_version)
        if modified_ns == _UNKNOWN and row.error:
            modified_ns = _NO_FILE
        self._put(row.file, row.index, _UNKNOWN, content & _MOST, _within(modified_ns))

    def _put(self, name: str, index: int | None, state: int, content: int, modified: int) -> None:
        number = self._numbers.setdefault(hash(name), len(self))
        columns = (self._indices, self._states, self._contents, self._modified)
        values = (_NONE if index is None else index, state, content, modified)
        for column, value in zip(columns, values, strict=True):
            if number == len(column):
                column.append(value)
            else:
                column[number] = value

    def recognise(self, target: str, link: str, modified_ns: int) -> None:
        """Know by its own name, too, what an earlier run took by the name of a link to it."""
        number = self._numbers.get(hash(link))
        if (
            number is not None
            and hash(target) not in self._numbers
            and self._states[number] == _UNKNOWN
            and self._modified[number] in (_UNKNOWN, _within(modified_ns))
        ):
            self._numbers[hash(target)] = number

    def index_of(self, name: str) -> int | None:
        """Position of the input among all, or None if there was none of this name."""
        number = self._numbers.get(hash(name))
        index = _NONE if number is None else self._indices[number]
        return None if index == _NONE else index

    def is_as_it_was(self, name: str, state: int, modified_ns: int | None) -> bool:
        """Whether an input was taken, and nothing has been written to the file since.

        Of what an earlier run took, no more is known than when the file was written; where not
        even that was noted, it is taken to be as it was.
        """
        number = self._numbers.get(hash(name))
        if number is None:
            return False
        if self._states[number] != _UNKNOWN:
            return self._states[number] == state
        now = _NO_FILE if modified_ns is None else _within(modified_ns)
        if self._modified[number] not in (_UNKNOWN, now):
            return False
        self._states[number] = state
        return True

    def has_same_content(self, name: str, content: int, state: int) -> bool:
        """Whether a file that was written again holds the bytes it held; if so, note its state."""
        number = self._numbers.get(hash(name))
        if number is None or self._contents[number] != content:
            return False
        self._states[number] = state
        return True

    def note_read(self, name: str, state: int, data: bytes | None) -> None:
        """Note as what the classifier has read an input; from any thread."""
        number = self._numbers[hash(name)]
        if self._states[number] == state and self._contents[number] != _UNKNOWN:
            return  # as it was looked at
        self._contents[number] = _UNKNOWN if data is None else content_of(data)
        self._states[number] = state

    def doubt(self, name: str) -> None:
        """Have the content of a file compared, whatever the system says of it."""
        number = self._numbers[hash(name)]
        self._states[number], self._modified[number] = _UNKNOWN, _NEVER

    def next_turn(self) -> None:
        """Let it be the turn of the next files to be looked at again."""
        self._turn = (self._turn + _AT_A_TIME) % max(len(self), 1) if len(self) > _AT_A_TIME else 0

    def is_its_turn(self, name: str) -> bool:
        """Whether to look at a file now: it is new, in doubt, or among those whose turn it is."""
        number = self._numbers.get(hash(name))
        if number is None or self._states[number] == _UNKNOWN:
            return True
        return (number - self._turn) % len(self) < _AT_A_TIME


def _within(modified_ns: int) -> int:
    return min(max(modified_ns, _LEAST), _MOST) if modified_ns != _NO_FILE else _NO_FILE


@dataclass(frozen=True)
class NotedFile:
    """A file of a watch, which remembers as what it was read.

    A :class:`~edge.samples.Content`.

    Attributes
    ----------
    path : str
    name : str
        As `taken` knows it.
    taken : Taken
    """

    path: str
    name: str
    taken: Taken

    def read(self) -> bytes:
        """Read it.

        Raises
        ------
        CropUnreadable
            As :func:`edge.files.read_bytes`.
        """
        try:
            state = state_of(os.stat(self.path))  # before: what is written meanwhile is seen later
        except OSError as error:
            state = state_of_error(unreadable(error))
        try:
            data = read_bytes(self.path)
        except CropUnreadable:
            self.taken.note_read(self.name, state, None)
            raise
        self.taken.note_read(self.name, state, data)
        return data
