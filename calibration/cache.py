"""Where decoded crops and file hashes are kept between runs."""

from __future__ import annotations

import os
from pathlib import Path


def default_cache() -> Path:
    """Folder of the cache: ``$XDG_CACHE_HOME/edge-all`` or ``~/.cache/edge-all``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edge-all"
