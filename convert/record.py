"""The training record beside a Keras file: who it was trained on, how good it is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.errors import ConversionFailed


@dataclass(frozen=True)
class TrainingRecord:
    """What ``edge-all-train`` wrote beside the ``.keras`` file.

    Attributes
    ----------
    trained_on : dict
        Subjects, crops per label, hash of the data.
    held_out : tuple of str
        Subjects the network was not trained on.
    accuracy : dict
        Metrics of the float network on those.
    """

    trained_on: dict[str, Any]
    held_out: tuple[str, ...]
    accuracy: dict[str, Any]


def read_record(path: Path) -> TrainingRecord:
    """Read a training record.

    Raises
    ------
    ConversionFailed
        If it is missing or lacks a field.
    """
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        return TrainingRecord(
            trained_on={
                **fields["training"],
                "data_sha256": fields["data_sha256"],
                "recipe": fields["recipe"],
                "versions": fields["versions"],
                "dataset": fields["dataset"],
            },
            held_out=tuple(fields["held_out"]["subjects"]),
            accuracy={"held_out": fields["held_out"], "float": fields["metrics"]},
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConversionFailed(
            f"{path} is no training record: {error!r}; keep the .json that edge-all-train writes"
            " beside the .keras file"
        ) from error
