"""What an environment is made of: locked versions, software bill of materials, licences.

``python docs/make_inventory.py NAME [--site FOLDER]`` looks at what is installed, in this Python
or in the site-packages of another of its version, and writes ``locks/NAME.txt`` (constraints),
``locks/NAME.cdx.json`` (CycloneDX 1.5) and ``locks/NAME-licences.md``. It asks no network, and
the same environment gives the same files.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path

import tomllib
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LOCKS = ROOT / "locks"
ENVIRONMENTS = {
    "device": (),
    "cluster": ("ray", "openvino"),
    "dev": ("dev",),
}
"""Name -> extras of edge-all in it."""

_LONGEST_LICENCE = 60  # characters: some put the whole text where its name belongs


@dataclass(frozen=True)
class Component:
    """A distribution that is installed.

    Attributes
    ----------
    name, version : str
    licence : str
        As its metadata says it; ``not said`` where they do not.
    needs : tuple of str
        Names of those it needs here.
    """

    name: str
    version: str
    licence: str
    needs: tuple[str, ...]


def main() -> None:
    """Write the files, or end with what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=ENVIRONMENTS)
    parser.add_argument("--site", action="append", help="site-packages; those of this Python")
    options = parser.parse_args()
    found = components(ENVIRONMENTS[options.name], options.site or sys.path)
    LOCKS.mkdir(exist_ok=True)
    version = ".".join(map(str, sys.version_info[:2]))
    head = f"# {options.name}, Python {version} on Linux x86-64; by docs/make_inventory.py\n"
    lines = [f"{each.name}=={each.version}\n" for each in found]
    (LOCKS / f"{options.name}.txt").write_text(head + "".join(lines))
    bill = json.dumps(bill_of(found), indent=1) + "\n"
    (LOCKS / f"{options.name}.cdx.json").write_text(bill)
    (LOCKS / f"{options.name}-licences.md").write_text(licences_of(options.name, found))
    print(f"{len(found)} distributions in locks/{options.name}.txt")


def requirements(extras: Iterable[str]) -> Iterator[Requirement]:
    """What pyproject.toml asks for here, with extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    waiting = [*project["dependencies"]]
    seen: set[str] = set()
    names = list(extras)
    while names:
        extra = names.pop()
        if extra not in seen:
            seen.add(extra)
            waiting += project["optional-dependencies"][extra]
            for text in project["optional-dependencies"][extra]:
                wanted = Requirement(text)
                names += wanted.extras if wanted.name == project["name"] else ()
    for text in waiting:
        wanted = Requirement(text)
        if wanted.name != project["name"] and (not wanted.marker or wanted.marker.evaluate()):
            yield wanted


def components(extras: Iterable[str], site: list[str]) -> list[Component]:
    """Find all distributions that edge-all and those it needs ask for, by name.

    Raises
    ------
    SystemExit
        If one is not installed there.
    """
    installed: dict[str, Distribution] = {}
    for each in distributions(path=site):
        installed.setdefault(canonicalize_name(each.metadata["Name"]), each)
    found: dict[str, Component] = {}
    waiting = list(requirements(extras))
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        if (name, frozenset(wanted.extras)) in seen:
            continue
        seen.add((name, frozenset(wanted.extras)))
        if name not in installed:
            raise SystemExit(f"{name} is not installed there: install edge-all with its extras")
        needs = list(_needs_of(installed[name], wanted.extras))
        earlier = found[name].needs if name in found else ()
        names = {*earlier, *(canonicalize_name(each.name) for each in needs)}
        found[name] = Component(
            name, installed[name].version, _licence_of(installed[name]), tuple(sorted(names))
        )
        waiting += needs
    return [found[name] for name in sorted(found)]


def _needs_of(distribution: Distribution, extras: Iterable[str]) -> Iterator[Requirement]:
    for text in distribution.requires or ():
        wanted = Requirement(text)
        contexts = [{"extra": extra} for extra in ("", *extras)]
        if wanted.marker is None or any(map(wanted.marker.evaluate, contexts)):
            yield wanted


def _licence_of(distribution: Distribution) -> str:
    metadata = distribution.metadata
    for field in ("License-Expression", "License"):
        text = " ".join((metadata.get(field) or "").split())
        if text and text != "UNKNOWN" and len(text) <= _LONGEST_LICENCE:
            return text
    marked = [
        line.rpartition(" :: ")[2]
        for line in metadata.get_all("Classifier") or ()
        if line.startswith("License ::")
    ]
    return ", ".join(marked) or "not said"


def bill_of(found: list[Component]) -> dict[str, object]:
    """Software bill of materials, as CycloneDX 1.5 lays it out."""
    version = re.search(r'__version__ = "(.+)"', (ROOT / "edge" / "__init__.py").read_text())
    assert version
    root = {
        "type": "application",
        "bom-ref": "edge-all",
        "name": "edge-all",
        "version": version[1],
        "licenses": [{"license": {"id": "Apache-2.0"}}],
    }
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": root},
        "components": [
            {
                "type": "library",
                "bom-ref": each.name,
                "name": each.name,
                "version": each.version,
                "purl": f"pkg:pypi/{each.name}@{each.version}",
                "licenses": [{"license": {"name": each.licence}}],
            }
            for each in found
        ],
        "dependencies": [{"ref": each.name, "dependsOn": list(each.needs)} for each in found],
    }


def licences_of(name: str, found: list[Component]) -> str:
    """Page of who is under what."""
    lines = [f"# Licences: {name}", "", "By `docs/make_inventory.py`, as each says it itself.", ""]
    lines += ["| | version | licence |", "|---|---|---|"]
    lines += [f"| {each.name} | {each.version} | {each.licence} |" for each in found]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
