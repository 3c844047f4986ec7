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
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from calibration.cells.crop_set import CropSet
from calibration.probabilities.predictions import COLUMNS
from edge.contract import Contract, with_diameters
from edge.crops.scale import measure_diameters
from edge.errors import DataRefused
from edge.models import cnmc
from edge.records.json_text import read_json
from edge.statistics.metrics import measure, per_negative_subject
from edge.statistics.several import evaluate_several
from edge.whole_file import save_bytes, save_text
from train.data.sampling import shares
from train.data.split import need_every_label, validation_part
from train.data.split_file import Split, apply_split
from train.networks.network import Network
from train.training.checkpoint import load_checkpoint, save_checkpoint
from train.training.fit import Epoch, Logits, Parts, Training, predict
from train.training.recipe import Recipe

if TYPE_CHECKING:
    import keras

SCHEMA = 2
"""Version of the record: since 2 it holds the contract. Those of 1 are of C-NMC's."""


@dataclass(frozen=True)
class Job:
    """What a run is made of.

    Attributes
    ----------
    network : Network
    contract : Contract
        What the network is to be fed and to answer, but for the diameters of the cells: they are
        measured on those that it learns from.
    data : CropSet
    split : Split
    recipe : Recipe
    dataset : str
        What the crops are, in words.
    out : Path
        The run folder.
    also : dict
        Name -> another set that the network is measured on besides, its predictions saved.
    """

    network: Network
    contract: Contract
    data: CropSet
    split: Split
    recipe: Recipe
    dataset: str
    out: Path
    also: Mapping[str, CropSet] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """Hash of all that decides what comes out."""
        facts: list[Any] = [self.network.name, self.split.sha256, self.recipe.facts()]
        # runs of the paper's networks on C-NMC are known by what they always were
        facts += [self.network.sha256] if self.network.sha256 else []
        facts += [asdict(self.contract)] if self.contract != cnmc.CONTRACT else []
        facts += [{name: crops.sha256 for name, crops in self.also.items()}] if self.also else []
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    def file(self, ending: str) -> Path:
        """File of the run folder: the network's name and an ending."""
        return self.out / f"{self.network.name}{ending}"


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
        If the folder holds another run, or the file of the network itself, or a part of the data
        lacks a label.
    """
    if job.network.file and job.network.file.absolute() == job.file(".keras").absolute():
        raise DataRefused(f"{job.network.file} would be written over; give another --out")
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
    logits = predict(job.network, model, test.crops)
    _save_model(model, job.file(".keras"))
    save_predictions(job.file("-held-out.csv"), test, logits)
    _save_history(job.file("-history.jsonl"), trained.history)
    record = _record(job, parts, trained.history, logits)
    for name, crops in job.also.items():
        of_others = predict(job.network, model, crops.crops)
        save_predictions(job.file(f"-{name}.csv"), crops, of_others)
        record["also"][name] = describe_other(crops, of_others)
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
    by_people = job.split.leak_free and bool(np.all(training.subjects != ""))
    kept = validation_part(training, recipe.validation_share, by_people, recipe.seed)
    parts = Parts(training.take(~kept), training.take(kept), test)
    names = job.contract.names
    need_every_label(parts.training.labels, names, "training")
    need_every_label(parts.test.labels, names, "test")
    return parts


def _record(job: Job, parts: Parts, history: list[Epoch], logits: Logits) -> dict[str, Any]:
    from train.training.backend import machine, versions

    seconds = [epoch["seconds"] for epoch in history[1:] or history]
    seen = parts.training
    diameters = measure_diameters(seen.crops, seen.subjects, seen.background)
    contract = with_diameters(job.contract, diameters)
    run = describe_run(
        job.network.name, "network", job.dataset, contract, job.split, parts.test, logits
    )
    return {
        **run,
        "input_range": [0, job.network.white],
        "identity": job.identity,
        "training": {**describe_part(seen), **describe_sampling(job.recipe.sampling, seen)},
        "validation": describe_part(parts.validation),
        "recipe": asdict(job.recipe),
        "versions": versions(),
        "machine": machine(),
        # the first epoch compiles
        "seconds_per_epoch": float(np.median(seconds)),
        "history": history,
        "also": {},
    }


def describe_other(crops: CropSet, logits: Logits) -> dict[str, Any]:
    """What a record says of another set that a system was measured on besides."""
    part = {"crops": describe_part(crops)["crops"], "data_sha256": crops.sha256}
    return {**part, "metrics": _scores(crops, logits)["metrics"]}


def describe_run(
    system: str,
    kind: str,
    dataset: str,
    contract: Contract,
    split: Split,
    test: CropSet,
    logits: Logits,
) -> dict[str, Any]:
    """Fields of a record that networks and baselines share.

    Parameters
    ----------
    system : str
        Name of the network or baseline.
    kind : str
        ``network`` or ``baseline``.
    dataset : str
    contract : Contract
    split : Split
    test : CropSet
    logits : ndarray of float64, shape (n, labels)
        Of the test crops.
    """
    return {
        "schema": SCHEMA,
        "network": system,
        "kind": kind,
        "dataset": dataset,
        "contract": asdict(contract),
        "split": {"protocol": split.protocol, "name": split.name, "sha256": split.sha256},
        "held_out": describe_part(test),
        "data_sha256": split.data_sha256,
        "code": code_version(),
        **_scores(test, logits),
    }


def _scores(test: CropSet, logits: Logits) -> dict[str, Any]:
    """What is measured on a test part.

    Of two labels the first one's subjects are measured one by one, too; of more, there are 95 %
    intervals, and how often each label is decided as which.
    """
    if len(test.label_names) > 2:
        found = evaluate_several(logits, test.labels, _counted(test))
        return {
            "metrics": {"crops": len(test), **asdict(found.scores)},
            "interval": {"low": asdict(found.low), "high": asdict(found.high)},
            "confusion": found.confusion,
        }
    margins, known = logits[:, 1] - logits[:, 0], test.subjects != ""
    of_people = per_negative_subject(margins[known], test.labels[known], test.subjects[known])
    return {
        "metrics": asdict(measure(margins, test.labels, _counted(test))),
        "per_negative_subject": {name: asdict(metrics) for name, metrics in of_people.items()},
    }


def describe_part(part: CropSet) -> dict[str, Any]:
    """Subjects and crops per label of a part of the data."""
    return {
        "subjects": sorted(set(part.subjects.tolist()) - {""}),
        "crops": {name: int(np.sum(part.labels == i)) for i, name in enumerate(part.label_names)},
    }


def describe_sampling(sampling: str, part: CropSet) -> dict[str, Any]:
    """How many people each label has, and the share of an epoch that the one with most takes."""
    found = shares(sampling, part.labels, part.subjects, len(part.label_names))
    named = list(zip(part.label_names, found, strict=True))
    return {
        "people": {name: share.people for name, share in named},
        "largest_share": {name: round(share.largest, 4) for name, share in named},
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


def save_predictions(path: Path, test: CropSet, logits: Logits) -> None:
    """Save the predictions on the test part, in its order, as CSV: of two labels their margins."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    of_cells = (test.names, _counted(test), test.labels)
    if len(test.label_names) == 2:
        writer.writerow(COLUMNS)
        margins = logits[:, 1] - logits[:, 0]
        writer.writerows(zip(*of_cells, margins.round(5), strict=True))
    else:
        writer.writerow((*COLUMNS[:3], *(f"logit_{name}" for name in test.label_names)))
        writer.writerows(zip(*of_cells, *logits.T.round(5), strict=True))
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
