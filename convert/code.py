"""Which modules of edge-all a conversion is made of, found by their import statements."""

from __future__ import annotations

import ast
import hashlib
from functools import cache
from pathlib import Path

import calibration
import convert
import edge

_FOLDERS = {
    package.__name__: Path(str(package.__file__)).parent for package in (edge, calibration, convert)
}
START = "convert.pipeline"
"""What converts; what only starts it, or is told how it went, decides nothing."""


def modules_behind(start: str = START) -> dict[str, Path]:
    """Modules that one imports, at its top or in a function, directly or through others.

    Returns
    -------
    dict
        Name -> file, of the packages of edge-all, with `start`; in the order of their names.
    """
    found: dict[str, Path] = {}
    waiting = [start]
    while waiting:
        name = waiting.pop()
        file = _file_of(name)
        if name not in found and file:
            found[name] = file
            waiting += [name.rpartition(".")[0], *_imported(file.read_bytes())]
    return dict(sorted(found.items()))


def hash_of_code() -> str:
    """Hash of all code that decides what a conversion gives."""
    found = hashlib.sha256()
    for name, file in modules_behind().items():
        found.update(name.encode() + hashlib.sha256(file.read_bytes()).digest())
    return found.hexdigest()


def _file_of(name: str) -> Path | None:
    """File of a module of edge-all; None of any other name."""
    package, *parts = name.split(".")
    if package not in _FOLDERS:
        return None
    path = _FOLDERS[package].joinpath(*parts)
    places = (path / "__init__.py", path.with_suffix(".py"))
    return next((place for place in places if place.is_file()), None)


@cache
def _imported(source: bytes) -> tuple[str, ...]:
    """What a module imports, by what stands in it: read once, however many networks there are."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return tuple(found)
