"""A study: which people are held out, which systems learn from the others, for how long.

It is read from a file of ``studies/``, so that what a report or a shipped network rests on can
be read, and repeated by one command.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any

from edge.errors import DataRefused
from edge.records.typed_json import as_type
from train.training.recipe import RECIPES, Recipe

PAPER = "paper"
"""Name of the paper's own split, 80/20 by image."""

EVERYBODY = "everybody"
"""Name of the split that trains on all people and is measured on the study's first other set.

Every other split is one of ``[hold_out]``."""

BASELINES = "baselines"
"""Name of all baselines as a system."""

NETWORKS = ("cnn", "vgg16", "resnet50", "small")

PRECISIONS = ("auto", "float32", "mixed_bfloat16")
"""Dtype policies of Keras; ``auto`` is the second on a processor, the third on a GPU."""


@dataclass(frozen=True)
class System:
    """A network by a recipe, or the baselines, and the splits that it learns on.

    Attributes
    ----------
    system : str
        One of :data:`NETWORKS`, or :data:`BASELINES`.
    splits : tuple of str
    recipe : str
        A key of :data:`train.training.recipe.RECIPES` or of the study's own recipes; nothing to
        the baselines. A file may name several, and several seeds: a system each.
    epochs : int or None
        Instead of the recipe's.
    validation_share : float or None
        Instead of the recipe's.
    precision : str
        One of :data:`PRECISIONS`.
    seed : int
    """

    system: str
    splits: tuple[str, ...]
    recipe: str = "best"
    epochs: int | None = None
    validation_share: float | None = None
    precision: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.system not in (*NETWORKS, BASELINES):
            known = ", ".join((*NETWORKS, BASELINES))
            raise ValueError(f"no system {self.system!r}; there are {known}")
        if not self.splits:
            raise ValueError(f"{self.system} learns on no split")
        if self.precision not in PRECISIONS:
            raise ValueError(f"no precision {self.precision!r}; there are {', '.join(PRECISIONS)}")
        if self.epochs is not None and self.epochs < 1:
            raise ValueError(f"{self.epochs} epochs; give 1 or more")
        if self.validation_share is not None and not 0 <= self.validation_share <= 0.5:
            raise ValueError(f"validation_share {self.validation_share:g} is not within 0..0.5")

    @property
    def folder(self) -> str:
        """Name of its folder within that of a split."""
        if self.system == BASELINES:
            return self.system
        return f"{self.system}-{self.recipe}" + (f"-seed-{self.seed}" if self.seed else "")


@dataclass(frozen=True)
class Variant:
    """A recipe of a study: another one, changed.

    Attributes
    ----------
    base : str
        A key of :data:`train.training.recipe.RECIPES`, or a recipe that stands above this one.
    changes : dict
        Field of :class:`train.training.recipe.Recipe` -> value.
    """

    base: str
    changes: dict[str, Any]


@dataclass(frozen=True)
class Study:
    """What a study file says.

    Attributes
    ----------
    dataset : str
        What the crops are, in words, for records and model files.
    hold_out : dict
        Name of a split -> its test people.
    systems : tuple of System
    recipes : dict
        Name -> Variant.
    also : tuple of str
        Names of other sets that every system is measured on besides; whoever runs the study says
        where they lie.
    """

    dataset: str
    hold_out: dict[str, tuple[str, ...]]
    systems: tuple[System, ...]
    recipes: dict[str, Variant]
    also: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in (PAPER, EVERYBODY):
            if name in self.hold_out:
                raise ValueError(f"split {name} is no [hold_out]: it holds out no people")
        if not self.systems:
            raise ValueError("it has no [[systems]]")
        for name, people in self.hold_out.items():
            if not people:
                raise ValueError(f"[hold_out] names nobody for split {name!r}")
            if not re.fullmatch(r"\w[\w.-]*", name):
                raise ValueError(f"split {name!r} cannot be the name of a folder")
        for name in (*self.recipes, *self.also):
            if not re.fullmatch(r"\w[\w.-]*", name):
                raise ValueError(f"{name!r} cannot be part of the name of a file")
        for name in self.recipes:
            self.recipe(name, "cnn")  # refuses what cannot be
        for system in self.systems:
            if system.system != BASELINES:
                self.recipe(system.recipe, system.system)
            for split in system.splits:
                if split not in (PAPER, EVERYBODY, *self.hold_out):
                    raise ValueError(f"[hold_out] names no people for split {split!r}")
                if split == EVERYBODY and not self.also:
                    raise ValueError(f"split {EVERYBODY} needs another set to be measured on: also")
        folders = [(system.folder, split) for system, split in self.runs()]
        if len(set(folders)) < len(folders):
            raise ValueError("a system by the same recipe stands twice on a split")

    def recipe(self, name: str, network: str) -> Recipe:
        """Make a recipe for a network.

        Raises
        ------
        ValueError
            If there is none of this name, or it cannot be.
        """
        variant = self.recipes.get(name)
        if variant is None:
            if name not in RECIPES:
                known = ", ".join((*RECIPES, *self.recipes))
                raise ValueError(f"no recipe {name!r}; there are {known}")
            return RECIPES[name](network)
        above = list(self.recipes)[: list(self.recipes).index(name)]
        if variant.base not in (*RECIPES, *above):
            raise ValueError(f"recipe {name!r} changes {variant.base!r}, which stands not above it")
        known_fields = {field.name for field in fields(Recipe)} - {"name", "precision", "seed"}
        _check_names(f"recipe {name!r}", variant.changes, known_fields)
        whole = {**asdict(self.recipe(variant.base, network)), **variant.changes, "name": name}
        made: Recipe = as_type(Recipe, whole, f"recipe {name!r}")
        return made

    def runs(self) -> Iterator[tuple[System, str]]:
        """Every system with every split it learns on, split by split."""
        for split in (PAPER, *self.hold_out, EVERYBODY):
            for system in self.systems:
                if split in system.splits:
                    yield system, split


def read_study(path: Path) -> Study:
    """Read a study file.

    Raises
    ------
    DataRefused
        If it cannot be read, or a field is missing, unknown or impossible.
    """
    try:
        return _parse(_load_toml(path))
    except OSError as error:
        raise DataRefused(f"{path} cannot be read: {error.strerror}") from error
    except RecursionError as error:
        raise DataRefused(f"{path} is no study: it is nested too deeply") from error
    except ValueError as error:
        raise DataRefused(f"{path} is no study: {error}; studies/ has examples") from error


def _load_toml(path: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    return tomllib.loads(path.read_text(encoding="utf-8"))


def _parse(content: dict[str, Any]) -> Study:
    _check_names("the study", content, {field.name for field in fields(Study)})
    systems = [each for table in _tables(content, "systems") for each in _systems(table)]
    hold_out = as_type(dict[str, tuple[str, ...]], content.get("hold_out", {}), "it.hold_out")
    return Study(
        as_type(str, content.get("dataset", ""), "it.dataset"),
        hold_out,
        as_type(tuple[System, ...], systems, "it.systems"),
        _recipes(content),
        as_type(tuple[str, ...], content.get("also", []), "it.also"),
    )


def _tables(content: dict[str, Any], name: str) -> list[dict[str, Any]]:
    tables = content.get(name, [])
    if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
        raise ValueError(f"its {name} are no [[{name}]]")
    return tables


def _recipes(content: dict[str, Any]) -> dict[str, Variant]:
    recipes = content.get("recipes", {})
    if not isinstance(recipes, dict) or not all(isinstance(x, dict) for x in recipes.values()):
        raise ValueError("its recipes are no [recipes.NAME]")
    for name, table in recipes.items():
        if not isinstance(table.get("base"), str):
            raise ValueError(f"recipe {name!r} has no base: name the recipe that it changes")
        if name in RECIPES:
            raise ValueError(f"recipe {name!r} is called like one of edge-all-train")
    return {
        name: Variant(table["base"], {key: x for key, x in table.items() if key != "base"})
        for name, table in recipes.items()
    }


def _systems(table: dict[str, Any]) -> list[dict[str, Any]]:
    """Systems of a table: one for each recipe and seed it names."""
    _check_names("a system", table, {field.name for field in fields(System)})
    usual = {field.name: field.default for field in fields(System) if field.default is not MISSING}
    whole = {**usual, **table}
    recipes, seeds = (
        each if isinstance(each, list) else [each] for each in (whole["recipe"], whole["seed"])
    )
    return [{**whole, "recipe": recipe, "seed": seed} for recipe in recipes for seed in seeds]


def _check_names(what: str, given: dict[str, Any], known: set[str]) -> None:
    unknown = sorted(set(given) - known)
    if unknown:
        raise ValueError(f"{what} has {unknown[0]!r}; known are {', '.join(sorted(known))}")
