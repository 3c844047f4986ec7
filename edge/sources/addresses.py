"""Addresses as people write them, with blanks and umlauts, to what goes over the network."""

from __future__ import annotations

import re
import string
from urllib.parse import SplitResult, quote, urlsplit

from edge.wording import printable


class NoAddress(ValueError):
    """Something cannot be written as an address; says what, and nothing secret."""


def split_address(url: str) -> tuple[SplitResult, str]:
    """Split an address, and write it so that HTTP can carry it.

    What is not ASCII in path and query becomes ``%xx`` of its UTF-8 bytes (RFC 3986), and so
    do blanks; a percent sign stays where two hexadecimal digits follow. The host goes by its
    IDNA name (RFC 3490).

    Parameters
    ----------
    url : str
        ``http`` or ``https``, with user and password or without.

    Returns
    -------
    parts : SplitResult
        Of the address as it was given.
    address : str
        In ASCII; no user, password and fragment.

    Raises
    ------
    NoAddress
        If host or port cannot be written.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:  # its message may hold the password
        raise NoAddress("this is no address: its host or its port cannot be read") from None
    if not host:
        raise NoAddress("there is no host in the address")
    netloc = f"[{host}]" if ":" in host else _host(host)
    if port is not None:
        netloc += f":{port}"
    path, query = _quoted(parts.path), _quoted(parts.query)
    return parts, SplitResult(parts.scheme, netloc, path, query, "").geturl()


def _host(host: str) -> str:
    try:
        name = host.encode("idna").decode("ascii")
    except UnicodeError:
        name = ""
    # IDNA lets through whatever is ASCII
    if not name or not re.fullmatch(r"[A-Za-z0-9._~!$&'()*+,;=%-]+", name):
        raise NoAddress(f"no host can be called '{printable(host)[:60]}'")
    return name


def _quoted(text: str) -> str:
    whole = re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", text)
    return quote(whole.encode("utf-8", "surrogateescape"), safe=string.punctuation)
