"""What the name of a source says of it; nothing is opened, and little imported."""

from __future__ import annotations

import os

IMAGE_SUFFIXES = frozenset({".bmp", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp"})
"""Suffixes that folders and archives are searched for. A file named outright may have any name."""

ARCHIVE_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
"""How the name of an archive ends."""


def suffix_of(name: str) -> str:
    """Suffix of a path in lower case, with its dot."""
    return os.path.splitext(name)[1].lower()


def is_archive(name: str) -> bool:
    """Whether a name ends like that of an archive."""
    return name.lower().endswith(ARCHIVE_SUFFIXES)


def may_be_tiff(name: str) -> bool:
    """Whether a file can be a TIFF by its suffix: no other image is called so."""
    suffix = suffix_of(name)
    return suffix in (".tif", ".tiff") or suffix not in IMAGE_SUFFIXES


def is_url(source: str) -> bool:
    """Whether a source is an ``http://`` or ``https://`` address."""
    return source.lower().startswith(("http://", "https://"))


def without_secrets(url: str) -> str:
    """Address as it may stand in results: no user, no password, no query."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
    except ValueError:  # no address at all, and nobody knows what is in it
        return url.partition(":")[0] + "://..."
    shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    return f"{shown}?..." if parts.query else shown
