"""The parts of a model file, each read within its bounds: members of a zip, and arrays.

Whoever changes a model file can seal it again, so no size in it is believed before it was
compared with what edge-all can have written. Every refusal is a ValueError.
"""

from __future__ import annotations

import io
import math
import re
import struct
import zipfile
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.records.json_text import MOST_JSON
from edge.wording import printable, shortened

METADATA, INPUTS, LOGITS = "edge-all.json", "golden/inputs.npy", "golden/logits.npy"
REFERENCE, TWIN = "reference.json", "twin.tflite"
"""Names of the members."""

_MOST_BYTES = {
    METADATA: MOST_JSON,
    INPUTS: 32 << 20,
    LOGITS: 1 << 20,
    REFERENCE: MOST_JSON,
    TWIN: 2 << 30,  # a flatbuffer has 2 GiB at most
}
_MOST_MEMBERS, _MOST_DIRECTORY = 16, 16 << 10
_END = struct.Struct("<4s4H2LH")  # of a zip: its directory's size and place, after some counts
# An array as numpy writes it, row by row (numpy.lib.format, version 1.0): 128 bytes of header
_NPY, _MOST_HEADER = b"\x93NUMPY\1\0", 512
_HEADER = re.compile(
    rb"\{'descr': '\|([iu])1', 'fortran_order': False, 'shape': \(([0-9, ]+)\), \} *\n"
)
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    OverflowError,
    RuntimeError,  # encrypted, or packed in a way that Python does not know
    ValueError,
)


class Parts:
    """The zip at the end of a model file; a context manager.

    Parameters
    ----------
    data : bytes
        The model file.
    comment : int
        Size of the zip's comment.

    Attributes
    ----------
    start : int
        Where the zip begins.
    """

    def __init__(self, data: bytes, comment: int) -> None:
        end = data[-_END.size - comment : -comment]
        if len(end) < _END.size or end[:4] != b"PK\5\6":
            raise ValueError("its zip has no end")
        directory = _END.unpack(end)[5]
        if directory > _MOST_DIRECTORY:
            raise ValueError(f"the directory of its zip has {directory} bytes")
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(data))
        except _DAMAGED as error:
            raise _damaged(error) from error
        members = self._archive.infolist()
        self.names = {member.filename for member in members}
        if not 0 < len(self.names) == len(members) <= _MOST_MEMBERS:
            raise ValueError(f"its zip has {len(members)} members, of {len(self.names)} names")
        self.start = min(member.header_offset for member in members)

    def __enter__(self) -> Parts:
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.close()

    def read(self, name: str) -> bytes:
        """Read a member."""
        if name not in self.names:
            raise ValueError(f"it lacks {name}")
        member = self._archive.getinfo(name)
        if member.file_size > _MOST_BYTES[name]:
            raise ValueError(
                f"{name} has {member.file_size} bytes, at most {_MOST_BYTES[name]} are read"
            )
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"{name} is packed in a way edge-all does not write")
        try:
            with self._archive.open(member) as file:
                # no more than it is said to have, else a lie about that would fill the memory
                found = file.read(member.file_size)
        except _DAMAGED as error:
            raise _damaged(error) from error
        if len(found) != member.file_size:
            raise ValueError(f"{name} has {len(found)} bytes, not {member.file_size}")
        return found

    def read_array(self, name: str) -> npt.NDArray[Any]:
        """Read a member that is an array of bytes, signed or not."""
        data = self.read(name)
        # not by numpy: what its parser raises over a header depends on its version and Python's
        start = 10 + int.from_bytes(data[8:10], "little")
        header = _HEADER.fullmatch(data[10:start]) if start <= _MOST_HEADER else None
        if data[:8] != _NPY or header is None:
            raise ValueError(f"{name} is no array of bytes as edge-all writes it")
        shape = tuple(int(n) for n in header[2].split(b",") if n.strip())
        if math.prod(shape) != len(data) - start:
            raise ValueError(f"{name} has {len(data) - start} bytes, not those of {_words(shape)}")
        dtype = np.uint8 if header[1] == b"u" else np.int8
        return np.frombuffer(data, dtype, offset=start).reshape(shape)


def array_bytes(array: npt.NDArray[np.generic]) -> bytes:
    """Bytes of a member that is an array."""
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array), allow_pickle=False)
    return buffer.getvalue()


def _damaged(error: Exception) -> ValueError:
    return ValueError(f"its zip cannot be read: {_words(error) or type(error).__name__}")


def _words(of: object) -> str:
    return shortened(printable(str(of)), 80)
