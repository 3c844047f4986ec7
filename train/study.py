"""A study: which people are held out, which systems learn from the others, for how long.

It is read from a file of ``studies/``, so that what a report or a shipped network rests on can
be read, and repeated by one command.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from edge.errors import DataRefused
from train.training.recipe import RECIPES

PAPER = "paper"
"""Name of the paper's own split, 80/20 by image; every other split is one of ``[hold_out]``."""

BASELINES = "baselines"
"""Name of the six baselines as a system."""

NETWORKS = ("cnn", "vgg16", "resnet50")


@dataclass(frozen=True)
class System:
    """A network by a recipe, or the baselines, and the splits that it learns on.

    Attributes
    ----------
    system : str
        One of :data:`NETWORKS`, or :data:`BASELINES`.
    splits : tuple of str
    recipe : str
        A key of :data:`train.training.recipe.RECIPES`; nothing to the baselines.
    epochs : int or None
        Instead of the recipe's.
    validation_share : float or None
        Instead of the recipe's.
    precision : str
        A dtype policy of Keras, or ``auto``.
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
        if self.recipe not in RECIPES:
            raise ValueError(f"no recipe {self.recipe!r}; there are {', '.join(RECIPES)}")
        if not self.splits:
            raise ValueError(f"{self.system} learns on no split")

    @property
    def folder(self) -> str:
        """Name of its folder within that of a split."""
        return self.system if self.system == BASELINES else f"{self.system}-{self.recipe}"


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
    """

    dataset: str
    hold_out: Mapping[str, tuple[str, ...]]
    systems: tuple[System, ...]

    def __post_init__(self) -> None:
        if PAPER in self.hold_out:
            raise ValueError(f"{PAPER} is the paper's split and holds out no people")
        for system in self.systems:
            for split in system.splits:
                if split != PAPER and split not in self.hold_out:
                    raise ValueError(f"[hold_out] names no people for split {split!r}")
        folders = [(system.folder, split) for system, split in self.runs()]
        if len(set(folders)) < len(folders):
            raise ValueError("a system by the same recipe stands twice on a split")

    def runs(self) -> Iterator[tuple[System, str]]:
        """Every system with every split it learns on, split by split."""
        for split in (PAPER, *self.hold_out):
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
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise DataRefused(f"{path} is no study: {error}; studies/ has examples") from error


def _load_toml(path: Path) -> dict[str, Any]:
    try:
        import tomllib
    except ImportError:  # Python 3.10
        import tomli as tomllib
    return tomllib.loads(path.read_text(encoding="utf-8"))


def _parse(content: dict[str, Any]) -> Study:
    _check_names("the study", content, {"dataset", "hold_out", "systems"})
    systems = content.get("systems", [])
    if not systems:
        raise ValueError("it has no [[systems]]")
    for system in systems:
        _check_names("a system", system, {field.name for field in fields(System)})
    return Study(
        str(content.get("dataset", "")),
        {name: tuple(map(str, people)) for name, people in content.get("hold_out", {}).items()},
        tuple(System(**{**each, "splits": tuple(each.get("splits", ()))}) for each in systems),
    )


def _check_names(what: str, given: dict[str, Any], known: set[str]) -> None:
    unknown = sorted(set(given) - known)
    if unknown:
        raise ValueError(f"{what} has {unknown[0]!r}; known are {', '.join(sorted(known))}")
