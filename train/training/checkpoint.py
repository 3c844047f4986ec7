"""All that a training needs to go on after it was killed, in one file per run.

Arrays by position, not a Keras file: the same on every backend, written whole or not
at all, and read back bit for bit.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.errors import DataRefused
from edge.records.json_text import parse_json
from edge.whole_file import replacing

Arrays = list[npt.NDArray[Any]]


@dataclass(frozen=True)
class Checkpoint:
    """State of a training at the end of an epoch.

    Attributes
    ----------
    identity : str
        Hash of all that makes the run; another run's checkpoint is refused.
    weights, optimizer : list of ndarray
        In the order of the model's weights and the optimizer's variables.
    best_weights : list of ndarray
        Of the epoch with the best validation loss; empty without a validation part.
    summed_weights : list of ndarray
        Sum of those after the last epochs, whose mean is wanted; empty before them.
    history : list of dict
        One entry an epoch.
    """

    identity: str
    weights: Arrays
    optimizer: Arrays
    best_weights: Arrays = field(default_factory=list)
    summed_weights: Arrays = field(default_factory=list)
    history: list[dict[str, float]] = field(default_factory=list)


def save_checkpoint(path: Path, state: Checkpoint) -> None:
    """Write a checkpoint: the old one stays until the new one is whole."""
    groups = {
        "w": state.weights,
        "o": state.optimizer,
        "b": state.best_weights,
        "s": state.summed_weights,
    }
    arrays: dict[str, Any] = {
        f"{key}{i}": array for key, group in groups.items() for i, array in enumerate(group)
    }
    text = json.dumps({"identity": state.identity, "history": state.history})
    with replacing(path) as file:
        np.savez(file, state=np.array(text), **arrays)
        file.flush()
        os.fsync(file.fileno())


def load_checkpoint(path: Path, identity: str) -> Checkpoint | None:
    """Read a checkpoint, or None where there is none yet.

    Raises
    ------
    DataRefused
        If it is damaged or belongs to another run.
    """
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            state = parse_json(str(archive["state"]))
            weights, optimizer, best, summed = (_group(archive, key) for key in "wobs")
    except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile) as error:
        raise DataRefused(f"{path} cannot be read: {error}; delete it to start again") from error
    if state["identity"] != identity:
        raise DataRefused(
            f"{path.parent} holds another run: other data, split, recipe or seed;"
            " give another --out, or delete it"
        )
    return Checkpoint(identity, weights, optimizer, best, summed, state["history"])


def _group(archive: Any, key: str) -> Arrays:
    names: Sequence[str] = [name for name in archive.files if name[0] == key and name[1:].isdigit()]
    return [archive[f"{key}{i}"] for i in range(len(names))]
