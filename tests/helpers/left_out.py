"""Which test modules an environment can run: those that need no library it lacks.

A device has numpy, OpenCV, Typer and a TFLite runtime. Tests of `edge` need no more, and run
there; most tests of training and conversion need what those extras bring.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = (ROOT, ROOT / "tests", ROOT / "tests" / "helpers")  # where modules of ours lie


def missing(module: Path) -> list[str]:
    """Libraries that a test module needs and this environment lacks."""
    return sorted(name for name in needs(module) if importlib.util.find_spec(name) is None)


def needs(module: Path) -> set[str]:
    """Libraries that a module, or one of ours that it leads to, imports anywhere.

    Those of `edge` are not counted: a device has them, or can do without.
    """
    seen: set[Path] = set()
    found: set[str] = set()
    rest = [module]
    while rest:
        path = rest.pop()
        if path not in seen:
            seen.add(path)
            ours, libraries = _imports(path)
            rest += ours
            found |= libraries
    return found


@cache
def _imports(module: Path) -> tuple[list[Path], set[str]]:
    """What a module imports: files of ours, and libraries by their top-level names."""
    ours: list[Path] = []
    libraries: set[str] = set()
    for name in _imported(ast.parse(module.read_text(encoding="utf-8"))):
        top = name.partition(".")[0]
        if _files(top):
            ours += _files(name) if top != "edge" else []
        elif top not in sys.stdlib_module_names:
            libraries.add(top)
    return ours, libraries


def _imported(tree: ast.AST) -> Iterator[str]:
    """Full names of all that may be a module, inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _files(name: str) -> list[Path]:
    """Files of a module of ours; none if it is another's, or a name inside a module."""
    places = [folder / name.replace(".", "/") for folder in FOLDERS]
    files = [file for place in places for file in (place.with_suffix(".py"), place / "__init__.py")]
    return [file for file in files if file.exists()]
