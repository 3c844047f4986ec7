"""How reports word numbers, and what a number rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edge.statistics.bootstrap import Basis
from edge.statistics.evaluation import Estimate


def number(value: float) -> str:
    """Three decimals."""
    return f"{value:.3f}"


def estimate(found: Estimate) -> str:
    """Value and 95 % interval."""
    return f"{number(found.value)} ({number(found.low)}-{number(found.high)})"


def p_value(p: float) -> str:
    """Three decimals, or that it is smaller."""
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def counted(n: int, noun: str) -> str:
    """Number and noun, with an s where it takes one."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def basis_words(of_labels: Mapping[str, Basis]) -> str:
    """Say what numbers and intervals rest on: words of a label -> its cells and people."""
    parts = []
    for title, found in of_labels.items():
        words = f"{found.crops:,} {title} crops of {counted(found.subjects, 'subject')}"
        if found.resampled == "crops of one subject":
            words += " (its crops were resampled: the interval says nothing about other people)"
        elif found.resampled == "crops":
            words += " (each crop counts as its own subject: the files do not say whose it is)"
        parts.append(words)
    return f"Rests on {listed(parts)}. In parentheses: 95 % intervals."


def listed(parts: Sequence[str]) -> str:
    """Words in a list: ``a``, ``a and b``, ``a, b and c``."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"
