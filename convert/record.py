"""The training record beside a Keras file: who it was trained on, how good it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convert.network.input_range import InputRange, as_input_range
from edge.contract import Contract
from edge.errors import ConversionFailed
from edge.models import cnmc
from edge.models.metadata import contract_of
from edge.records.json_text import read_json
from edge.records.typed_json import as_type

_SCHEMA_1 = {"schema": 1, "kind": "network"}
"""Of records that edge-all-train 0.1.0 wrote, all of them of the contract of C-NMC."""

NOBODY_KNOWS = (
    "not known: no training record lies beside the Keras file, so that cells it was trained on may"
    " flatter it"
)
"""What a network was trained on that was trained elsewhere."""


@dataclass(frozen=True)
class TrainingRecord:
    """What ``edge-all-train`` wrote beside the ``.keras`` file.

    Attributes
    ----------
    trained_on : dict
        Subjects, crops per label, hash of the data.
    held_out : tuple of str or None
        Subjects the network was not trained on; None where nobody knows.
    accuracy : dict
        Metrics of the float network on those.
    labels : tuple of str or None
        What each output of the network stands for. Records that edge-all-train wrote before
        it said so are of networks whose outputs are in the order of C-NMC's labels: None for any
        other without.
    input_range : InputRange or None
        What 0 and 255 of a crop are for the network; None where the record does not say.
    contract : Contract or None
        None where the record does not hold one.
    is_there : bool
        False where there is no record at all: the network was trained elsewhere.
    """

    trained_on: dict[str, Any]
    held_out: tuple[str, ...] | None
    accuracy: dict[str, Any]
    labels: tuple[str, ...] | None = None
    input_range: InputRange | None = None
    contract: Contract | None = None
    is_there: bool = True

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


NO_RECORD = TrainingRecord({"dataset": NOBODY_KNOWS}, None, {}, is_there=False)
"""Of a network that was trained elsewhere."""


def record_beside(keras_file: Path) -> TrainingRecord:
    """Read the record beside a Keras file, ``NAME.json``, or know that there is none.

    Raises
    ------
    ConversionFailed
        If there is one that is no training record.
    """
    path = keras_file.with_suffix(".json")
    return read_record(path) if path.exists() else NO_RECORD


def read_record(path: Path) -> TrainingRecord:
    """Read a training record.

    Raises
    ------
    ConversionFailed
        If it is missing or lacks a field.
    """
    try:
        fields = read_json(path)
        if not isinstance(fields, dict):
            raise TypeError("it holds no fields")
        contract = _contract(fields)
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
            labels=_labels(fields, contract),
            input_range=as_input_range(fields.get("input_range")),
            contract=contract,
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


def _contract(fields: dict[str, Any]) -> Contract | None:
    """Contract that a record holds; that of all records of schema 1; None of somebody else's."""
    if "contract" in fields:
        return contract_of(fields["contract"])
    is_ours = all(fields.get(name) == value for name, value in _SCHEMA_1.items())
    return cnmc.CONTRACT if is_ours else None


def _labels(fields: dict[str, Any], contract: Contract | None) -> tuple[str, ...] | None:
    if "labels" not in fields:
        return contract.names if contract else None
    labels = fields["labels"]
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise TypeError(f"labels {labels!r} is no list of names")
    if contract and sorted(labels) != sorted(contract.names):
        raise ValueError(
            f"its labels {', '.join(labels)} are not {', '.join(contract.names)} of its contract"
        )
    return tuple(labels)
