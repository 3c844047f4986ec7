"""Baselines as runs: records and predictions in a folder, as networks leave them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from calibration.cells.crop_set import CropSet
from calibration.probabilities.predictions import logits_of
from edge.contract import BLACK
from edge.errors import DataRefused
from train.baselines.baselines import run_baselines
from train.data.prepare import Prepared
from train.data.split_file import Split, apply_split
from train.training.backend import machine, versions
from train.training.run import (
    describe_other,
    describe_part,
    describe_run,
    save_predictions,
    save_record,
)


def train_baselines(
    prepared: Prepared,
    split: Split,
    seed: int,
    dataset: str,
    out: Path,
    also: Mapping[str, CropSet] | None = None,
) -> Iterator[dict[str, Any]]:
    """Train every baseline on every set of features and save what it says of the test part.

    Parameters
    ----------
    prepared : Prepared
        Of two labels, on black: its features are those of cells that were cut out.
    split : Split
    seed : int
        Of the classifiers.
    dataset : str
        What the crops are, in words.
    out : Path
        Folder for ``<baseline>-<features>.json`` and ``<baseline>-<features>-held-out.csv``.
    also : mapping, optional
        Name -> another set; its predictions go to ``<baseline>-<features>-<name>.csv``.

    Yields
    ------
    dict
        The record of each, as soon as it is saved.

    Raises
    ------
    DataRefused
        If there are more labels, or another background.
    """
    contract = prepared.contract
    if len(contract.labels) > 2 or contract.background != BLACK:
        raise DataRefused(
            f"baselines tell two labels of cells on black apart; these are {len(contract.labels)}"
            f" on a {contract.background} background: train a network"
        )
    training, test = apply_split(split, prepared.crops)
    made_on = {"versions": versions(), "machine": machine()}
    for run in run_baselines(training, test, seed, also=also):
        system = f"{run.baseline}-{run.features}"
        logits = logits_of(run.margins)
        record = {
            **describe_run(system, "baseline", dataset, contract, split, test, logits),
            "training": describe_part(training),
            "recipe": {"name": "baseline", "features": run.features, "seed": seed},
            **made_on,
            "seconds": round(run.seconds, 3),
            "seconds_per_epoch": None,
            "history": [],
            "importance": run.importance,
            "also": {},
        }
        for name, margins in run.others.items():
            crops, of_others = (also or {})[name], logits_of(margins)
            save_predictions(out / f"{system}-{name}.csv", crops, of_others)
            record["also"][name] = describe_other(crops, of_others)
        save_predictions(out / f"{system}-held-out.csv", test, logits)
        save_record(out / f"{system}.json", record)
        yield record
