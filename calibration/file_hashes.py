"""sha256 of many files, remembered so that a second run starts in seconds."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from edge.errors import DataRefused, OutputFailed

_Known = dict[str, tuple[int, int, str]]  # path -> size, mtime in ns, sha256


def hash_files(paths: Sequence[Path], cache: Path) -> list[str]:
    """Hash files, or take the hash of those unchanged since the last time.

    Parameters
    ----------
    paths : sequence of Path
    cache : Path
        Folder that remembers; a file counts as unchanged while its path, size and
        time of change are.

    Returns
    -------
    list of str
        sha256 as hex, in the order of `paths`.

    Raises
    ------
    DataRefused
        If a file cannot be read; names it.
    """
    index = cache / "hashes.json"
    known = _load(index)
    with ThreadPoolExecutor() as pool:  # hashlib releases the GIL
        entries = list(pool.map(lambda path: _entry(path, known), paths))
    fresh = {str(path.absolute()): entry for path, entry in zip(paths, entries, strict=True)}
    if any(known.get(path) != entry for path, entry in fresh.items()):
        save_text(index, json.dumps(known | fresh))
    return [sha256 for _, _, sha256 in entries]


def _entry(path: Path, known: _Known) -> tuple[int, int, str]:
    try:
        status = path.stat()
        before = known.get(str(path.absolute()))
        if before and before[:2] == (status.st_size, status.st_mtime_ns):
            return before
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise DataRefused(f"{path} cannot be read: {error.strerror}") from error
    return status.st_size, status.st_mtime_ns, sha256


def _load(index: Path) -> _Known:
    try:
        return {
            path: (int(size), int(changed), str(sha256))
            for path, (size, changed, sha256) in json.loads(index.read_text()).items()
        }
    except (OSError, ValueError, AttributeError, TypeError):  # none yet, or damaged
        return {}


def save_text(path: Path, text: str) -> None:
    """Write a text as :func:`save_bytes` does, in UTF-8."""
    save_bytes(path, text.encode())


def save_bytes(path: Path, data: bytes) -> None:
    """Write a file whole under its name, or not at all; its folder is made.

    Raises
    ------
    OutputFailed
        If it cannot be written: a full disk, a folder nobody may write to.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(data)
        unfinished.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise OutputFailed(
            f"cannot write {path}: {error.strerror}; check the folder and the free space"
        ) from error
