"""How the report words what was measured of a system."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from edge.documents.words import estimate, number
from train.data.split_file import PROTOCOLS
from train.report.results import Result, Results, System, Unit

NOT_RUN = "not run"
"""Stands in a table for a system that was not run on a split."""


def estimated(result: Result | None, score: str) -> str:
    """Score of a result with its interval."""
    return estimate(result.evaluation.estimate(score)) if result else NOT_RUN


def mean_of(units: Sequence[Unit], score: str) -> str:
    """Mean of a score over units, and how many they are."""
    values = values_of(units, score)
    return f"{number(float(np.mean(values)))}, mean of {len(values)}" if values else NOT_RUN


def leak_free_protocol(results: Results) -> str | None:
    """The first leak-free protocol there is, which stands beside the paper split."""
    return next((p for p in PROTOCOLS[1:] if results.with_protocol(p)), None)


def results_of(results: Results, system: System | None) -> list[Result]:
    """All results of a system, paper split first."""
    found = (results.measured.get((s, system)) for s in results.splits if system)
    return [result for result in found if result]


def on_paper_split(results: Results, system: System | None) -> Result | None:
    """Result of a system on the (first) paper split."""
    return next((r for r in results_of(results, system) if r.run.split.protocol == "paper"), None)


def values_of(units: Iterable[Unit], score: str) -> list[float]:
    """One score of each unit."""
    return [getattr(unit.scores, score) for unit in units]
