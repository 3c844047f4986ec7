"""Predictions on held-out cells, as ``edge-all-train`` writes them."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge.errors import DataRefused

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
        If it is not readable or a class is missing in it.
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
            return [
                (int(row["label"]), float(row["margin"]), row["subject"])
                for row in csv.DictReader(file)
            ]
    except (OSError, ValueError, KeyError) as error:
        raise DataRefused(
            f"{path} is no file of predictions ({', '.join(COLUMNS)}): {error}"
        ) from error
