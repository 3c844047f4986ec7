"""Snapshots over HTTP: one GET, one image, within a time and a size."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import IO, Any
from urllib.parse import SplitResult, unquote, urlsplit

from edge.decode import MAX_BYTES
from edge.errors import CropUnreadable

TIMEOUT = 10.0
"""Seconds for a whole snapshot, from connecting to the last byte."""


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
            server answers with an error, ``too-large``.
        """
        clock = _Clock(self.timeout)
        try:
            with clock:
                data = self._fetch(clock)
        except urllib.error.HTTPError as error:
            error.close()
            raise CropUnreadable(
                "http-error", f"the server answers {error.code} {error.reason}; check the address"
            ) from None
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise _unreachable(error, clock) from None  # its own message may hold the password
        if clock.rang:
            raise _unreachable(TimeoutError(), clock)
        if len(data) > MAX_BYTES:
            raise CropUnreadable("too-large", f"more than {MAX_BYTES >> 20} MB")
        return data

    def _fetch(self, clock: _Clock) -> bytes:
        parts = urlsplit(self.url)
        address = parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="").geturl()
        with _opener(parts, address, clock).open(address, timeout=self.timeout) as answer:
            return bytes(answer.read(MAX_BYTES + 1))


def _unreachable(error: Exception, clock: _Clock) -> CropUnreadable:
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if clock.rang or isinstance(cause, TimeoutError):
        why = f"no whole answer within {clock.seconds:g} s"
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
