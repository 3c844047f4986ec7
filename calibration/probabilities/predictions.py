"""Predictions on held-out cells, as ``edge-all-train`` writes them."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge.contract import MOST_LABELS, check_name
from edge.errors import DataRefused
from edge.statistics.reliability import margins_of
from edge.wording import printable, shortened

_LARGEST = float(np.finfo(np.float32).max)
_LOGIT = "logit_"
_OF_CELL = ("name", "subject", "label")

COLUMNS = (*_OF_CELL, "margin")
"""Columns of the file of a network of two labels."""


@dataclass(frozen=True)
class Predictions:
    """Predictions on cells of people the network was not trained on.

    Attributes
    ----------
    logits : ndarray of float64, shape (n, labels)
        Of two labels ``(-margin / 2, margin / 2)``: a file of theirs has margins alone, and
        nothing else of their logits matters.
    labels : ndarray of int64, shape (n,)
        Numbers of the labels, from 0.
    subjects : ndarray of str, shape (n,)
    names : tuple of str or None
        Of the labels, in the order of the logits; None where the file does not say: of two.
    """

    logits: npt.NDArray[np.float64]
    labels: npt.NDArray[np.int64]
    subjects: npt.NDArray[np.str_]
    names: tuple[str, ...] | None = None

    @property
    def margins(self) -> npt.NDArray[np.float64]:
        """Logit of the second of two labels less that of the first, shape (n,).

        Raises
        ------
        ValueError
            If there are more labels.
        """
        return margins_of(self.logits)


def logits_of(margins: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Logits of two labels that have these margins exactly: (n,) -> (n, 2)."""
    halves = np.asarray(margins, np.float64) / 2
    return np.stack([-halves, halves], axis=1)


def columns_of(names: Sequence[str]) -> tuple[str, ...]:
    """Columns of the file of a network of these labels."""
    if len(names) == 2:
        return COLUMNS
    return (*_OF_CELL, *(f"{_LOGIT}{name}" for name in names))


def read_predictions(path: Path) -> Predictions:
    """Read a file of predictions.

    Raises
    ------
    DataRefused
        If it is not readable, a margin or logit in it is no finite number of float32, or it has
        no cell of a label.
    """
    names, rows = _read(path)
    kinds = 2 if names is None else len(names)
    labels = np.array([row.label for row in rows], np.int64)
    missing = [_called(label, names) for label in range(kinds) if label not in set(labels.tolist())]
    if missing:
        raise DataRefused(
            f"{path} has no cell of label {shortened(', '.join(missing), 80)}; predictions must be"
            " of cells of every label: hold people out who have some, or train without the label"
        )
    numbers = np.array([row.numbers for row in rows], np.float64)
    return Predictions(
        logits_of(numbers[:, 0]) if names is None else numbers,
        labels,
        np.array([row.subject for row in rows]),
        names,
    )


def join(parts: Sequence[Predictions]) -> Predictions:
    """Put predictions behind one another.

    Raises
    ------
    DataRefused
        If they are of networks for other labels.
    """
    first = parts[0]
    for other in parts[1:]:
        if other.names != first.names:
            raise DataRefused(
                f"predictions of {_words(first.names)} and of {_words(other.names)} cannot be taken"
                " together; give those of networks for the same labels"
            )
    return Predictions(
        np.concatenate([part.logits for part in parts]),
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.subjects for part in parts]),
        first.names,
    )


@dataclass(frozen=True)
class _Row:
    """A line: `numbers` is its margin, or its logits."""

    label: int
    subject: str
    numbers: tuple[float, ...]


def _words(names: tuple[str, ...] | None) -> str:
    return "two labels" if names is None else shortened(", ".join(names), 100)


def _called(label: int, names: tuple[str, ...] | None) -> str:
    return str(label) if names is None else names[label]


def _read(path: Path) -> tuple[tuple[str, ...] | None, list[_Row]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = csv.DictReader(file)
            names = _names(rows.fieldnames or ())
            return names, [_row(path, rows.line_num, row, names) for row in rows]
    except DataRefused:  # a ValueError as well
        raise
    except KeyError as error:
        why = f"it has no column {error.args[0]}"
    except (OSError, ValueError, csv.Error) as error:
        why = str(error)
    raise DataRefused(
        f"{path} is no file of predictions ({', '.join(COLUMNS)}, or {_LOGIT}LABEL of every one of"
        f" three or more labels): {why}"
    )


def _names(columns: Sequence[str]) -> tuple[str, ...] | None:
    """Labels that the columns of a file name; None of two, whose margin is there."""
    names = tuple(column.removeprefix(_LOGIT) for column in columns if column.startswith(_LOGIT))
    if not names:
        return None
    if not 3 <= len(names) <= MOST_LABELS or len(set(names)) < len(names):
        raise ValueError(
            f"it has logits of {len(set(names))} different labels, not of 3 to {MOST_LABELS}; of"
            " two labels it has the margin"
        )
    for name in names:
        check_name(name)
    return names


def _row(path: Path, line: int, row: dict[str, str | None], names: tuple[str, ...] | None) -> _Row:
    wanted = ("margin",) if names is None else tuple(f"{_LOGIT}{name}" for name in names)
    label, subject = row["label"], row["subject"]
    texts = [row[column] for column in wanted]
    if label is None or subject is None or None in texts:
        raise DataRefused(f"{path}, line {line} is cut off; copy the file again")
    numbers = tuple(float(text or "") for text in texts)
    for column, text, number in zip(wanted, texts, numbers, strict=True):
        if not abs(number) <= _LARGEST:  # nor is NaN
            raise DataRefused(
                f"{path}, line {line}: the {column} {printable((text or '')[:20])} is no finite"
                " number; the training diverged, or the file was changed"
            )
    kinds = 2 if names is None else len(names)
    if not 0 <= int(label) < kinds:
        raise DataRefused(
            f"{path}, line {line}: the label {int(label)} is none of 0 to {kinds - 1}, numbers of"
            f" {_words(names)}"
        )
    return _Row(int(label), subject, numbers)
