"""What is known of labelled image files before one of them is opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.errors import DataRefused


@dataclass(frozen=True)
class Entry:
    """A labelled file.

    Attributes
    ----------
    path : Path
    name : str
        Path below the data, with forward slashes.
    label : str
        As its folder or table gives it.
    subject : str
        The person; empty where nothing says.
    part : str
        Of C-NMC, else empty.
    """

    path: Path
    name: str
    label: str
    subject: str
    part: str = ""


@dataclass(frozen=True)
class Listing:
    """The labelled files of a folder or table.

    Attributes
    ----------
    labels : tuple of str
        Their names, in class order.
    entries : tuple of Entry
    remarks : tuple of str
        About each thing a person should know.
    """

    labels: tuple[str, ...]
    entries: tuple[Entry, ...]
    remarks: tuple[str, ...] = ()


def refuse(wrong: Sequence[str], remedy: str) -> None:
    """Refuse labels that contradict one another: the first by name, the others by number.

    Raises
    ------
    DataRefused
    """
    if wrong:
        more = f" ({len(wrong)} crops are so)" if len(wrong) > 1 else ""
        raise DataRefused(f"{min(wrong)}; {remedy}{more}")
