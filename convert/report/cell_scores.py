"""What float and int8 say of every evaluation cell, as a report holds it."""

from __future__ import annotations

from dataclasses import dataclass

from convert.verify.fidelity import Stages
from edge.statistics.answers import Logits, margins_of

_DECIMALS = 5  # of a margin or logit in the JSON: well below a step of int8


@dataclass(frozen=True)
class CellScores:
    """What float and int8 say of every evaluation cell, for the plots.

    Attributes
    ----------
    labels : tuple of int or None
        Number of the label of each cell.
    float_margins, int8_margins : tuple of float or None
        Of two labels: logit of the second less that of the first. None of more.
    float_logits, int8_logits : tuple of tuple of float, or None
        Of more labels: logits in the order of the labels. None of two.
    """

    labels: tuple[int, ...] | None
    float_margins: tuple[float, ...] | None
    int8_margins: tuple[float, ...] | None
    float_logits: tuple[tuple[float, ...], ...] | None
    int8_logits: tuple[tuple[float, ...], ...] | None

    def __post_init__(self) -> None:
        margins = (self.float_margins, self.int8_margins)
        logits = (self.float_logits, self.int8_logits)
        if sorted(pair.count(None) for pair in (margins, logits)) != [0, 2]:
            raise ValueError("cells must hold margins of either stage, or logits of either")
        parts = (self.labels, *margins, *logits)
        if len({len(part) for part in parts if part is not None}) > 1:
            raise ValueError("cells must hold as many labels as margins or logits of either stage")

    def __len__(self) -> int:
        return len(self.float_margins or self.float_logits or ())

    def kinds(self) -> set[int]:
        """How many labels the logits are of."""
        if self.float_logits is None or self.int8_logits is None:
            return {2}
        return {len(logits) for logits in (*self.float_logits, *self.int8_logits)}


def cell_scores(stages: Stages) -> CellScores:
    """Take from the stages what the plots of a report need."""
    labels = None if stages.labels is None else tuple(int(label) for label in stages.labels)
    if stages.twin.shape[1] == 2:
        exact, int8 = (
            tuple(round(margin, _DECIMALS) for margin in margins_of(logits).tolist())
            for logits in (stages.twin, stages.int8)
        )
        return CellScores(labels, exact, int8, None, None)
    return CellScores(labels, None, None, _rounded(stages.twin), _rounded(stages.int8))


def _rounded(logits: Logits) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(round(logit, _DECIMALS) for logit in row) for row in logits.tolist())
