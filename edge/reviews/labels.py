"""What a person can say of a cell: the labels of the contract, and two things more."""

from __future__ import annotations

from dataclasses import dataclass

from edge.contract import Contract

UNCLEAR = "unclear"
"""A person cannot tell."""

NOT_A_CELL = "not a cell"
"""Dirt, a fragment, several cells, or what is no white cell."""

_KEYS = "123456789abcdefghijklmopqrstvwxy"  # all others have a meaning of their own


@dataclass(frozen=True)
class Choice:
    """One answer.

    Attributes
    ----------
    name : str
        As reviews have it: name of a label, or :data:`UNCLEAR` or :data:`NOT_A_CELL`.
    words : str
        What people read.
    key : str
        The key that gives it; empty where there are more labels than keys.
    """

    name: str
    words: str
    key: str


def choices_of(contract: Contract) -> tuple[Choice, ...]:
    """All answers there are, labels first in the order of the contract."""
    keys = [*_KEYS, *[""] * len(contract.labels)]
    labels = [
        Choice(label.name, label.words, key)
        for label, key in zip(contract.labels, keys, strict=False)
    ]
    known = {label.name for label in labels}
    more = (Choice(UNCLEAR, UNCLEAR, "u"), Choice(NOT_A_CELL, NOT_A_CELL, "n"))
    return (*labels, *(choice for choice in more if choice.name not in known))
