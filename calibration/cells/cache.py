"""Where decoded crops and file hashes are kept between runs."""

from __future__ import annotations

import os
from pathlib import Path


def default_cache() -> Path | None:
    """Folder of the cache: ``$XDG_CACHE_HOME/edge-all`` or ``~/.cache/edge-all``.

    None for a user without a home folder: then nothing is kept.
    """
    if kept := os.environ.get("XDG_CACHE_HOME"):
        return Path(kept) / "edge-all"
    try:
        return Path.home() / ".cache" / "edge-all"
    except RuntimeError:
        return None
