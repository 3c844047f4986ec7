"""Who may use the pages: hosts, origins, the token and its cookie, how often one may guess."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import os
import re
import secrets
import socket
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from edge.errors import CropUnreadable, OutputFailed, ServerRefused
from edge.files import read_bytes

COOKIE = "edge_all_session"
"""Cookie of somebody who gave the token."""

SESSION_SECONDS = 12 * 3600
"""So long a session lasts: a working day."""

LEAST_TOKEN = 16
"""Characters of a token."""

TRIES, TRIES_OF_ALL = 5, 60
"""Wrong tokens a minute, from one address and from all."""

_MINUTE = 60.0
_MOST_ADDRESSES = 1000
_HOST = re.compile(r"(?P<name>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>\d{1,5}))?")


def read_token(path: Path) -> str:
    """Read a token from its file; it is made, for this user alone, if it is not there.

    Raises
    ------
    ServerRefused
        If it cannot be read or made, is too short, or others may read it.
    """
    if not path.exists():
        _make_token(path)
    try:
        token = read_bytes(path).decode("ascii").strip()
    except (CropUnreadable, UnicodeDecodeError) as error:
        raise ServerRefused(f"{path} has no token that can be read: {error}") from error
    if len(token) < LEAST_TOKEN or not token.isprintable():
        raise ServerRefused(
            f"{path} has no token of {LEAST_TOKEN} characters or more; remove it, and a new one is"
            " made"
        )
    if os.name == "posix" and path.stat().st_mode & 0o077:
        raise ServerRefused(f"{path} may be read by others; chmod 600 {path}")
    return token


def _make_token(path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{secrets.token_urlsafe(24)}\n")
    except OSError as error:
        raise OutputFailed(
            f"cannot write {path}: {error.strerror}; name a --token-file in a folder of yours"
        ) from error


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine reaches a host."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True)
class Hosts:
    """Names by which the pages may be asked for.

    A page of elsewhere whose name was made to lead here (DNS rebinding) asks for its own name. An
    address that is a number is nobody's name.

    Attributes
    ----------
    names : frozenset of str
        In lower case.
    any_number : bool
        Whether any address that is a number will do: of a server that is bound to all.
    """

    names: frozenset[str]
    any_number: bool

    @classmethod
    def of(cls, bound: str, more: Iterable[str] = ()) -> Hosts:
        """Give the names of a server that is bound to an address."""
        named = {name.lower().strip("[]") for name in more}
        if is_loopback(bound):
            return cls(frozenset({"localhost", "127.0.0.1", "::1", bound, *named}), False)
        here = socket.gethostname().lower()
        return cls(frozenset({bound.lower(), here, f"{here}.local", *named}), True)

    def allow(self, header: str) -> bool:
        """Whether a Host header names this server."""
        found = _HOST.fullmatch(header)
        if found is None:
            return False
        name = found["name"].strip("[]").lower()
        return name in self.names or (self.any_number and _is_number(name))


def _is_number(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class Sessions:
    """Cookies of those who gave the token: signed with it, so that none need be remembered.

    A cookie is the second when it ends and an HMAC-SHA-256 of that; a new token ends them all.
    """

    def __init__(self, token: str, clock: Callable[[], float] = time.time) -> None:
        self._token = token.encode()
        self._clock = clock

    def is_token(self, given: str) -> bool:
        """Whether somebody gave the token; as fast for one that is nearly right."""
        mine, theirs = (
            hashlib.sha256(token).digest()
            for token in (self._token, given.encode("utf-8", "surrogatepass"))
        )
        return hmac.compare_digest(mine, theirs)

    def cookie(self) -> str:
        """Give the value of a new cookie."""
        ends = str(int(self._clock()) + SESSION_SECONDS)
        return f"{ends}.{self._sign(ends)}"

    def is_valid(self, cookie: str) -> bool:
        """Whether a cookie is one of ours and has not ended."""
        ends, _, signature = cookie.partition(".")
        if not hmac.compare_digest(self._sign(ends).encode(), signature.encode()):
            return False
        return self._clock() < int(ends)

    def _sign(self, ends: str) -> str:
        text = f"edge-all session {ends}".encode("utf-8", "surrogatepass")
        return hmac.new(self._token, text, hashlib.sha256).hexdigest()


class Tries:
    """Counts wrong tokens: a few a minute from each address, some more from all together."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._of: OrderedDict[str, list[float]] = OrderedDict()
        self._all: list[float] = []

    def take(self, address: str) -> bool:
        """Count a try before it is looked at, and say whether it is allowed."""
        with self._lock:
            now = self._clock()
            self._all = [when for when in self._all if when > now - _MINUTE]
            mine = [when for when in self._of.pop(address, []) if when > now - _MINUTE]
            self._of[address] = mine  # behind those that have not tried for longer
            while len(self._of) > _MOST_ADDRESSES:
                self._of.popitem(last=False)
            if len(mine) >= TRIES or len(self._all) >= TRIES_OF_ALL:
                return False
            mine.append(now)
            self._all.append(now)
            return True

    def forgive(self, address: str) -> None:
        """Forget the tries of an address: the last one was right."""
        with self._lock:
            for when in self._of.pop(address, []):
                if when in self._all:
                    self._all.remove(when)
