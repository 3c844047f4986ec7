"""Predictions on held-out cells, as ``edge-all-train`` writes them."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge.errors import DataRefused
from edge.wording import printable

_LARGEST = float(np.finfo(np.float32).max)

COLUMNS = ("name", "subject", "label", "margin")
"""Columns of the file."""


@dataclass(frozen=True)
class Predictions:
    """Predictions on cells of people the network was not trained on.

    Attributes
    ----------
    margins : ndarray of float64, shape (n,)
        ``logit_all - logit_hem``.
    labels : ndarray of int64, shape (n,)
    subjects : ndarray of str, shape (n,)
    """

    margins: npt.NDArray[np.float64]
    labels: npt.NDArray[np.int64]
    subjects: npt.NDArray[np.str_]


def read_predictions(path: Path) -> Predictions:
    """Read a file of predictions.

    Raises
    ------
    DataRefused
        If it is not readable, a margin in it is no finite number of float32, or a class is
        missing in it.
    """
    rows = _read(path)
    labels = np.array([label for label, _, _ in rows], np.int64)
    if set(labels.tolist()) != {0, 1}:
        raise DataRefused(f"{path} must hold cells of both classes, hem (0) and all (1)")
    return Predictions(
        np.array([margin for _, margin, _ in rows]), labels, np.array([row[2] for row in rows])
    )


def join(parts: Sequence[Predictions]) -> Predictions:
    """Put predictions behind one another."""
    return Predictions(
        np.concatenate([part.margins for part in parts]),
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.subjects for part in parts]),
    )


def _read(path: Path) -> list[tuple[int, float, str]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = csv.DictReader(file)
            return [_prediction(path, rows.line_num, row) for row in rows]
    except DataRefused:  # a ValueError as well
        raise
    except KeyError as error:
        why = f"it has no column {error.args[0]}"
    except (OSError, ValueError, csv.Error) as error:
        why = str(error)
    raise DataRefused(f"{path} is no file of predictions ({', '.join(COLUMNS)}): {why}")


def _prediction(path: Path, line: int, row: dict[str, str | None]) -> tuple[int, float, str]:
    label, margin, subject = row["label"], row["margin"], row["subject"]
    if label is None or margin is None or subject is None:
        raise DataRefused(f"{path}, line {line} is cut off; copy the file again")
    if not abs(float(margin)) <= _LARGEST:  # nor is NaN
        raise DataRefused(
            f"{path}, line {line}: the margin {printable(margin[:20])} is no finite number; the"
            " training diverged, or the file was changed"
        )
    if int(label) not in (0, 1):
        raise DataRefused(
            f"{path}, line {line}: the label {int(label)} is neither 0, hem, nor 1, all"
        )
    return int(label), float(margin), subject
