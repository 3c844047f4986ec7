"""Versions of the tools a conversion depends on."""

from __future__ import annotations

import importlib.metadata
import platform

_TOOLS = ("edge-all", "tensorflow", "keras", "ai-edge-quantizer", "ai-edge-litert", "numpy")


def created_with() -> dict[str, str]:
    """Tool -> version, for the metadata; tools that are not installed are left out."""
    found = {"python": platform.python_version()}
    for name in _TOOLS:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
