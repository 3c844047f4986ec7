"""One row per cell, and per input that failed: the stable columns of every result file."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.decisions.decision import HEALTHY, LEUKEMIA, REFER, Verdict
from edge.reasons import in_words

if TYPE_CHECKING:
    from edge.crops.preprocess import UInt8Image


@dataclass(frozen=True)
class Result:
    r"""The result of one sample; fields that do not apply are None.

    The fields but `message` and `crop` are the columns of every result file.

    Attributes
    ----------
    source : str
        The source as it was given on the command line.
    file : str
        Path of the file; bytes that are not UTF-8 as ``\xNN``.
    index : int
        Position among all rows of the run, from 0.
    label : str or None
        ``hem`` or ``all``.
    decision : str or None
        ``healthy``, ``leukemia`` or ``refer``.
    p_leukemia, logit_hem, logit_all : float or None
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
    supersedes: int | None = None
    file_version: str | None = None
    sample: str | None = None
    parent: str | None = None
    box: str | None = None
    message: str | None = None
    crop: UInt8Image | None = dataclasses.field(default=None, repr=False, compare=False)

    def row(self) -> dict[str, str | int | float | None]:
        """Columns of this result, floats rounded to 6 digits."""
        return {
            column: round(value, 6) if isinstance(value := getattr(self, column), float) else value
            for column in COLUMNS
        }

    @classmethod
    def from_row(cls, row: Mapping[str, object]) -> Result:
        """Read a row again, as any result file holds it: CSV has texts only, and empty for None.

        What later versions have added may be missing.

        Raises
        ------
        ValueError, KeyError
            If a column is missing, or a number is none.
        """
        row = {**dict.fromkeys(COLUMNS[len(FIRST_COLUMNS) :]), **row}
        fields = {column: None if row[column] == "" else row[column] for column in COLUMNS}
        if None in (fields["source"], fields["file"], fields["index"]):
            raise ValueError("it names no input")
        if fields["decision"] not in (None, HEALTHY, LEUKEMIA, REFER):
            raise ValueError(f"{fields['decision']!r} is no decision")
        values = {
            column: value if value is None else _READ_AS.get(column, str)(str(value))
            for column, value in fields.items()
        }
        if not all(map(math.isfinite, (v for v in values.values() if isinstance(v, float)))):
            raise ValueError("a number is not finite")
        result = cls(**values)  # type: ignore[arg-type]
        if result.supersedes is not None and not 0 <= result.supersedes < result.index:
            raise ValueError("it supersedes no earlier row")
        return result

    def at(self, index: int) -> Result:
        """Return this result at a position among all results of a run."""
        return dataclasses.replace(self, index=index)

    def with_crop(self, crop: UInt8Image | None) -> Result:
        """Return this result with the crop it is of."""
        return self if crop is None else dataclasses.replace(self, crop=crop)

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


FIRST_COLUMNS = (
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
"""Columns of a result file, version 1, which 0.1.0 wrote: later ones only add at the end."""

COLUMNS = (*FIRST_COLUMNS, "supersedes", "file_version", "sample", "parent", "box")
"""Columns of a result file, version 2."""

_READ_AS: Mapping[str, Callable[[str], object]] = {
    **dict.fromkeys(("p_leukemia", "logit_hem", "logit_all"), float),
    **dict.fromkeys(("index", "supersedes"), int),
}


def are_columns(names: Iterable[str]) -> bool:
    """Whether names are the columns of a result file, of this version or an earlier one."""
    return tuple(names) in (FIRST_COLUMNS, COLUMNS)
