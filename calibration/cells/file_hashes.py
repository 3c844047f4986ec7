"""sha256 of many files, remembered so that a second run starts in seconds."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from edge.errors import DataRefused, OutputFailed
from edge.records.json_text import read_json
from edge.whole_file import save_text

_Known = dict[str, tuple[int, int, str]]  # path -> size, mtime in ns, sha256


def hash_files(paths: Sequence[Path], cache: Path | None) -> list[str]:
    """Hash files, or take the hash of those unchanged since the last time.

    Parameters
    ----------
    paths : sequence of Path
    cache : Path or None
        Folder that remembers; a file counts as unchanged while its path, size and
        time of change are. Where nothing can be kept, all are hashed again the next time.

    Returns
    -------
    list of str
        sha256 as hex, in the order of `paths`.

    Raises
    ------
    DataRefused
        If a file cannot be read; names it.
    """
    index = cache / "hashes.json" if cache else None
    known = _load(index) if index else {}
    with ThreadPoolExecutor() as pool:  # hashlib releases the GIL
        entries = list(pool.map(lambda path: _entry(path, known), paths))
    fresh = {str(path.absolute()): entry for path, entry in zip(paths, entries, strict=True)}
    if index and any(known.get(path) != entry for path, entry in fresh.items()):
        with contextlib.suppress(OutputFailed):  # a cache is no result
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
            for path, (size, changed, sha256) in read_json(index).items()
        }
    except (OSError, ValueError, AttributeError, TypeError):  # none, or damaged
        return {}
