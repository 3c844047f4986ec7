"""Whether an output failed because of its disk, which may have room again in a while."""

from __future__ import annotations

import errno
import sqlite3

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
_WORDS = ("disk is full", "disk I/O error")  # as SQLite words it


def is_of_disk(error: BaseException) -> bool:
    """Whether a full or failing disk is behind an error: another try may do better."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno in _FULL:
            return True
        if isinstance(seen, sqlite3.Error) and any(words in str(seen) for words in _WORDS):
            return True
        seen = seen.__cause__
    return False
