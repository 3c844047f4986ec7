"""One run: a system trained on a split, and the folder that says everything about it.

A run folder of the network ``cnn`` holds ``cnn.keras``, ``cnn.json`` (the record),
``cnn-held-out.csv`` (its predictions on the test part), ``cnn-history.jsonl`` and, while
it trains, ``cnn-checkpoint.npz``. Record and predictions of a baseline look the same.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from calibration.cells.crop_set import CropSet
from calibration.cells.labelled_crops import LABELS
from calibration.probabilities.predictions import COLUMNS
from edge.errors import DataRefused
from edge.records.json_text import read_json
from edge.statistics.metrics import measure, per_negative_subject
from edge.whole_file import save_bytes, save_text
from train.data.split import validation_part
from train.data.split_file import Split, apply_split
from train.training.checkpoint import load_checkpoint, save_checkpoint
from train.training.fit import Epoch, Parts, Training, predict
from train.training.recipe import Recipe

if TYPE_CHECKING:
    import keras

SCHEMA = 1
"""Version of the record."""


@dataclass(frozen=True)
class Job:
    """What a run is made of.

    Attributes
    ----------
    network : str
        A key of :data:`train.networks.paper.NETWORKS`.
    data : CropSet
    split : Split
    recipe : Recipe
    dataset : str
        What the crops are, in words.
    out : Path
        The run folder.
    """

    network: str
    data: CropSet
    split: Split
    recipe: Recipe
    dataset: str
    out: Path

    @property
    def identity(self) -> str:
        """Hash of all that decides what comes out."""
        facts = [self.network, self.split.sha256, asdict(self.recipe)]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    def file(self, ending: str) -> Path:
        """File of the run folder: the network's name and an ending."""
        return self.out / f"{self.network}{ending}"


def train_network(job: Job, on_epoch: Callable[[Epoch], None]) -> dict[str, Any]:
    """Train a network, or go on where the same run was stopped; measure and save it.

    Parameters
    ----------
    job : Job
    on_epoch : callable
        Given the figures of every epoch as it ends.

    Returns
    -------
    dict
        The record.

    Raises
    ------
    DataRefused
        If the folder holds another run.
    """
    finished = _finished(job)
    if finished:
        return finished
    training, test = apply_split(job.split, job.data)
    parts = _parts(job, training, test)
    start = load_checkpoint(job.file("-checkpoint.npz"), job.identity)
    job.out.mkdir(parents=True, exist_ok=True)

    def after_epoch(state: Any) -> None:
        save_checkpoint(job.file("-checkpoint.npz"), state)
        _save_history(job.file("-history.jsonl"), state.history)
        on_epoch(state.history[-1])

    trained = Training(job.network, parts, job.recipe, start)
    model = trained.run(after_epoch, job.identity)
    margins = predict(model, test.crops)
    _save_model(model, job.file(".keras"))
    save_predictions(job.file("-held-out.csv"), test, margins)
    _save_history(job.file("-history.jsonl"), trained.history)
    record = _record(job, parts, trained.history, margins)
    save_record(job.file(".json"), record)
    job.file("-checkpoint.npz").unlink(missing_ok=True)
    return record


def _finished(job: Job) -> dict[str, Any] | None:
    """Record of the same run, if it is finished."""
    if not job.file(".json").is_file():
        return None
    try:
        record: dict[str, Any] = read_json(job.file(".json"))
    except (OSError, ValueError) as error:
        raise DataRefused(f"{job.file('.json')} is damaged: {error}; delete it") from error
    if not isinstance(record, dict) or record.get("identity") != job.identity:
        raise DataRefused(
            f"{job.out} holds a finished run of another split, recipe or seed;"
            " give another --out, or delete it"
        )
    return record


def _parts(job: Job, training: CropSet, test: CropSet) -> Parts:
    recipe = job.recipe
    kept = validation_part(training, recipe.validation_share, job.split.leak_free, recipe.seed)
    return Parts(training.take(~kept), training.take(kept), test)


def _record(
    job: Job, parts: Parts, history: list[Epoch], margins: npt.NDArray[Any]
) -> dict[str, Any]:
    from train.training.backend import machine, versions

    seconds = [epoch["seconds"] for epoch in history[1:] or history]
    return {
        **describe_run(job.network, "network", job.dataset, job.split, parts.test, margins),
        "identity": job.identity,
        "training": describe_part(parts.training),
        "validation": describe_part(parts.validation),
        "recipe": asdict(job.recipe),
        "versions": versions(),
        "machine": machine(),
        # the first epoch compiles
        "seconds_per_epoch": float(np.median(seconds)),
        "history": history,
    }


def describe_run(
    system: str,
    kind: str,
    dataset: str,
    split: Split,
    test: CropSet,
    margins: npt.NDArray[np.float64],
) -> dict[str, Any]:
    """Fields of a record that networks and baselines share.

    Parameters
    ----------
    system : str
        Name of the network or baseline.
    kind : str
        ``network`` or ``baseline``.
    dataset : str
    split : Split
    test : CropSet
    margins : ndarray of float64, shape (n,)
        ``logit_all - logit_hem`` of the test crops.
    """
    known = test.subjects != ""
    healthy = per_negative_subject(margins[known], test.labels[known], test.subjects[known])
    return {
        "schema": SCHEMA,
        "network": system,
        "kind": kind,
        "dataset": dataset,
        "labels": list(LABELS),
        "split": {"protocol": split.protocol, "name": split.name, "sha256": split.sha256},
        "held_out": describe_part(test),
        "data_sha256": split.data_sha256,
        "code": code_version(),
        "metrics": asdict(measure(margins, test.labels, _counted(test))),
        "per_negative_subject": {name: asdict(metrics) for name, metrics in healthy.items()},
    }


def describe_part(part: CropSet) -> dict[str, Any]:
    """Subjects and crops per label of a part of the data."""
    return {
        "subjects": sorted(set(part.subjects.tolist()) - {""}),
        "crops": {label: int(np.sum(part.labels == i)) for i, label in enumerate(LABELS)},
    }


def code_version() -> str:
    """Version of edge-all and, in a checkout, its commit."""
    from edge.machine import installed_version

    asked = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
    )
    commit = asked.stdout.strip() if asked.returncode == 0 else "no checkout"
    return f"{installed_version('edge-all')} ({commit})"


def save_record(path: Path, record: dict[str, Any]) -> None:
    """Save a record as JSON."""
    save_text(path, json.dumps(record, indent=2) + "\n")


def save_predictions(path: Path, test: CropSet, margins: npt.NDArray[np.float64]) -> None:
    """Save the predictions on the test part, in its order, as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(zip(test.names, _counted(test), test.labels, margins.round(5), strict=True))
    save_text(path, text.getvalue())


def _counted(test: CropSet) -> npt.NDArray[np.str_]:
    """Subjects for statistics: a crop of an unknown person counts as one of its own there."""
    return np.where(test.subjects == "", test.names, test.subjects)


def _save_history(path: Path, history: list[Epoch]) -> None:
    save_text(path, "".join(json.dumps(epoch) + "\n" for epoch in history))


def _save_model(model: keras.Model, path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="edge-all-") as folder:
        made = Path(folder) / path.name  # Keras saves under nothing but a name that ends in .keras
        model.save(made)
        save_bytes(path, made.read_bytes())
