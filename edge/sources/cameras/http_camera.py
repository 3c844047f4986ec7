"""``camera:http://...``: a stream of images (MJPEG), or snapshots asked for one after another.

OpenFlexure, ImSwitch, ESP32 cameras and IP cameras give one or the other.
"""

from __future__ import annotations

import http.client
import io
import time
from contextlib import ExitStack

from edge.decoding.decode import decode
from edge.errors import CameraFault, CameraRefused, CropUnreadable
from edge.files import file_name
from edge.sources.addresses import NoAddress, split_address
from edge.sources.cameras.address import Options
from edge.sources.cameras.camera import Frame
from edge.sources.cameras.multipart import MOST_BODY, Parts, boundary_of
from edge.sources.deadline import Deadline
from edge.sources.http_get import FAILURES, Clock, ask, refusal_of
from edge.sources.snapshot import read_image

_EVERY = 1.0  # seconds between two snapshots: many servers give the same image sooner
_PIECE = 1 << 16  # bytes
_FOR_EVER = 1e9  # seconds
_MOST_AT_ONCE = 8 * MOST_BODY  # bytes of a stream without an image in them


class HttpCamera:
    """A camera at an address; see :class:`~edge.sources.cameras.camera.Camera`.

    Parameters
    ----------
    url : str
        ``http`` or ``https``, with user and password or without.
    every : float
        Seconds between two snapshots, where there is no stream.
    timeout : float
        Seconds to connect in, and for the headers of the answer.
    most_bytes : int
        Bytes that an image may have.
    """

    is_live = True

    def __init__(
        self, url: str, every: float = _EVERY, timeout: float = 10.0, most_bytes: int = MOST_BODY
    ) -> None:
        self._url = url
        self._every = every
        self._timeout = timeout
        self._most = most_bytes
        self._opened = ExitStack()
        self._number = 0
        self._clock: Clock | None = None
        self._answer: http.client.HTTPResponse | None = None
        self._parts: Parts | None = None
        self._asked = 0.0  # on the monotonic clock
        self._asked_at = 0.0  # since 1970

    def __enter__(self) -> HttpCamera:
        try:
            self._ask(Deadline(self._timeout))
        except BaseException:  # nobody leaves what was not entered
            self._close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def read(self, deadline: Deadline) -> Frame | None:
        """Take the next image of the stream, or the next snapshot."""
        if self._parts is not None:
            body, moment = self._next_part(deadline)
        else:
            body, moment = self._snapshot(deadline)
        try:
            pixels = decode(body)
        except CropUnreadable as error:
            raise CameraFault(error.reason, error.message, is_lost=False) from error
        self._number += 1
        return Frame(pixels, moment, self._number - 1)

    def _ask(self, deadline: Deadline) -> None:
        self._asked, self._asked_at = time.monotonic(), time.time()
        self._clock = self._opened.enter_context(Clock(deadline))
        try:
            self._answer = self._opened.enter_context(ask(self._url, self._clock, self._timeout))
        except CropUnreadable as error:
            raise CameraFault(error.reason, error.message) from None
        except FAILURES as error:
            raise self._fault(error, 0) from None
        self._clock.restart(Deadline(_FOR_EVER))
        if self._answer.headers.get_content_type().startswith("multipart/"):
            boundary = boundary_of(self._answer.headers.get("Content-Type", ""))
            self._parts = Parts(boundary, self._most)

    def _close(self) -> None:
        self._opened.close()
        self._answer, self._parts = None, None

    def _next_part(self, deadline: Deadline) -> tuple[bytes, float]:
        assert self._answer is not None
        assert self._clock is not None
        assert self._parts is not None
        self._clock.restart(deadline)
        received = 0
        try:
            while (part := self._parts.next()) is None or not part.body:
                piece = self._answer.read1(_PIECE)
                if self._clock.rang:
                    raise TimeoutError
                if not piece:
                    raise CameraFault("camera-lost", "the server has ended its stream")
                received += len(piece)
                self._parts.feed(piece)
                if received > _MOST_AT_ONCE:
                    raise CameraFault("too-large", "a stream without an image in it")
        except FAILURES as error:
            if isinstance(error, CameraFault):  # a ValueError, too
                raise
            raise self._lost(error, received) from None
        self._clock.restart(Deadline(_FOR_EVER))
        return part.body, part.time

    def _snapshot(self, deadline: Deadline) -> tuple[bytes, float]:
        if self._answer is None:
            if not deadline.rest(self._asked + self._every - time.monotonic()):
                raise CameraFault("no-frame", "nobody waits for a snapshot any more")
            self._ask(deadline)
            if self._parts is not None:  # the server gives a stream now
                return self._next_part(deadline)
        assert self._answer is not None
        assert self._clock is not None
        self._clock.restart(deadline)
        data = io.BytesIO()
        try:
            read_image(self._answer, data)
            if self._clock.rang:
                raise TimeoutError
        except FAILURES as error:
            if isinstance(error, CropUnreadable):
                raise CameraFault(error.reason, error.message) from None
            raise self._fault(error, data.tell()) from None
        self._close()
        return data.getvalue(), self._asked_at

    def _fault(self, error: Exception, received: int) -> CameraFault:
        assert self._clock is not None
        refusal = refusal_of(error, self._clock, received)
        return CameraFault(refusal.reason, refusal.message)

    def _lost(self, error: Exception, received: int) -> CameraFault:
        """What it is when a stream breaks off."""
        assert self._clock is not None
        if self._clock.rang or isinstance(error, TimeoutError):
            some = f", though {received} bytes came" if received else ""
            return CameraFault(
                "no-frame", f"no whole image within {self._clock.seconds:g} s{some}; asked again"
            )
        return CameraFault("camera-lost", "the connection broke off; it is asked again")


def make_http_camera(url: str, options: Options) -> HttpCamera:
    """Make the camera of ``camera:http://...``.

    Raises
    ------
    CameraRefused
        If the address is none.
    """
    try:
        split_address(url)
    except NoAddress as error:
        raise CameraRefused(f"camera:{file_name(url)}: {error}") from None
    every = options.number("every", _EVERY, 0, 86_400)
    return HttpCamera(url, every, options.number("connect", 10.0, 0.05, 600))
