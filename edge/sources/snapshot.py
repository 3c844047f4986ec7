"""Snapshots over HTTP: one GET, one image, within a time and a size."""

from __future__ import annotations

import contextlib
import http.client
import io
import socket
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import IO, Any
from urllib.parse import SplitResult, unquote

from edge.errors import CropUnreadable
from edge.sources.addresses import NoAddress, split_address
from edge.wording import printable

TIMEOUT = 10.0
"""Seconds for a whole snapshot, from connecting to the last byte."""

MAX_BYTES = 64 * 1024 * 1024
"""Largest answer that is read, in bytes: 20 million pixels without compression."""

_STREAMS = ("multipart/", "video/", "audio/", "text/event-stream", "application/vnd.apple.mpegurl")
_PIECE = 1 << 16  # bytes
_LONGEST_PHRASE = 80  # characters of what a server says


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
        clock = _Clock(self.timeout)
        data = io.BytesIO()
        try:
            with clock:
                self._fetch(clock, data)
        except urllib.error.HTTPError as error:
            error.close()
            phrase = printable(str(error.reason))[:_LONGEST_PHRASE]
            raise CropUnreadable(
                "http-error", f"the server answers {error.code} {phrase}; check the address"
            ) from None
        except CropUnreadable:
            raise
        except (OSError, ValueError, http.client.HTTPException) as error:
            # its own message may hold the password
            raise _unreachable(error, clock, data.tell()) from None
        if clock.rang:
            raise _unreachable(TimeoutError(), clock, data.tell())
        return data.getvalue()

    def _fetch(self, clock: _Clock, data: io.BytesIO) -> None:
        """Read the answer, piece by piece: its end may never come."""
        parts, address = split_address(self.url)
        with _opener(parts, address, clock).open(address, timeout=self.timeout) as answer:
            kind = answer.headers.get_content_type()
            if kind.startswith(_STREAMS):
                raise _stream(kind)
            if (answer.length or 0) > MAX_BYTES:
                raise _too_large()
            while piece := answer.read(_PIECE):
                if data.tell() + len(piece) > MAX_BYTES:
                    raise _too_large()
                data.write(piece)


def _stream(kind: str) -> CropUnreadable:
    return CropUnreadable(
        "unsupported",
        f"this is the address of a stream ({printable(kind)[:_LONGEST_PHRASE]}), which has no end;"
        " give the address at which the camera answers with one image, a snapshot",
    )


def _too_large() -> CropUnreadable:
    return CropUnreadable(
        "too-large", f"the answer has more than {MAX_BYTES >> 20} MB; is it an image?"
    )


def _unreachable(error: Exception, clock: _Clock, received: int) -> CropUnreadable:
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if clock.rang or isinstance(cause, TimeoutError):
        why = f"no whole answer within {clock.seconds:g} s"
        if received:
            why += f", after {received} bytes: it may be a stream, which has no end"
    elif isinstance(cause, NoAddress):
        why = str(cause)
    elif isinstance(cause, OSError) and cause.strerror:
        why = cause.strerror
    else:
        why = "no answer that can be understood"
    return CropUnreadable("unreachable", f"{why}; check the address and the network")


class _Clock:
    """Ends connections after some seconds.

    A server that sends a byte now and then never runs into the timeout of a socket.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.rang = False
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._ring)
        self._timer.daemon = True

    def __enter__(self) -> _Clock:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._timer.join()
        for end in self._sockets:
            end.close()

    def connect(self, *arguments: Any, **options: Any) -> socket.socket:
        """Connect as socket.create_connection does."""
        opened = socket.create_connection(*arguments, **options)
        self._sockets.append(opened.dup())  # TLS takes the socket itself apart
        if self.rang:  # meanwhile, or before a redirect
            self._ring()
        return opened

    def _ring(self) -> None:
        self.rang = True
        for end in self._sockets:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def _opener(parts: SplitResult, address: str, clock: _Clock) -> urllib.request.OpenerDirector:
    """What opens http and https, follows redirects to these alone, and honours proxies."""
    opener = urllib.request.OpenerDirector()
    handlers: list[urllib.request.BaseHandler] = [
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
        _Http(clock),
    ]
    if parts.username is not None:
        passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        user, password = unquote(parts.username), unquote(parts.password or "")
        passwords.add_password(None, address, user, password)
        handlers.append(_ClosesRefusals())
        handlers.append(urllib.request.HTTPBasicAuthHandler(passwords))
        handlers.append(urllib.request.HTTPDigestAuthHandler(passwords))
    for handler in handlers:
        opener.add_handler(handler)
    return opener


class _ClosesRefusals(urllib.request.BaseHandler):
    """Closes an answer that asks for a password: those who ask again leave it open."""

    handler_order = 400  # before them

    def http_error_401(self, request: object, answer: IO[bytes], *_: object) -> None:
        answer.close()


class _Http(urllib.request.AbstractHTTPHandler):
    """Opens http and https with connections that a clock can end."""

    def __init__(self, clock: _Clock) -> None:
        super().__init__()
        self._clock = clock

    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self._open(http.client.HTTPConnection, request)

    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self._open(http.client.HTTPSConnection, request)

    def _open(
        self, kind: type[http.client.HTTPConnection], request: urllib.request.Request
    ) -> http.client.HTTPResponse:
        def connection(host: str, **options: Any) -> http.client.HTTPConnection:
            made = kind(host, **options)
            made._create_connection = self._clock.connect  # type: ignore[attr-defined]
            return made

        return self.do_open(connection, request)

    http_request = https_request = urllib.request.AbstractHTTPHandler.do_request_
