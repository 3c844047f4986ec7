"""What the labels of predictions are called, and which of them is the positive one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from calibration.probabilities.predictions import Predictions
from edge.contract import Contract
from edge.errors import DataRefused
from edge.models import cnmc
from edge.models.metadata import contract_of
from edge.records.json_text import read_json

_ENDING = "-held-out.csv"
_NOBODY_SAID = ("negative", "positive")


@dataclass(frozen=True)
class Called:
    """Names of labels.

    Attributes
    ----------
    names : tuple of str or None
        In the order of the logits; None where nothing says them: of two.
    words : tuple of str
        What people read, in the same order.
    positive : str or None
        Name of the label that is not to be missed.
    """

    names: tuple[str, ...] | None
    words: tuple[str, ...]
    positive: str | None

    def with_positive(self, name: str) -> Called:
        """Return these names with another positive label.

        Raises
        ------
        DataRefused
            If there is no such label, or it is not the second of two.
        """
        if self.names is None or name not in self.names:
            known = " and ".join(self.words) if self.names is None else ", ".join(self.names)
            raise DataRefused(f"the positive label {name} is none of {known}")
        if len(self.names) == 2 and name != self.names[1]:
            raise DataRefused(
                f"of two labels the second, {self.names[1]}, is the positive one, not {name}; train"
                " with the labels in the other order"
            )
        return replace(self, positive=name)


def call_labels(cells: Predictions) -> Called:
    """Call labels what their predictions call them: none of them is said to be positive."""
    return Called(cells.names, cells.names or _NOBODY_SAID, None)


def recorded_labels(files: Sequence[Path], cells: Predictions) -> Called:
    """Call labels what the training records beside files of predictions call them.

    Parameters
    ----------
    files : sequence of Path
        ``NAME-held-out.csv``: the record is ``NAME.json`` beside it. Where there is none, the
        labels are called as `cells` say.
    cells : Predictions
        Of all files.

    Raises
    ------
    DataRefused
        If a record cannot be read, or the records, or predictions and record, are of networks for
        other labels.
    """
    beside = {file: _record_beside(file) for file in files}
    records = [record for record in beside.values() if record is not None and record.is_file()]
    contracts = {record: _contract(record) for record in records}
    if not contracts:
        return call_labels(cells)
    first, contract = next(iter(contracts.items()))
    for record, other in contracts.items():
        if (other.labels, other.positive) != (contract.labels, contract.positive):
            raise DataRefused(
                f"{first} and {record} are of networks for other labels; give the predictions of"
                " one recipe's networks"
            )
    if cells.logits.shape[1] != len(contract.names) or cells.names not in (None, contract.names):
        raise DataRefused(
            f"{first} is of a network for {', '.join(contract.names)}, but the predictions beside"
            " it are not; take both from one run of edge-all-train"
        )
    return Called(contract.names, contract.words, contract.positive)


def _record_beside(file: Path) -> Path | None:
    if not file.name.endswith(_ENDING):
        return None
    return file.with_name(f"{file.name.removesuffix(_ENDING)}.json")


def _contract(record: Path) -> Contract:
    try:
        fields: Any = read_json(record)
        if not isinstance(fields, dict):
            raise ValueError("it is no object")
        if fields.get("schema") == 1:  # of edge-all 0.1.0, which knew one contract
            return cnmc.CONTRACT
        return contract_of(fields["contract"])
    except KeyError:
        why = "it has no contract"
    except (OSError, ValueError) as error:
        why = str(error)
    raise DataRefused(
        f"{record} is no record of edge-all-train: {why}; train again, or move it away"
    )
