"""What the name of a source says of it; nothing is opened, and little imported."""

from __future__ import annotations

import os
import re

USUAL_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
"""How images are called, for people."""

_TIFF_SUFFIXES = frozenset({".tif", ".tiff", ".btf", ".tf2", ".tf8"})  # the last three: BigTIFF
IMAGE_SUFFIXES = _TIFF_SUFFIXES.union(
    USUAL_SUFFIXES, (".dib", ".apng", ".jpe", ".jfif", ".jfi", ".jif", ".mpo")
)
"""Suffixes that folders and archives are searched for. A file named outright may have any name."""

ARCHIVE_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
"""How the name of an archive ends."""

_SCHEME = re.compile(r"https?:/+|[a-z][a-z0-9+.-]+://", re.IGNORECASE)  # pathlib leaves one slash
_ADDRESS = re.compile(rf"(?:{_SCHEME.pattern})\S*?(?=[,;:)\]'\"]*(?:\s|$))", re.IGNORECASE)
_PARTS = re.compile(r"([^/?#\\]*)([^?#]*)(.*)", re.DOTALL)  # host and all before it, path, query
_HOST = re.compile(r"(?:\[[^\[\]@]*\]|[^:\[\]@]*)(?::\d*)?", re.DOTALL)

_SYSTEM_NAMES = frozenset(
    {
        # macOS, beside what starts with a dot
        *("__macosx", "icon\r", "network trash folder", "temporary items"),
        # Windows
        *("$recycle.bin", "recycler", "recycled", "system volume information", "$extend"),
        *("thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "autorun.inf"),
        *("$windows.~bt", "$windows.~ws", "$winreagent", "$sysreset", "msocache"),
        # network storage: Synology and Asustor (#, @), QNAP (@), NetApp (~), Buffalo
        *("#recycle", "#snapshot", "@eadir", "@tmp", "@sharesnap", "@recycle"),
        *("@recently-snapshot", "@appstore", "@database", "trashbox"),
        # file systems and cameras
        *("lost+found", "lost.dir", "zbthumbnail.info"),
        # programs
        *("__pycache__", "node_modules"),
    }
)
_SYSTEM_BEGINNINGS = ("synophoto_thumb", "synofile_thumb", "@syno", "@gmt-", "found.0")


def suffix_of(name: str) -> str:
    """Suffix of a path in lower case, with its dot."""
    return os.path.splitext(name)[1].lower()


def is_archive(name: str) -> bool:
    """Whether a name ends like that of an archive."""
    return name.lower().endswith(ARCHIVE_SUFFIXES)


def may_be_tiff(name: str) -> bool:
    """Whether a file can be a TIFF by its suffix: no other image is called so."""
    suffix = suffix_of(name)
    return suffix in _TIFF_SUFFIXES or suffix not in IMAGE_SUFFIXES


def is_hidden(name: str) -> bool:
    """Whether a search leaves a file or folder of this name out: the one rule for all searches.

    Nobody puts a cell where a system keeps copies of cells for itself: hidden names (``.``) and
    unfinished ones (``~``), bins, thumbnails, snapshots, checkpoints.

    Parameters
    ----------
    name : str
        Of a file or a folder, without folders above it.
    """
    if name.startswith((".", "~")):
        return name not in (".", "..")
    plain = name.casefold()
    return plain in _SYSTEM_NAMES or plain.startswith(_SYSTEM_BEGINNINGS)


def hidden_part(path: str) -> str | None:
    """Path down to its first hidden name; None if no name in it is.

    Parameters
    ----------
    path : str
        Within an archive, or below the folder that is searched. Some programs on Windows
        write backslashes into archives.
    """
    for name in re.finditer(r"[^/\\]+", path):
        if is_hidden(name[0]):
            return path[: name.end()]
    return None


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
