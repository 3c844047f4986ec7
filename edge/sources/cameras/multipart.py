"""The parts of a multipart stream, as cameras write them: more or less as RFC 2046 says.

What is borne, as cameras in the field do it: parts without a length, or with a wrong one; a first
boundary that is missing or stands twice; boundaries with two dashes more or less than the header
says; lines that end in LF alone. What is not: headers or parts without an end.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field

from edge.errors import CameraFault

MOST_HEADERS = 16 * 1024
"""Bytes that the headers of a part may have."""

MOST_BODY = 64 * 1024 * 1024
"""Bytes that a part may have."""

_LONGEST_BOUNDARY = 200  # characters; RFC 2046 allows 70
_JPEG = b"\xff\xd8"
_LENGTH = re.compile(rb"^content-length[ \t]*:[ \t]*(\d{1,12})[ \t]*$", re.IGNORECASE)
_HEADER = re.compile(rb"^[!#-'*+.^-z|~A-Z0-9-]+[ \t]*:")


@dataclass(frozen=True)
class Part:
    """One part of a stream.

    Attributes
    ----------
    body : bytes
    time : float
        When its first bytes came, in seconds since 1970.
    """

    body: bytes = field(repr=False)
    time: float


class Parts:
    """Takes a stream apart, piece by piece as it comes.

    Parameters
    ----------
    boundary : str
        As the header ``Content-Type`` says it; empty where it does not.
    most : int
        Bytes that a part may have.
    """

    def __init__(self, boundary: str, most: int = MOST_BODY) -> None:
        core = boundary.strip().strip('"').strip("-")[:_LONGEST_BOUNDARY]
        self._core = core.encode("latin-1", "replace")
        self._most = most
        self._held = bytearray()
        self._seen = 0  # bytes of it in which no boundary is
        self._came = 0.0
        self._length: int | None = None
        self._is_in_body = False
        self._is_between = True
        self._is_first = True
        self._headers = 0

    def feed(self, piece: bytes) -> None:
        """Add what came.

        Raises
        ------
        CameraFault
            If a part or its headers have no end.
        """
        if not self._held:
            self._came = time.time()
        self._held += piece

    def next(self) -> Part | None:
        """Take the next whole part, if it is there.

        Raises
        ------
        CameraFault
            ``too-large`` if headers or body have no end, ``camera-lost`` if the stream says that it
            has ended.
        """
        while not self._is_in_body:
            if not self._take_line():
                return None
        body = self._body_of_length() if self._length is not None else self._body_to_boundary()
        if body is None:
            if len(self._held) > self._most:
                raise CameraFault(
                    "too-large", f"a part of more than {self._most >> 20} MB; is it a camera?"
                )
            return None
        part = Part(body, self._came)
        self._is_in_body, self._is_between, self._is_first = False, True, False
        self._length, self._seen, self._headers = None, 0, 0
        self._came = time.time()
        return part

    def _take_line(self) -> bool:
        """Take a line of headers, or what stands before them; False if it is not all there."""
        if self._is_between and self._held.startswith(_JPEG):  # no headers at all
            self._is_in_body = True
            return True
        end = self._held.find(b"\n", 0, MOST_HEADERS)
        if end < 0:
            if len(self._held) >= MOST_HEADERS:
                raise _endless_headers()
            return False
        line = bytes(self._held[:end]).rstrip(b"\r")
        del self._held[: end + 1]
        self._headers += end + 1
        if self._headers > MOST_HEADERS:
            raise _endless_headers()
        self._understand(line)
        return True

    def _understand(self, line: bytes) -> None:
        if self._is_boundary(line):  # the first one may stand twice
            self._is_between, self._length = False, None
        elif not line:
            self._is_in_body = not self._is_between
        elif _HEADER.match(line) and (self._is_first or not self._is_between):
            self._is_between = False
            if found := _LENGTH.match(line):
                self._length = int(found[1])
                if self._length > self._most:
                    raise CameraFault(
                        "too-large",
                        f"a part that says it has more than {self._most >> 20} MB; is it a camera?",
                    )

    def _is_boundary(self, line: bytes) -> bool:
        core = line.strip().strip(b"-")
        if self._core:
            if core != self._core:
                return False
        elif not line.startswith(b"--") or not core:
            return False
        self._core = core
        if len(line.strip()) > len(core) and line.rstrip().endswith(b"--"):
            raise CameraFault("camera-lost", "the server has ended its stream; it is asked again")
        return True

    def _body_of_length(self) -> bytes | None:
        assert self._length is not None
        if len(self._held) < self._length:
            return None
        body = bytes(self._held[: self._length])
        del self._held[: self._length]
        return body

    def _body_to_boundary(self) -> bytes | None:
        """The body up to the next line that is the boundary."""
        start = max(self._seen - len(self._core) - 8, 0)
        if not self._core:  # there is only the end of the image to go by
            return self._jpeg()
        pattern = rb"\r?\n-*" + re.escape(self._core) + rb"(?:--)?[ \t]*\r?\n"
        found = re.compile(pattern).search(self._held, start)
        if found is None:
            self._seen = len(self._held)
            return None
        body = bytes(self._held[: found.start()])
        del self._held[: found.start() + 1 + (self._held[found.start()] == 13)]
        return body

    def _jpeg(self) -> bytes | None:
        start = max(self._seen - 1, 0)
        at = self._held.find(b"\xff\xd9", start)
        if at < 0:
            self._seen = len(self._held)
            return None
        body = bytes(self._held[: at + 2])
        del self._held[: at + 2]
        return body


def boundary_of(content_type: str) -> str:
    """Boundary that a header ``Content-Type`` says; empty if it says none."""
    found = re.search(r';\s*boundary\s*=\s*(?:"([^"]*)"|([^;\s]*))', content_type, re.IGNORECASE)
    return (found[1] or found[2] or "") if found else ""


def _endless_headers() -> CameraFault:
    return CameraFault(
        "too-large", f"more than {MOST_HEADERS >> 10} kB before an image; is it a camera?"
    )
