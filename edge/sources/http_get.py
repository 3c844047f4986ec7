"""One GET over HTTP, as a camera is asked: with a deadline on everything, redirects, passwords."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import urllib.error
import urllib.request
from typing import IO, Any
from urllib.parse import SplitResult, unquote

from edge.errors import CropUnreadable
from edge.sources.addresses import NoAddress, split_address
from edge.sources.deadline import Deadline
from edge.wording import printable

LONGEST_PHRASE = 80
"""Characters that are repeated of what a server says."""

FAILURES = (OSError, ValueError, http.client.HTTPException)
"""What asking and reading raise besides :class:`~edge.errors.CropUnreadable`."""


class Clock:
    """Ends connections when a deadline is over; a context manager.

    A server that sends a byte now and then never runs into the timeout of a socket.

    Parameters
    ----------
    deadline : Deadline
    """

    def __init__(self, deadline: Deadline) -> None:
        self.rang = False
        self._deadline = deadline
        self._left = threading.Event()
        self._sockets: list[socket.socket] = []
        self._watch = threading.Thread(target=self._run, name="clock", daemon=True)

    @property
    def seconds(self) -> float:
        """What was given for the deadline."""
        return self._deadline.seconds

    def restart(self, deadline: Deadline) -> None:
        """Give what comes next a deadline of its own."""
        self._deadline = deadline

    def __enter__(self) -> Clock:
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._left.set()
        self._watch.join()
        for end in self._sockets:
            end.close()

    def connect(self, *arguments: Any, **options: Any) -> socket.socket:
        """Connect as socket.create_connection does."""
        opened = socket.create_connection(*arguments, **options)
        self._sockets.append(opened.dup())  # TLS takes the socket itself apart
        if self.rang:  # meanwhile, or before a redirect
            self._ring()
        return opened

    def _run(self) -> None:
        while not self._left.wait(self._deadline.step):
            if self._deadline.is_over:
                self._ring()
                return

    def _ring(self) -> None:
        self.rang = True
        for end in self._sockets:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def ask(url: str, clock: Clock, seconds: float) -> http.client.HTTPResponse:
    """Ask for an address, and return the answer, whose body is still to be read.

    Parameters
    ----------
    url : str
        ``http`` or ``https``. A user and password in it answer a server that asks for
        them (basic or digest); they go to no other server.
    clock : Clock
        Running.
    seconds : float
        For the sockets.

    Raises
    ------
    OSError, ValueError, http.client.HTTPException
        Which :func:`refusal_of` puts in words.
    """
    parts, address = split_address(url)
    answer: http.client.HTTPResponse = _opener(parts, address, clock).open(address, timeout=seconds)
    return answer


def refusal_of(error: Exception, clock: Clock, received: int) -> CropUnreadable:
    """Say why there is no answer, or not all of it, and nothing secret.

    Parameters
    ----------
    error : Exception
        One of :data:`FAILURES`.
    clock : Clock
    received : int
        Bytes of the body that came.

    Returns
    -------
    CropUnreadable
        ``http-error`` or ``unreachable``; to be raised from None, as `error` may hold a password.
    """
    if isinstance(error, urllib.error.HTTPError):
        error.close()
        phrase = printable(str(error.reason))[:LONGEST_PHRASE]
        return CropUnreadable(
            "http-error", f"the server answers {error.code} {phrase}; check the address"
        )
    return _unreachable(error, clock, received)


def _unreachable(error: Exception, clock: Clock, received: int) -> CropUnreadable:
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


def _opener(parts: SplitResult, address: str, clock: Clock) -> urllib.request.OpenerDirector:
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

    def __init__(self, clock: Clock) -> None:
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
