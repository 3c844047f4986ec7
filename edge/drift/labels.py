"""What labels say of cells on a device: from a table, or from the folders that cells lie in."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from edge.errors import DataRefused

FOLDERS = "folders"
"""In place of a table: cells of a label lie in folders that are called like it."""

UNKNOWN = -1
"""Number of the label of a cell of which nobody knows it."""

_NEEDED, _POSSIBLE = {"file", "label"}, {"file", "label", "subject"}


@dataclass(frozen=True)
class Labels:
    """Labels of cells, and whose they are.

    Attributes
    ----------
    names : tuple of str
        Of the contract.
    by_folder : bool
        Whether folders say the label.
    of_files : mapping
        Absolute path -> number of the label, and the person, empty where nobody says.
    people : re.Pattern or None
        Its first group in the name of a file is the person.
    """

    names: tuple[str, ...]
    by_folder: bool = False
    of_files: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    people: re.Pattern[str] | None = None

    @property
    def are_given(self) -> bool:
        """Whether there are any."""
        return self.by_folder or bool(self.of_files)

    def label_of(self, file: str) -> int:
        """Number of a cell's label, :data:`UNKNOWN` if nobody knows."""
        if not self.by_folder:
            return self.of_files.get(os.path.abspath(file), (UNKNOWN, ""))[0]
        known = {name.casefold(): number for number, name in enumerate(self.names)}
        parts = [part.casefold() for part in PurePath(file).parts[:-1]]
        return next((known[part] for part in reversed(parts) if part in known), UNKNOWN)

    def person_of(self, file: str, smear: str) -> str:
        """Whose cell it is: by the table, else by the name of the file, else its smear."""
        listed = self.of_files.get(os.path.abspath(file), (UNKNOWN, ""))[1]
        found = self.people.search(PurePath(file).name) if self.people else None
        return listed or (found[1] if found else "") or smear


def read_labels(given: str | None, names: Sequence[str], people: str | None = None) -> Labels:
    """Read labels as a command line names them.

    Parameters
    ----------
    given : str or None
        :data:`FOLDERS`, a CSV file ``file,label[,subject]`` whose paths begin at its own folder, or
        nothing.
    names : sequence of str
        Labels of the contract.
    people : str, optional
        Regular expression; its first group in the name of a file is the person.

    Raises
    ------
    DataRefused
        If the table cannot be read, has other columns or a label that is none, or the expression
        is none or has no group.
    """
    pattern = None if people is None else _pattern(people)
    if given is None or given == FOLDERS:
        return Labels(tuple(names), given == FOLDERS, {}, pattern)
    table = Path(given)
    known = {name.casefold(): number for number, name in enumerate(names)}
    found: dict[str, tuple[int, str]] = {}
    for line, row in enumerate(_rows(table), 2):
        label = row["label"].strip()
        if not label:
            continue
        if label.casefold() not in known:
            raise DataRefused(
                f"{table}, line {line}: {label!r} is no label of the model; they are"
                f" {', '.join(names)}"
            )
        path = os.path.abspath(table.parent / row["file"].strip())
        entry = known[label.casefold()], (row.get("subject") or "").strip()
        if found.setdefault(path, entry) != entry:
            raise DataRefused(f"{table}, line {line}: {row['file']} is listed twice, not alike")
    if not found:
        raise DataRefused(f"{table} has no label; fill in its column label")
    return Labels(tuple(names), False, found, pattern)


def _rows(table: Path) -> list[dict[str, str]]:
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            columns = set(reader.fieldnames or ())
            rows = list(reader)
    except (OSError, ValueError, csv.Error) as error:
        raise DataRefused(f"{table} is no CSV file that can be read: {error}") from error
    if not _NEEDED <= columns <= _POSSIBLE:
        raise DataRefused(
            f"{table} has other columns than file, label and perhaps subject; rename them"
        )
    if any(None in row or None in row.values() for row in rows):
        raise DataRefused(f"{table} has rows of another length than its first line; correct them")
    return rows


def _pattern(text: str) -> re.Pattern[str]:
    try:
        found = re.compile(text)
    except re.error as error:
        raise DataRefused(f"--people {text!r} is no regular expression: {error}") from error
    if not found.groups:
        raise DataRefused(f"--people {text!r} has no group; put the person in parentheses")
    return found
