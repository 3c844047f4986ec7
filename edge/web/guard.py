"""What stands before all pages: every request is checked here, every answer gets its headers here.

Pure ASGI: nothing of a request is read by anything else before it was found right.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl

from edge.web.access import COOKIE, Hosts, Sessions, Tries

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MOST_BODY = 64 * 1024
"""Bytes of a request's body."""

MOST_FIELDS = 200
"""Fields of a form."""

BODY_SECONDS = 10.0
"""So long a body may take to come."""

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self';"
        " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",  # no-referrer makes browsers send Origin: null
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cache-control": "no-store",
}
"""Of every answer: only what comes from here is loaded, shown or run, and nothing inline."""

FORM = "edge_all.form"
"""Key of a scope: fields of the form that was sent, a list of pairs of texts."""

METRICS = "/metrics"
"""Where programs ask: the token may come in a header there."""

_OPEN = {"/login", "/web.css", "/favicon.ico"}  # without a token
_PAGES = {"/", "/review", "/cells", "/state", "/history", "/agreement"}  # where people come first
_SAFE = {"GET", "HEAD"}
_FORM_TYPE = "application/x-www-form-urlencoded"


class _Refused(Exception):
    """A request is answered with a status and a sentence."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status
        self.words = words


class Guard:
    """Checks requests before an application sees them.

    Parameters
    ----------
    app : callable
        ASGI.
    hosts : Hosts
    sessions : Sessions or None
        None where no token is asked for.
    tries : Tries
        Counts wrong tokens.
    """

    def __init__(self, app: App, hosts: Hosts, sessions: Sessions | None, tries: Tries) -> None:
        self._tries = tries
        self._app = app
        self._hosts = hosts
        self._sessions = sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let the application answer."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # a web socket, of which there are none: closed
        answer = _Answer(send)
        try:
            await self._check(scope, receive)
            await self._app(scope, _nothing_more(receive), answer)
        except _Refused as refused:
            await answer.say(refused.status, refused.words)
        except Exception:
            traceback.print_exc()  # for who runs the server; who asked is told nothing
            await answer.say(500, "An error of edge-all. Please report it.")

    async def _check(self, scope: Scope, receive: Receive) -> None:
        headers = _headers_of(scope)
        host = headers.get("host", "")
        if not self._hosts.allow(host):
            raise _Refused(421, "This server does not go by that name; see --name.")
        if scope["method"] not in _SAFE:
            if headers.get("origin", "").lower() != f"{scope['scheme']}://{host}".lower():
                raise _Refused(403, "This came from a page of another server.")
            if headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM_TYPE:
                raise _Refused(415, "Only forms are taken.")
        self._check_token(scope, headers)
        scope[FORM] = _fields(await _body(receive, headers))

    def _check_token(self, scope: Scope, headers: dict[str, str]) -> None:
        if self._sessions is None or scope["path"] in _OPEN:
            return
        if self._sessions.is_valid(_cookie(headers.get("cookie", ""))):
            return
        if scope["path"] == METRICS and "authorization" in headers:
            self._check_bearer(self._sessions, scope, headers["authorization"])
            return
        if scope["path"] in _PAGES and scope["method"] in _SAFE:
            scope["path"] = "/login"
            return
        raise _Refused(401, "Give the token first: open the first page of this server.")

    def _check_bearer(self, sessions: Sessions, scope: Scope, header: str) -> None:
        """Take the token as programs send it, as often as people may guess it."""
        address = scope["client"][0] if scope.get("client") else ""
        if not self._tries.take(address):
            raise _Refused(429, "Too many wrong tokens; wait a minute.")
        kind, _, token = header.partition(" ")
        if kind.lower() != "bearer" or not sessions.is_token(token.strip()):
            raise _Refused(401, "This is not the token.")
        self._tries.forgive(address)


class _Answer:
    """Sends an answer with the headers of all answers."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._is_begun = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._is_begun = True
            own = {name for name, _ in message.get("headers", [])}
            added = [
                (name.encode(), value.encode())
                for name, value in HEADERS.items()
                if name.encode() not in own
            ]
            message = {**message, "headers": [*message.get("headers", []), *added]}
        await self._send(message)

    async def say(self, status: int, words: str) -> None:
        """Answer with a sentence, unless an answer was begun."""
        if self._is_begun:
            return
        body = words.encode()
        headers = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),  # a body may not have been read
        ]
        await self({"type": "http.response.start", "status": status, "headers": headers})
        await self({"type": "http.response.body", "body": body})


def _headers_of(scope: Scope) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        key = name.decode("latin-1").lower()
        if key in ("host", "origin") and key in found:
            raise _Refused(400, f"Two headers {key}: one is asked for.")
        found[key] = value.decode("latin-1")
    return found


def _cookie(header: str) -> str:
    try:
        found = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return "" if found is None else found.value


async def _body(receive: Receive, headers: dict[str, str]) -> bytes:
    declared = headers.get("content-length", "0")
    if not declared.isdecimal() or int(declared[:20]) > MOST_BODY:
        raise _Refused(413, f"A form has {MOST_BODY >> 10} KiB at most.")
    try:
        return await asyncio.wait_for(_read(receive), BODY_SECONDS)
    except asyncio.TimeoutError:
        raise _Refused(408, "The form did not come in time.") from None


async def _read(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Refused(400, "The form was cut off.")
        body += bytes(message.get("body", b""))
        if len(body) > MOST_BODY:
            raise _Refused(413, f"A form has {MOST_BODY >> 10} KiB at most.")
        if not message.get("more_body"):
            return body


def _nothing_more(receive: Receive) -> Receive:
    """Give an empty body in place of the one that was read; then what comes: the end."""
    is_given = False

    async def given() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": b"", "more_body": False}

    return given


def _fields(body: bytes) -> list[tuple[str, str]]:
    try:
        text = body.decode("ascii")
        return parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="replace")
    except ValueError:
        raise _Refused(400, "This is no form.") from None
