"""Baselines as runs: records and predictions in a folder, as networks leave them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from calibration.cells.crop_set import CropSet
from train.baselines.baselines import run_baselines
from train.data.split_file import Split, apply_split
from train.training.backend import machine, versions
from train.training.run import describe_part, describe_run, save_predictions, save_record


def train_baselines(
    data: CropSet, split: Split, seed: int, dataset: str, out: Path
) -> Iterator[dict[str, Any]]:
    """Train every baseline on every set of features and save what it says of the test part.

    Parameters
    ----------
    data : CropSet
    split : Split
    seed : int
        Of the classifiers.
    dataset : str
        What the crops are, in words.
    out : Path
        Folder for ``<baseline>-<features>.json`` and ``<baseline>-<features>-held-out.csv``.

    Yields
    ------
    dict
        The record of each, as soon as it is saved.
    """
    training, test = apply_split(split, data)
    made_on = {"versions": versions(), "machine": machine()}
    for run in run_baselines(training, test, seed):
        system = f"{run.baseline}-{run.features}"
        record = {
            **describe_run(system, "baseline", dataset, split, test, run.margins),
            "training": describe_part(training),
            "recipe": {"name": "baseline", "features": run.features, "seed": seed},
            **made_on,
            "seconds": round(run.seconds, 3),
            "seconds_per_epoch": None,
            "history": [],
        }
        save_predictions(out / f"{system}-held-out.csv", test, run.margins)
        save_record(out / f"{system}.json", record)
        yield record
