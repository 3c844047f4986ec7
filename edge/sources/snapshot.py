"""Snapshots over HTTP: one GET, one image, within a time and a size."""

from __future__ import annotations

import http.client
import io
from dataclasses import dataclass, field

from edge.errors import CropUnreadable
from edge.sources.deadline import Deadline
from edge.sources.http_get import FAILURES, LONGEST_PHRASE, Clock, ask, refusal_of
from edge.wording import printable

TIMEOUT = 10.0
"""Seconds for a whole snapshot, from connecting to the last byte."""

MAX_BYTES = 64 * 1024 * 1024
"""Largest answer that is read, in bytes: 20 million pixels without compression."""

_STREAMS = ("multipart/", "video/", "audio/", "text/event-stream", "application/vnd.apple.mpegurl")
_PIECE = 1 << 16  # bytes


@dataclass(frozen=True)
class Snapshot:
    """The image at an address.

    Parameters
    ----------
    url : str
        ``http`` or ``https``. A user and password in it answer a server that asks for
        them (basic or digest); they go to no other server.
    timeout : float
        Seconds.
    """

    url: str = field(repr=False)
    timeout: float = TIMEOUT

    def read(self) -> bytes:
        """Fetch the image.

        Raises
        ------
        CropUnreadable
            ``unreachable`` if there is no whole answer in time, ``http-error`` if the
            server answers with an error, ``unsupported`` if the answer is a stream, ``too-large``.
        """
        clock = Clock(Deadline(self.timeout))
        data = io.BytesIO()
        try:
            with clock:
                self._fetch(clock, data)
        except CropUnreadable:
            raise
        except FAILURES as error:
            raise refusal_of(error, clock, data.tell()) from None
        if clock.rang:
            raise refusal_of(TimeoutError(), clock, data.tell())
        return data.getvalue()

    def _fetch(self, clock: Clock, data: io.BytesIO) -> None:
        """Read the answer, piece by piece: its end may never come."""
        with ask(self.url, clock, self.timeout) as answer:
            kind = answer.headers.get_content_type()
            if kind.startswith(_STREAMS):
                raise _stream(kind)
            read_image(answer, data)


def read_image(answer: http.client.HTTPResponse, data: io.BytesIO) -> None:
    """Read a body of at most :data:`MAX_BYTES`.

    Raises
    ------
    CropUnreadable
        ``too-large``.
    """
    if (answer.length or 0) > MAX_BYTES:
        raise _too_large()
    while piece := answer.read(_PIECE):
        if data.tell() + len(piece) > MAX_BYTES:
            raise _too_large()
        data.write(piece)


def _stream(kind: str) -> CropUnreadable:
    return CropUnreadable(
        "unsupported",
        f"this is the address of a stream ({printable(kind)[:LONGEST_PHRASE]}), which has no end;"
        " write camera: before it to have its frames, or give the address of a snapshot",
    )


def _too_large() -> CropUnreadable:
    return CropUnreadable(
        "too-large", f"the answer has more than {MAX_BYTES >> 20} MB; is it an image?"
    )
