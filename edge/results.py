"""One row per input: the stable columns of every result file."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.decision import HEALTHY, LEUKEMIA, REFER, Verdict
from edge.quality import in_words

if TYPE_CHECKING:
    from edge.preprocess import UInt8Image


@dataclass(frozen=True)
class Result:
    r"""The result of one input; fields that do not apply are None.

    The fields but `message` and `crop` are the columns of every result file.

    Attributes
    ----------
    source : str
        The source as it was given on the command line.
    file : str
        Path of the file; bytes that are not UTF-8 as ``\xNN``.
    index : int
        Position among all inputs of the run, from 0.
    label : str or None
        ``hem`` or ``all``.
    decision : str or None
        ``healthy``, ``leukemia`` or ``refer``.
    p_leukemia, logit_hem, logit_all : float or None
    quality : str or None
        Codes of :data:`edge.quality.QUALITY`, separated by blanks; None where there is
        nothing to say.
    model : str
        Network of the model file.
    model_sha256 : str
        Hash of the model file.
    error : str or None
        Reason code of :data:`edge.reasons.REASONS` if there is no decision.
    message : str or None
        The error in words, for people.
    crop : ndarray of uint8, shape (70, 70, 3), or None
        The crop itself, where a sink asked for it.
    """

    source: str
    file: str
    index: int
    model: str
    model_sha256: str
    label: str | None = None
    decision: str | None = None
    p_leukemia: float | None = None
    logit_hem: float | None = None
    logit_all: float | None = None
    quality: str | None = None
    error: str | None = None
    message: str | None = None
    crop: UInt8Image | None = dataclasses.field(default=None, repr=False, compare=False)

    def row(self) -> dict[str, str | int | float | None]:
        """Columns of this result, floats rounded to 6 digits."""
        fields = {column: getattr(self, column) for column in COLUMNS}
        return {
            column: round(value, 6) if isinstance(value, float) else value
            for column, value in fields.items()
        }

    @classmethod
    def from_row(cls, row: Mapping[str, object]) -> Result:
        """Read a row again, as any result file holds it: CSV has texts only, and empty for None.

        Raises
        ------
        ValueError, KeyError
            If a column is missing, or a number is none.
        """
        fields = {column: None if row[column] == "" else row[column] for column in COLUMNS}
        if None in (fields["source"], fields["file"], fields["index"]):
            raise ValueError("it names no input")
        if fields["decision"] not in (None, HEALTHY, LEUKEMIA, REFER):
            raise ValueError(f"{fields['decision']!r} is no decision")
        numbers = {
            column: float(str(fields[column]))
            for column in ("p_leukemia", "logit_hem", "logit_all")
            if fields[column] is not None
        }
        if not all(map(math.isfinite, numbers.values())):
            raise ValueError("a number is not finite")
        texts = {
            column: None if value is None else str(value)
            for column, value in fields.items()
            if column not in numbers
        }
        return cls(**{**texts, **numbers, "index": int(str(fields["index"]))})  # type: ignore[arg-type]

    def with_verdict(self, verdict: Verdict, logits: tuple[float, float]) -> Result:
        """Return this result with what the network says."""
        return dataclasses.replace(
            self,
            label=verdict.label,
            decision=verdict.decision,
            p_leukemia=verdict.p_leukemia,
            logit_hem=logits[0],
            logit_all=logits[1],
        )

    def with_quality(self, codes: Sequence[str]) -> Result:
        """Return this result with quality codes: if there are any, a person looks."""
        if not codes:
            return self
        return dataclasses.replace(self, decision=REFER, quality=" ".join(codes))

    def refused_for_quality(self, codes: Sequence[str]) -> Result:
        """Return this result as that of a crop without a decision, because of quality codes."""
        return dataclasses.replace(
            self,
            quality=" ".join(codes),
            error="quality",
            message=f"{in_words(codes)}; take it again, or leave --strict out",
        )


COLUMNS = (
    "source",
    "file",
    "index",
    "label",
    "decision",
    "p_leukemia",
    "logit_hem",
    "logit_all",
    "quality",
    "model",
    "model_sha256",
    "error",
)
"""Columns of a result file, version 1: later versions only add columns at the end."""

_FIRST_VERSION = 12  # columns


def are_columns(names: Iterable[str]) -> bool:
    """Whether names are the columns of a result file, of this version or an earlier one."""
    found = tuple(names)
    return len(found) >= _FIRST_VERSION and found == COLUMNS[: len(found)]
