"""The device runtime: sources, crops, int8 network, decisions, results.

``from edge import Classifier`` is all that most programs need.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edge.engine.classifier import Classifier
    from edge.rows import Result

__version__ = "0.1.0"
__all__ = ["Classifier", "Result"]

_HOMES = {"Classifier": "edge.engine.classifier", "Result": "edge.rows"}


def __getattr__(name: str) -> Any:
    """Import what is public when it is asked for: ``edge-all --help`` needs none of it."""
    if name not in _HOMES:
        raise AttributeError(f"module 'edge' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)
