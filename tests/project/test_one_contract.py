"""One contract: only the room of models, and the builders of networks, know C-NMC's."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT

PACKAGES = ("edge", "calibration", "convert", "train")
KNOW_IT = ("edge/models/", "train/networks/")
FILES = sorted(
    path
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
    if not path.relative_to(ROOT).as_posix().startswith(KNOW_IT)
)

NUMBER = 70
LABEL = re.compile(r"\bhem\b|\A(?:hem|all)\Z", re.IGNORECASE)
WORD = re.compile(r"leuka?emi|\bhealthy\b|acute lympho", re.IGNORECASE)
NAME = re.compile(
    r"(?:\A|_)(?:hem|healthy|leuka?emi\w*)(?:_|\Z)|\A(?:logit|p|precision|recall|f1)_all\Z"
)
OF_THE_PAPER = ("train/report/paper.py",)
"""Speaks of the paper alone."""

OF_FIRST_SCHEMAS = {"edge/reference/drift_reference.py": "'p_leukemia'"}
"""Names of fields in files that edge-all 0.1.0 wrote."""


def held(tree: ast.Module) -> Iterator[str]:
    """What code holds that belongs into a contract; what is said in docstrings is no code."""
    docstrings = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node not in docstrings:
            if type(node.value) in (int, float) and node.value == NUMBER:
                yield f"line {node.lineno}: {NUMBER}"
            if isinstance(node.value, str) and (
                LABEL.search(node.value) or WORD.search(node.value)
            ):
                yield f"line {node.lineno}: {node.value!r}"
        for field in ("id", "attr", "arg", "name"):
            name = getattr(node, field, None)
            if isinstance(name, str) and NAME.search(name):
                yield f"line {getattr(node, 'lineno', 0)}: {name}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_module_knows_the_side_or_the_labels_of_c_nmc(path: Path) -> None:
    name = path.relative_to(ROOT).as_posix()
    if name in OF_THE_PAPER:
        return
    found = list(held(ast.parse(path.read_text(encoding="utf-8"))))
    assert [each for each in found if not each.endswith(OF_FIRST_SCHEMAS.get(name, "\n"))] == []


@pytest.mark.parametrize(
    "code",
    ["x = 70", "f(70.0)", "x = 'hem'", "x == 'all'", "f'{x} hem'", "logit_hem = 1", "f(healthy=1)"],
)
def test_what_is_looked_for_is_found(code: str) -> None:
    assert list(held(ast.parse(code)))


@pytest.mark.parametrize("code", ["all(x)", "x = 'all of them'", "x = 700", "'''70 hem'''"])
def test_what_only_looks_like_it_is_not(code: str) -> None:
    assert not list(held(ast.parse(code)))
