"""How the report words numbers, and what a result rests on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from calibration.evaluation import Estimate
from train.report.results import Result, Results, System, Unit
from train.split_file import PROTOCOLS

NOT_RUN = "not run"
"""Stands in a table for a system that was not run on a split."""


def number(value: float) -> str:
    """Three decimals."""
    return f"{value:.3f}"


def estimate(found: Estimate) -> str:
    """Value and 95 % interval."""
    return f"{number(found.value)} ({number(found.low)}-{number(found.high)})"


def estimated(result: Result | None, score: str) -> str:
    """Score of a result with its interval."""
    return estimate(result.evaluation.estimate(score)) if result else NOT_RUN


def p_value(p: float) -> str:
    """Three decimals, or that it is smaller."""
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def mean_of(units: Sequence[Unit], score: str) -> str:
    """Mean of a score over units, and how many they are."""
    values = values_of(units, score)
    return f"{number(float(np.mean(values)))}, mean of {len(values)}" if values else NOT_RUN


def counted(n: int, noun: str) -> str:
    """Number and noun, with an s where it takes one."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def basis_words(result: Result) -> str:
    """Say what the numbers and intervals on a split rest on."""
    parts = []
    for title, found in (
        ("healthy", result.evaluation.healthy),
        ("leukemia", result.evaluation.leukemic),
    ):
        words = f"{found.crops:,} {title} crops of {counted(found.subjects, 'subject')}"
        if found.resampled == "crops of one subject":
            words += " (its crops were resampled: the interval says nothing about other people)"
        elif found.resampled == "crops":
            words += " (each crop counts as its own subject: the files do not say whose it is)"
        parts.append(words)
    return f"Rests on {' and '.join(parts)}. In parentheses: 95 % intervals."


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
