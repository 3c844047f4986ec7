"""Optional parts of edge-all: which one is missing, in one line."""

from __future__ import annotations

import importlib.util

from edge.errors import ExtraMissing


def need(extra: str, *modules: str) -> None:
    """Check that the modules an extra brings are installed.

    Parameters
    ----------
    extra : str
        ``train`` or ``convert``.
    *modules : str
        Top-level module names.

    Raises
    ------
    ExtraMissing
        With the ``pip install`` that is missing.
    """
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    if missing:
        raise ExtraMissing(
            f"{', '.join(missing)} not installed; install it with: pip install 'edge-all[{extra}]'"
        )
