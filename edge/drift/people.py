"""People that smears are compared with, or smears that came one after the other: one file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from edge.contract import Contract
from edge.drift.smears import CHANNELS, Smear
from edge.errors import NotComparable
from edge.records.checks import boolean, items, number, optional, record, string, whole
from edge.records.json_text import read_json
from edge.reference.drift_reference import DriftReference, no_cells_yet, reference_of
from edge.statistics.label_free import BINS
from edge.whole_file import save_text

SCHEMA = 1
"""Version of the schema of a file of people."""

KIND = "edge-all people"
"""By which such a file is known."""

SUMMARY = "edge-all smear"
"""Kind of the message about a smear (:mod:`edge.fleet.summary`), which has people in it."""

_MOST_PEOPLE = 20_000


@dataclass(frozen=True)
class People:
    """Smears, in the order in which they came, and histograms of all their cells.

    Attributes
    ----------
    model_sha256 : str
        Of the model file that saw them: another one says other things of the same cells.
    words : tuple of str
        Of its labels.
    smears : tuple of Smear
        Their names differ.
    counts : DriftReference
        In fixed bins, so that they add up exactly.
    """

    model_sha256: str
    words: tuple[str, ...]
    smears: tuple[Smear, ...]
    counts: DriftReference

    def __post_init__(self) -> None:
        names = [smear.name for smear in self.smears]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise NotComparable(f"smear {twice} is there twice and would count twice; rename one")

    def add(self, smears: tuple[Smear, ...], counts: DriftReference) -> People:
        """Return these with more smears at the end.

        Raises
        ------
        NotComparable
            If a smear is there already.
        """
        merged = replace(self.counts.merge(counts), cells_are="")
        return replace(self, smears=(*self.smears, *smears), counts=merged)

    def merge(self, other: People) -> People:
        """Return both together.

        Raises
        ------
        NotComparable
            If they were seen by different models, or a smear is in both.
        """
        self.require_same_model(other.model_sha256)
        return self.add(other.smears, other.counts)

    def require_same_model(self, sha256: str) -> None:
        """Refuse people that another model file has seen.

        Raises
        ------
        NotComparable
        """
        if self.model_sha256 != sha256:
            raise NotComparable(
                f"these people were seen by model {self.model_sha256[:12]}, not by {sha256[:12]};"
                " learn them again with it"
            )


def nobody(model_sha256: str, contract: Contract) -> People:
    """Start with no smear."""
    return People(model_sha256, contract.words, (), no_cells_yet(contract.words))


def save_people(path: Path, people: People) -> None:
    """Write a file of people; the same people give the same bytes.

    Raises
    ------
    OutputFailed
    """
    save_text(path, json.dumps(fields_of(people), indent=1, sort_keys=True) + "\n")


def fields_of(people: People) -> dict[str, Any]:
    """People as JSON has them."""
    return {"kind": KIND, "schema": SCHEMA, **asdict(people)}


_VALUES = record(dict.fromkeys(CHANNELS, number(-1e6, 1e6)))
_CELLS = whole(0, 10**9)
_SMEAR = record(
    {
        "name": string(4000, len),
        "cells": whole(1, 10**9),
        "values": _VALUES,
        "confidences": items(_CELLS, BINS, BINS),
        "is_shifted": boolean,
        "right": optional(_CELLS),
    }
)


def read_people(path: Path) -> People:
    """Read what :func:`save_people` wrote, or the message about a smear.

    Raises
    ------
    NotComparable
        If it is another file, or of another version.
    """
    try:
        fields: Any = read_json(path)
        if isinstance(fields, dict) and fields.get("kind") == SUMMARY:
            fields = fields.get("people")
        if not isinstance(fields, dict) or fields.get("kind") != KIND:
            raise ValueError("it is no file of people")
        if fields.get("schema") != SCHEMA:
            raise ValueError(f"it is not of schema {SCHEMA}")
        record(
            {
                "kind": string(100),
                "schema": whole(SCHEMA, SCHEMA),
                "model_sha256": string(64),
                "words": items(string(100), 2, 60),
                "smears": items(_SMEAR, 0, _MOST_PEOPLE),
                "counts": lambda name, value: None,
            }
        )("", fields)
        words = tuple(fields["words"])
        return People(
            fields["model_sha256"],
            words,
            tuple(map(_smear, fields["smears"])),
            reference_of(fields["counts"], words),
        )
    except (OSError, ValueError) as error:
        raise NotComparable(
            f"{path} cannot be used: {error}; edge-all drift learn writes such files, and"
            " edge-all run --mqtt sends them"
        ) from error


def _smear(fields: dict[str, Any]) -> Smear:
    return Smear(**{**fields, "confidences": tuple(fields["confidences"])})
