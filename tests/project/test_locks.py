"""Locked versions of environments: what pyproject.toml asks for is in them, and nothing else is."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

pytest.importorskip("tomllib", reason="docs/make_inventory.py needs Python 3.11")

ROOT = Path(__file__).parents[2]
LOCKS = ROOT / "locks"


@pytest.fixture(scope="module")
def inventory() -> ModuleType:
    path = ROOT / "docs" / "make_inventory.py"
    spec = importlib.util.spec_from_file_location("make_inventory", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def locked(name: str) -> dict[str, str]:
    lines = (LOCKS / f"{name}.txt").read_text().splitlines()
    assert lines[0].startswith(f"# {name}, Python 3.11 on Linux x86-64")
    pairs = [line.split("==") for line in lines[1:]]
    return {name: version for name, version in pairs}  # noqa: C416


@pytest.mark.parametrize("name", ["device", "cluster", "dev"])
def test_a_lock_satisfies_what_the_project_asks_for(inventory: ModuleType, name: str) -> None:
    pins = locked(name)
    asked: list[Requirement] = list(inventory.requirements(inventory.ENVIRONMENTS[name]))
    assert asked
    for wanted in asked:
        version = pins[canonicalize_name(wanted.name)]
        assert wanted.specifier.contains(version, prereleases=True), wanted


@pytest.mark.parametrize("name", ["device", "cluster", "dev"])
def test_the_bill_of_materials_and_the_licences_are_of_what_is_locked(name: str) -> None:
    bill = json.loads((LOCKS / f"{name}.cdx.json").read_text())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.5")
    pins = locked(name)
    assert {each["name"]: each["version"] for each in bill["components"]} == pins
    refs = {each["bom-ref"] for each in bill["components"]}
    assert {each["ref"] for each in bill["dependencies"]} == refs
    assert {needed for each in bill["dependencies"] for needed in each["dependsOn"]} <= refs
    page = (LOCKS / f"{name}-licences.md").read_text()
    assert all(f"| {each} | {version} | " in page for each, version in pins.items())


def test_the_locks_are_those_there_are_environments_for(inventory: ModuleType) -> None:
    assert {path.stem for path in LOCKS.glob("*.txt")} == set(inventory.ENVIRONMENTS)


def test_what_is_missing_is_said(inventory: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="is not installed there"):
        inventory.components((), [str(tmp_path)])
