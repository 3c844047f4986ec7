"""What modules of this project import."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator

OURS = {"edge", "calibration", "convert", "train"}


def imports(nodes: Iterator[ast.AST] | list[ast.stmt]) -> set[str]:
    """Top-level names of the modules that these nodes import."""
    names = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide what depends on what"
            names.add((node.module or "").partition(".")[0])
    return names - sys.stdlib_module_names
