"""Addresses as they may be shown: without user, password and query."""

from __future__ import annotations

import re

_SCHEME = re.compile(r"https?:/+|[a-z][a-z0-9+.-]+://", re.IGNORECASE)  # pathlib leaves one slash
_ADDRESS = re.compile(rf"(?:{_SCHEME.pattern})\S*?(?=[,;:)\]'\"]*(?:\s|$))", re.IGNORECASE)
_PARTS = re.compile(r"([^/?#\\]*)([^?#]*)(.*)", re.DOTALL)  # host and all before it, path, query
_HOST = re.compile(r"(?:\[[^\[\]@]*\]|[^:\[\]@]*)(?::\d*)?", re.DOTALL)


def is_url(source: str) -> bool:
    """Whether a source is an ``http://`` or ``https://`` address."""
    return source.lower().startswith(("http://", "https://"))


def without_secrets(name: str) -> str:
    """Name, argument or path as it may stand in results: addresses lose their secrets.

    An address keeps scheme, host and path: no user, no password, no query. Where it is not
    clear which part is the password (one with a slash in it, not encoded), nothing before the
    last ``@`` is kept. Whatever is no address stays as it is, and so does what was shown before.
    """
    if ":/" not in name:  # most names, and every crop of a run passes here
        return name
    found = _SCHEME.search(name)
    if found is None:
        return name
    scheme, rest = found[0].rstrip("/").lower(), name[found.end() :]
    return f"{name[: found.start()]}{scheme}//{_shown(rest)}"


def without_secrets_in(text: str) -> str:
    """Text with every address in it as :func:`without_secrets` gives it."""
    if ":/" not in text:
        return text
    return _ADDRESS.sub(lambda found: without_secrets(found[0]), text)


def _shown(rest: str) -> str:
    """What may be shown of an address behind its scheme."""
    from urllib.parse import unquote

    authority, path, query = _PARTS.match(rest).groups()  # type: ignore[union-attr] # always
    _, at, host = unquote(authority).rpartition("@")
    if not at and "@" in path and (":" in host or not host):
        return f".../{path.rpartition('@')[2].partition(';')[0]}"
    shown, semicolon, _ = f"{host}{without_secrets(path)}".partition(";")
    if not _HOST.fullmatch(host.partition(";")[0]) or (not at and ":" in host and "@" in query):
        return "..."
    shown += ";..." * bool(semicolon)
    return f"{shown}?..." if len(query) > 1 and query.startswith("?") else shown
