"""One row per cell, and per input that failed: the stable columns of every result file."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import takewhile
from typing import TYPE_CHECKING

from edge.contract import NOT_DECIDED, Contract
from edge.decisions.decision import Verdict
from edge.models import cnmc
from edge.reasons import in_words

if TYPE_CHECKING:
    from edge.crops.preprocess import UInt8Image


@dataclass(frozen=True)
class Result:
    r"""The result of one sample; fields that do not apply are None.

    They are the columns of every result file, but `labels`, `message`, `area` and `crop`;
    probabilities and logits have one for each label (:func:`columns_of`).

    Attributes
    ----------
    source : str
        The source as it was given on the command line.
    file : str
        Path of the file; bytes that are not UTF-8 as ``\xNN``.
    index : int
        Position among all rows of the run, from 0.
    labels : tuple of str
        Names of the labels of the model file's contract, in its order.
    label : str or None
        Name of the likeliest one.
    decision : str or None
        Its words, or ``refer``.
    probabilities, logits : tuple of float or None
        One for each label: calibrated, 0..1; and as the network gives them.
    quality : str or None
        Codes of :data:`edge.reasons.QUALITY`, separated by blanks; None where there is
        nothing to say.
    model : str
        Network of the model file.
    model_sha256 : str
        Hash of the model file.
    error : str or None
        Reason code of :data:`edge.reasons.REASONS` if there is no decision.
    supersedes : int or None
        Index of an earlier result of the same file, which no longer counts: the file was
        written again. Only a watch looks.
    file_version : str or None
        By what a watch knows the file again: time of writing in nanoseconds since 1970, size in
        bytes and CRC-32.
    sample : str or None
        Id of the sample: of the file, or of the cell cut out of it.
    parent : str or None
        Id of the sample it was cut out of.
    box : str or None
        Where: ``x,y,width,height`` in pixels of the parent.
    um_per_pixel : float or None
        Scale of the image, where it is known: micrometres a pixel.
    cell_area : int or None
        Of the cell, in pixels of the field that was searched for it.
    message : str or None
        The error in words, for people.
    area : int or None
        Of the cell, in pixels of the crop, where it shows one.
    crop : ndarray of uint8, shape (side, side, 3), or None
        The crop itself, where a sink asked for it.
    """

    source: str
    file: str
    index: int
    model: str
    model_sha256: str
    label: str | None = None
    decision: str | None = None
    probabilities: tuple[float, ...] | None = None
    logits: tuple[float, ...] | None = None
    quality: str | None = None
    error: str | None = None
    supersedes: int | None = None
    file_version: str | None = None
    sample: str | None = None
    parent: str | None = None
    box: str | None = None
    um_per_pixel: float | None = None
    cell_area: int | None = None
    labels: tuple[str, ...] = cnmc.NAMES
    message: str | None = None
    area: int | None = dataclasses.field(default=None, compare=False)
    crop: UInt8Image | None = dataclasses.field(default=None, repr=False, compare=False)

    def p(self, label: str) -> float | None:
        """Calibrated probability of a label, by its name; None without a decision."""
        return None if self.probabilities is None else self.probabilities[self.labels.index(label)]

    @property
    def probability(self) -> float | None:
        """Of the second of two labels; of more, that of the likeliest."""
        if self.probabilities is None:
            return None
        return self.probabilities[1] if len(self.labels) == 2 else max(self.probabilities)

    @property
    def smear(self) -> str:
        """Where the cell comes from: its smear, as far as the command line tells."""
        return smear_of(self.source, self.file)

    def row(self) -> dict[str, str | int | float | None]:
        """Columns of this result, floats rounded to 6 digits."""
        scores = dict(_scores(self))
        values = (
            scores[column] if column in scores else getattr(self, column)
            for column in columns_of(self.labels)
        )
        return {
            column: round(value, 6) if isinstance(value, float) else value
            for column, value in zip(columns_of(self.labels), values, strict=True)
        }

    @classmethod
    def from_row(cls, row: Mapping[str, object], contract: Contract | None = None) -> Result:
        """Read a row again, as any result file holds it: CSV has texts only, and empty for None.

        What later versions have added may be missing.

        Parameters
        ----------
        row : mapping
            Column -> value.
        contract : Contract, optional
            Of the model file; by default labels are those that its columns name, and any word may
            be a decision.

        Raises
        ------
        ValueError, KeyError
            If a column is missing, or a number is none.
        """
        labels = labels_in(row) if contract is None else contract.names
        given = {column: None if value == "" else value for column, value in row.items()}
        if None in (given["source"], given["file"], given["index"]):
            raise ValueError("it names no input")
        known = {column: given[column] for column in (*_BEFORE_SCORES, *_AFTER_SCORES)}
        later = {column: given.get(column) for column in (*_OF_VERSION_2, *_OF_VERSION_3)}
        values: dict[str, object] = {
            column: _READ_AS.get(column, str)(str(value))
            for column, value in (known | later).items()
            if value is not None
        }
        decision = values.get("decision")
        possible = (decision,) if contract is None else (NOT_DECIDED, *contract.words)
        if decision is not None and (decision not in possible or not str(decision).isprintable()):
            raise ValueError(f"{decision!r} is no decision")
        found, logits = _scores_in(given, labels)
        if not (decision is None) == (found is None) == (logits is None):
            raise ValueError("it has a decision without its numbers, or numbers without one")
        result = cls(labels=labels, probabilities=found, logits=logits, **values)  # type: ignore[arg-type]
        if result.supersedes is not None and not 0 <= result.supersedes < result.index:
            raise ValueError("it supersedes no earlier row")
        return result

    def at(self, index: int) -> Result:
        """Return this result at a position among all results of a run."""
        return dataclasses.replace(self, index=index)

    def with_crop(self, crop: UInt8Image | None, area: int | None = None) -> Result:
        """Return this result with the crop it is of, and the area of the cell in it."""
        return dataclasses.replace(self, crop=crop, area=area)

    def with_verdict(self, verdict: Verdict, logits: tuple[float, ...]) -> Result:
        """Return this result with what the network says."""
        return dataclasses.replace(
            self,
            label=verdict.label,
            decision=verdict.decision,
            probabilities=verdict.probabilities,
            logits=logits,
        )

    def with_quality(self, codes: Sequence[str]) -> Result:
        """Return this result with quality codes: if there are any, a person looks."""
        if not codes:
            return self
        return dataclasses.replace(self, decision=NOT_DECIDED, quality=" ".join(codes))

    def refused_for_quality(self, codes: Sequence[str]) -> Result:
        """Return this result as that of a crop without a decision, because of quality codes."""
        return dataclasses.replace(
            self,
            label=None,
            decision=None,
            probabilities=None,
            logits=None,
            quality=" ".join(codes),
            error="quality",
            message=f"{in_words(codes)}; take it again, or leave --strict out",
        )


_BEFORE_SCORES = ("source", "file", "index", "label", "decision")
_FIRST_SCORES = (cnmc.P_COLUMN, *cnmc.LOGIT_COLUMNS)
_AFTER_SCORES = ("quality", "model", "model_sha256", "error")
_OF_VERSION_2 = ("supersedes", "file_version", "sample", "parent", "box")
_OF_VERSION_3 = ("um_per_pixel", "cell_area")

FIRST_COLUMNS = (*_BEFORE_SCORES, *_FIRST_SCORES, *_AFTER_SCORES)
"""Columns of a result file, version 1, which 0.1.0 wrote: later ones only add at the end."""

COLUMNS_2 = (*FIRST_COLUMNS, *_OF_VERSION_2)
"""Columns of a result file, version 2."""

BEGINNING = _BEFORE_SCORES
"""What the columns of every result file begin with."""

_READ_AS: Mapping[str, Callable[[str], object]] = {
    **dict.fromkeys(("index", "supersedes", "cell_area"), int),
    "um_per_pixel": float,
}


@lru_cache(maxsize=64)
def columns_of(labels: tuple[str, ...]) -> tuple[str, ...]:
    """Columns of a result file, version 3, for the labels of a contract.

    ``p_<label>`` and ``logit_<label>`` of each label stand at the end. Those of version 1 stay
    where they were, for the labels that it knew.
    """
    first = _FIRST_SCORES if cnmc.is_of_cnmc(labels) else ()
    scores = (*(f"p_{name}" for name in labels), *(f"logit_{name}" for name in labels))
    return (
        *_BEFORE_SCORES,
        *first,
        *_AFTER_SCORES,
        *_OF_VERSION_2,
        *_OF_VERSION_3,
        *(column for column in scores if column not in first),
    )


def earlier_columns(labels: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Columns that earlier versions wrote for these labels, the oldest first."""
    return (FIRST_COLUMNS, COLUMNS_2) if cnmc.is_of_cnmc(labels) else ()


def are_columns(names: Iterable[str]) -> bool:
    """Whether names are the columns of a result file, of any labels, now or in earlier versions."""
    given = tuple(names)
    return given in (FIRST_COLUMNS, COLUMNS_2) or given == columns_of(labels_in(given))


def labels_in(columns: Iterable[str]) -> tuple[str, ...]:
    """Names of the labels whose probabilities are among columns."""
    given = list(columns)
    last = _OF_VERSION_3[-1]
    behind = given[given.index(last) + 1 :] if last in given else []
    names = tuple(takewhile(lambda column: column.startswith("p_"), behind))
    return tuple(name.removeprefix("p_") for name in names) or cnmc.NAMES


def smear_of(source: str, file: str) -> str:
    """Name of where a cell comes from: a shell makes of ``crops/*.png`` a source a file."""
    return source if source != file else os.path.dirname(file) or "."


def _scores(result: Result) -> Iterator[tuple[str, float | None]]:
    """Columns of probabilities and logits."""
    nothing = (None,) * len(result.labels)
    found, logits = result.probabilities or nothing, result.logits or nothing
    for name, p, logit in zip(result.labels, found, logits, strict=True):
        yield f"p_{name}", p
        yield f"logit_{name}", logit
    if cnmc.is_of_cnmc(result.labels):
        yield cnmc.P_COLUMN, found[1]


def _scores_in(
    given: Mapping[str, object], labels: tuple[str, ...]
) -> tuple[tuple[float, ...] | None, tuple[float, ...] | None]:
    """Probabilities and logits of a row; of C-NMC's labels as version 1 wrote them."""
    logits = _numbers([given.get(f"logit_{name}") for name in labels])
    if not cnmc.is_of_cnmc(labels):
        return _numbers([given.get(f"p_{name}") for name in labels]), logits
    (p,) = _numbers([given[cnmc.P_COLUMN]]) or (None,)
    return None if p is None else (1 - p, p), logits


def _numbers(given: Sequence[object]) -> tuple[float, ...] | None:
    """Numbers of a row, all of them or none."""
    if all(value is None for value in given):
        return None
    return tuple(_finite(str(value)) for value in given)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number is not finite")
    return value
