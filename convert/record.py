"""The training record beside a Keras file: who it was trained on, how good it is."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from calibration.cells.labelled_crops import LABELS
from edge.errors import ConversionFailed
from edge.records.json_text import read_json
from edge.records.typed_json import as_type

_OF_EDGE_ALL_TRAIN = {"schema": 1, "kind": "network"}


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
    labels : tuple of str or None
        What each output of the network stands for. Records that edge-all-train wrote before
        it said so are all of networks with the outputs hem, all: None for any other without.
    input_range : tuple of float or None
        What 0 and 255 of a crop are for the network; None where the record does not say.
    """

    trained_on: dict[str, Any]
    held_out: tuple[str, ...]
    accuracy: dict[str, Any]
    labels: tuple[str, ...] | None = None
    input_range: tuple[float, float] | None = None

    @property
    def metrics(self) -> dict[str, Any]:
        """Metrics on the held-out people, as the record has them."""
        found = self.accuracy.get("float")
        return found if isinstance(found, dict) else {}

    @property
    def held_out_crops(self) -> dict[str, Any]:
        """How many cells of each label the metrics rest on, as the record has them."""
        held_out = self.accuracy.get("held_out")
        found = held_out.get("crops") if isinstance(held_out, dict) else None
        return found if isinstance(found, dict) else {}


def read_record(path: Path) -> TrainingRecord:
    """Read a training record.

    Raises
    ------
    ConversionFailed
        If it is missing or lacks a field.
    """
    try:
        fields = read_json(path)
        return TrainingRecord(
            trained_on={
                **fields["training"],
                "data_sha256": fields["data_sha256"],
                "recipe": fields["recipe"],
                "versions": fields["versions"],
                "dataset": fields["dataset"],
            },
            held_out=as_type(tuple[str, ...], fields["held_out"]["subjects"], "held_out.subjects"),
            accuracy={"held_out": fields["held_out"], "float": fields["metrics"]},
            labels=_labels(fields),
            input_range=as_input_range(fields.get("input_range")),
        )
    except FileNotFoundError as error:
        raise ConversionFailed(
            f"{path} is missing: keep the training record that edge-all-train writes beside the"
            " .keras file"
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConversionFailed(
            f"{path} is no training record: {_in_words(error)}; keep the .json that edge-all-train"
            " writes beside the .keras file"
        ) from error


def _in_words(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{error.strerror}"
    return f"it lacks {error}" if isinstance(error, KeyError) else f"{error}"


def as_input_range(given: Any) -> tuple[float, float] | None:
    """Check the two ends of an input range; None stays None.

    Raises
    ------
    ValueError, TypeError
        If they are no two finite numbers, the lower one first.
    """
    if given is None:
        return None
    low, high = given
    if isinstance(low, bool) or isinstance(high, bool) or isinstance(given, str):
        raise TypeError(f"input_range {given!r} is no pair of numbers")
    low, high = float(low), float(high)
    if not (isfinite(low) and isfinite(high) and low < high):
        raise ValueError(f"input_range {low:g}, {high:g} does not rise")
    return low, high


def _labels(fields: dict[str, Any]) -> tuple[str, ...] | None:
    if "labels" not in fields:
        ours = all(fields.get(name) == value for name, value in _OF_EDGE_ALL_TRAIN.items())
        return LABELS if ours else None
    labels = fields["labels"]
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise TypeError(f"labels {labels!r} is no list of names")
    return tuple(labels)
