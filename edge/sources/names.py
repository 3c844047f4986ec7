"""What the name of a source says of it; nothing is opened, and little imported."""

from __future__ import annotations

import os
import re
from datetime import datetime, timezone

USUAL_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
"""How images are called, for people."""

_TIFF_SUFFIXES = frozenset({".tif", ".tiff", ".btf", ".tf2", ".tf8"})  # the last three: BigTIFF
IMAGE_SUFFIXES = _TIFF_SUFFIXES.union(
    USUAL_SUFFIXES, (".dib", ".apng", ".jpe", ".jfif", ".jfi", ".jif", ".mpo")
)
"""Suffixes that folders and archives are searched for. A file named outright may have any name."""

ARCHIVE_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
"""How the name of an archive ends."""


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


CELLS_FOLDER = "cells"
"""Folder beside captured fields in which the crops of their cells are."""

_MOMENT = r"\d{8}T\d{6}\.\d{6}Z"
_FIELD = re.compile(rf"field-{_MOMENT}\.png")
_CELL = re.compile(rf"cell-{_MOMENT}-\d{{3,}}\.png")


def field_name(moment: float) -> str:
    """Name of the image of a field that was taken at a time, in seconds since 1970.

    In order of names is in order of time.
    """
    return f"field-{_stamp(moment)}.png"


def cell_name(moment: float, number: int) -> str:
    """Name of the crop of a cell, from 1, of a field that was taken at a time."""
    return f"cell-{_stamp(moment)}-{number:03d}.png"


def _stamp(moment: float) -> str:
    microseconds = round(moment * 1e6)
    whole = datetime.fromtimestamp(microseconds // 1_000_000, timezone.utc)
    return f"{whole:%Y%m%dT%H%M%S}.{microseconds % 1_000_000:06d}Z"


def is_field(path: str) -> bool:
    """Whether a file is called as :func:`field_name` calls images."""
    return path.endswith("Z.png") and _FIELD.fullmatch(os.path.basename(path)) is not None


def is_cell(path: str) -> bool:
    """Whether a file is called as :func:`cell_name` calls crops."""
    return path.endswith(".png") and _CELL.fullmatch(os.path.basename(path)) is not None


def has_facts(path: str) -> bool:
    """Whether a file is called like an image that has its facts beside it."""
    return is_field(path) or is_cell(path)


def facts_name(path: str) -> str:
    """Name of the file in which the facts of a field or cell are: beside its image."""
    return os.path.splitext(path)[0] + ".json"


def are_facts(path: str) -> bool:
    """Whether a file is called as :func:`facts_name` calls them."""
    return path.endswith(".json") and has_facts(path.removesuffix(".json") + ".png")


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
