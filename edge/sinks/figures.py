"""Figures as a JSON file: written whole, in place of nothing but earlier figures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

from edge.errors import OutputFailed
from edge.sinks.file import cannot_write, is_stream
from edge.sinks.lock import foreign
from edge.whole_file import replacing


def check_figures(path: Path, kind: type) -> None:
    """Refuse a name where no figures can be written, before they are measured.

    Parameters
    ----------
    path : Path
    kind : type
        Dataclass of the figures: an earlier file of them has its fields.

    Raises
    ------
    OutputFailed
    """
    if path.is_dir() or is_stream(path):
        raise OutputFailed(f"cannot write {path}: it is no file; name a file")
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        if not path.absolute().parent.is_dir():
            raise OutputFailed(
                f"cannot write {path}: no such folder as {path.parent}; make it first"
            ) from None
        return
    except OSError as error:
        raise cannot_write(path, error) from error
    if data and not _has_fields(data, {field.name for field in fields(kind)}):
        raise foreign(path, "file of figures")


def _has_fields(data: bytes, names: set[str]) -> bool:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and set(found) == names


def save_figures(path: Path, figures: Mapping[str, object]) -> None:
    """Write figures.

    Raises
    ------
    OutputFailed
    """
    try:
        with replacing(path) as file:
            file.write((json.dumps(figures, indent=2) + "\n").encode())
    except OSError as error:
        raise cannot_write(path, error) from error
