"""Finished runs as the report reads them.

A run is a folder with ``NAME.json``, the record, and ``NAME-held-out.csv``, the
logit margins of the crops that were held out: one system on one split.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from calibration.probabilities.predictions import COLUMNS
from edge.errors import DataRefused
from edge.models import cnmc
from edge.models.metadata import contract_of
from edge.records.json_text import read_json
from train.data.split_file import PROTOCOLS

SCHEMAS = (1, 2)
"""Versions of the record that are read; those of 1 are of C-NMC."""

_BOTH = " and ".join(f"{name} ({number})" for number, name in enumerate(cnmc.NAMES))

_PREDICTIONS = "-held-out.csv"


@dataclass(frozen=True)
class Split:
    """What was trained on and what was held out.

    Attributes
    ----------
    protocol : str
        One of :data:`PROTOCOLS`.
    name : str
        Such as ``paper`` or ``holdout-H22``.
    sha256 : str
        Of the saved split, as hex: systems with the same one saw the same test set.
    """

    protocol: str
    name: str
    sha256: str

    @property
    def title(self) -> str:
        """For people."""
        return f"{self.name} split" if self.protocol == "paper" else self.name


@dataclass(frozen=True)
class Part:
    """One side of a split: its subjects, and its crops per label."""

    subjects: frozenset[str]
    negative: int
    positive: int

    @property
    def crops(self) -> int:
        """Of both labels."""
        return self.negative + self.positive


@dataclass(frozen=True)
class Epoch:
    """One epoch, counted from 1.

    Attributes
    ----------
    epoch : int
    accuracies, losses : dict
        ``training``, ``test`` and, where a part of the training crops was set aside,
        ``validation`` -> accuracy, 0..1, and loss, nats. Losses may lack the last two.
    """

    epoch: int
    accuracies: dict[str, float]
    losses: dict[str, float]


@dataclass(frozen=True)
class Run:
    """One system on one split.

    Attributes
    ----------
    folder : Path
    name : str
        Network, or ``CLASSIFIER-FEATURES``.
    kind : str
        ``network`` or ``baseline``.
    dataset : str
        What the crops are, in words.
    split : Split
    training, held_out : Part
        What was set aside of the training crops, to stop early, counts as training.
    data_sha256, recipe, machine, code : str
        What made it; `recipe` is its name.
    settings, versions : dict
        The recipe's settings; versions of libraries.
    seconds_per_epoch : float or None
    history : tuple of Epoch
    names, subjects : ndarray of str, shape (n,)
        Of the crops held out, in an order that is the same for every run on the split.
    labels : ndarray of int64, shape (n,)
        0 negative, 1 positive.
    margins : ndarray of float64, shape (n,)
        Logit of the positive label less that of the negative one.
    """

    folder: Path
    name: str
    kind: str
    dataset: str
    split: Split
    training: Part
    held_out: Part
    data_sha256: str
    recipe: str
    machine: str
    code: str
    settings: dict[str, Any]
    versions: dict[str, Any]
    seconds_per_epoch: float | None
    history: tuple[Epoch, ...]
    names: npt.NDArray[np.str_]
    subjects: npt.NDArray[np.str_]
    labels: npt.NDArray[np.int64]
    margins: npt.NDArray[np.float64]


def read_runs(folders: Sequence[Path]) -> list[Run]:
    """Read finished runs and check that they can stand in one report.

    Raises
    ------
    DataRefused
        If there is none, one is missing, unfinished or damaged, two are the same
        system on the same split, or two on one split were not tested on the same
        crops. Names the folder or file.
    """
    if not folders:
        raise DataRefused("a report needs at least one folder of a finished run")
    runs = [run for folder in folders for run in _read_folder(folder)]
    _check_systems(runs)
    _check_splits(runs)
    return runs


def _read_folder(folder: Path) -> list[Run]:
    if not folder.is_dir():
        raise DataRefused(f"{folder} is not a folder; give the folder of a finished run")
    predictions = sorted(folder.glob(f"*{_PREDICTIONS}"))
    if not predictions:
        raise DataRefused(
            f"{folder} holds no finished run (no NAME{_PREDICTIONS});"
            " train it to the end or leave it out"
        )
    return [_read_run(folder, path.name[: -len(_PREDICTIONS)], path) for path in predictions]


def _read_run(folder: Path, name: str, predictions: Path) -> Run:
    path = folder / f"{name}.json"
    try:
        record = read_json(path)
        _refuse_others(path, record)
        run = _run(folder, name, record, _read_predictions(predictions))
    except DataRefused:
        raise
    except FileNotFoundError as error:
        raise DataRefused(
            f"{path} is missing beside {predictions.name}; train it to the end or leave it out"
        ) from error
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise _damaged(path, str(error)) from error
    except KeyError as error:
        raise _damaged(path, f"it lacks {error}") from error
    _check_run(run, path)
    return run


def _refuse_others(path: Path, record: dict[str, Any]) -> None:
    """Refuse a record of other labels than the paper's: there is nothing to set beside them."""
    if record.get("schema") == SCHEMAS[0] or "contract" not in record:
        return
    found, paper = contract_of(record["contract"]), cnmc.CONTRACT
    if (found.names, found.shape, found.background) != (paper.names, paper.shape, paper.background):
        raise DataRefused(
            f"{path} is of {', '.join(found.names)[:80]}, {found.side} pixels a side, and this"
            f" report sets the paper's {' and '.join(paper.names)} of {paper.side} beside its"
            " numbers: other scores stand in the record, and in the report of edge-all-convert"
        )


def _damaged(path: Path, why: str) -> DataRefused:
    return DataRefused(
        f"{path} is no record of a finished run: {why}; train it again or leave it out"
    )


def _run(folder: Path, name: str, record: dict[str, Any], rows: list[_Row]) -> Run:
    if record["schema"] not in SCHEMAS:
        raise ValueError(
            f"schema {record['schema']!r}, and this edge-all reads schema"
            f" {' and '.join(map(str, SCHEMAS))}"
        )
    if record["network"] != name:
        raise ValueError(f"it is a record of {record['network']!r}")
    seconds = record["seconds_per_epoch"]
    return Run(
        folder=folder,
        name=name,
        kind=_one_of(record["kind"], ("network", "baseline")),
        dataset=str(record["dataset"]),
        split=Split(
            _one_of(record["split"]["protocol"], PROTOCOLS),
            str(record["split"]["name"]),
            str(record["split"]["sha256"]),
        ),
        training=_training(record),
        held_out=_part(record["held_out"]),
        data_sha256=str(record["data_sha256"]),
        recipe=str(record["recipe"].get("name", "")),
        machine=str(record["machine"]),
        code=str(record["code"]),
        settings={key: value for key, value in record["recipe"].items() if key != "name"},
        versions=dict(record["versions"]),
        seconds_per_epoch=None if seconds is None else float(seconds),
        history=tuple(_epoch(epoch) for epoch in record["history"]),
        names=np.array([row.name for row in rows]),
        subjects=np.array([row.subject for row in rows]),
        labels=np.array([row.label for row in rows], np.int64),
        margins=np.array([row.margin for row in rows], np.float64),
    )


def _one_of(value: Any, known: Sequence[str]) -> str:
    if value not in known:
        raise ValueError(f"{value!r} is none of {', '.join(known)}")
    return str(value)


def _part(fields: dict[str, Any]) -> Part:
    crops = fields["crops"]
    negative, positive = (int(crops[name]) for name in cnmc.NAMES)
    return Part(frozenset(map(str, fields["subjects"])), negative, positive)


def _training(record: dict[str, Any]) -> Part:
    training = _part(record["training"])
    if "validation" not in record:
        return training
    aside = _part(record["validation"])
    return Part(
        training.subjects | aside.subjects,
        training.negative + aside.negative,
        training.positive + aside.positive,
    )


def _epoch(fields: dict[str, Any]) -> Epoch:
    optional = ("test_loss", "validation_accuracy", "validation_loss")
    found = {
        "training_accuracy": float(fields["accuracy"]),
        "training_loss": float(fields["loss"]),
        "test_accuracy": float(fields["test_accuracy"]),
        **{name: float(fields[name]) for name in optional if fields.get(name) is not None},
    }
    return Epoch(int(fields["epoch"]), _ending(found, "_accuracy"), _ending(found, "_loss"))


def _ending(found: dict[str, float], ending: str) -> dict[str, float]:
    return {name[: -len(ending)]: x for name, x in found.items() if name.endswith(ending)}


@dataclass(frozen=True)
class _Row:
    name: str
    subject: str
    label: int
    margin: float


def _read_predictions(path: Path) -> list[_Row]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            rows = [_row(row, reader.line_num) for row in reader]
    except KeyError as error:
        raise _no_predictions(path, f"no column {error}") from error
    except (OSError, ValueError, TypeError, csv.Error) as error:
        raise _no_predictions(path, str(error)) from error
    if {row.label for row in rows} != {0, 1}:
        raise _no_predictions(path, f"it needs crops of both classes, {_BOTH}")
    # sorting is stable: crops with the same name and subject keep the split's order
    return sorted(rows, key=lambda row: (row.name, row.subject, row.label))


def _row(row: dict[str, str], line: int) -> _Row:
    name, subject, label, margin = (row[column] for column in COLUMNS)
    if label not in ("0", "1") or not math.isfinite(float(margin)):
        raise ValueError(f"line {line} has label {label!r} and margin {margin!r}")
    return _Row(name, subject, int(label), float(margin))


def _no_predictions(path: Path, why: str) -> DataRefused:
    return DataRefused(
        f"{path} is no file of predictions ({', '.join(COLUMNS)}): {why};"
        " train it again or leave it out"
    )


def _check_run(run: Run, path: Path) -> None:
    """Check that record and predictions are of one run, and that leak-free means it."""
    negative = int(np.sum(run.labels == 0))
    positive = len(run.labels) - negative
    if (negative, positive) != (run.held_out.negative, run.held_out.positive):
        raise _damaged(
            path,
            f"it held out {run.held_out.negative} {cnmc.NEGATIVE} and {run.held_out.positive}"
            f" {cnmc.POSITIVE} crops,"
            f" and {run.name}{_PREDICTIONS} has {negative} and {positive}",
        )
    tested = run.held_out.subjects | set(run.subjects.tolist())
    both = sorted(run.training.subjects & tested)
    if run.split.protocol != "paper" and both:
        raise DataRefused(
            f"{path} calls its split {run.split.protocol}, yet subjects {', '.join(both)} stand on"
            " both sides; split again"
        )


def _check_systems(runs: Iterable[Run]) -> None:
    seen: dict[tuple[str, str, str, str], Run] = {}
    for run in runs:
        key = (run.split.protocol, run.split.name, run.name, run.recipe)
        first = seen.setdefault(key, run)
        if first is not run:
            raise DataRefused(
                f"{first.folder} and {run.folder} are both {run.name}, recipe"
                f" {run.recipe or 'unnamed'}, on split {run.split.name}; leave one out"
            )


def _check_splits(runs: Iterable[Run]) -> None:
    firsts: dict[tuple[str, str], Run] = {}
    for run in runs:
        first = firsts.setdefault((run.split.protocol, run.split.name), run)
        same = (
            first.split == run.split
            and np.array_equal(first.names, run.names)
            and np.array_equal(first.subjects, run.subjects)
            and np.array_equal(first.labels, run.labels)
        )
        if not same:
            raise DataRefused(
                f"{first.folder} and {run.folder} are both on split {run.split.name}, but were not"
                " tested on the same crops; leave one out"
            )
