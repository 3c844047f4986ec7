"""From logits to a decision: temperature, softmax, and what must be sure enough."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.contract import NOT_DECIDED

if TYPE_CHECKING:
    from edge.models.metadata import Metadata

REFER = NOT_DECIDED
"""The decision that is none of the labels: a person looks."""


@dataclass(frozen=True)
class Verdict:
    """What a network says of one cell; research, not a diagnosis.

    Attributes
    ----------
    label : str
        Name of the likeliest label.
    decision : str
        Its words, or ``refer``.
    probabilities : tuple of float
        Calibrated, of all labels in their order, 0..1.
    """

    label: str
    decision: str
    probabilities: tuple[float, ...]

    @property
    def probability(self) -> float:
        """Of the second of two labels; of more, that of the likeliest."""
        return self.probabilities[1] if len(self.probabilities) == 2 else max(self.probabilities)


def judge(logits: Sequence[float], metadata: Metadata) -> Verdict:
    """Turn the logits of a cell into a verdict.

    ``p = softmax(logits / temperature)`` (Guo et al. 2017, On Calibration of Modern Neural
    Networks, section 4.2). Of two labels, the second is decided above the refer band and the first
    below it; of more, the likeliest from its threshold on.

    Parameters
    ----------
    logits : sequence of float
        One for each label of the contract.
    metadata : Metadata
    """
    labels = metadata.contract.labels
    if metadata.refer_band is not None:
        first, second = logits
        p = probability(second - first, metadata.temperature)
        low, high = metadata.refer_band
        label = labels[int(p >= 0.5)]
        return Verdict(label.name, REFER if low <= p <= high else label.words, (1 - p, p))
    assert metadata.thresholds is not None
    found = softmax(logits, metadata.temperature)
    likeliest = max(range(len(found)), key=found.__getitem__)
    sure = found[likeliest] >= metadata.thresholds[likeliest]
    label = labels[likeliest]
    return Verdict(label.name, label.words if sure else REFER, found)


def probability(margin: float, temperature: float) -> float:
    """Probability of the second of two labels, of their margin: its logit less the first's."""
    return 1 / (1 + math.exp(min(-margin / temperature, 700.0)))  # exp overflows at 709


def softmax(logits: Sequence[float], temperature: float) -> tuple[float, ...]:
    """Probabilities of logits, in their order."""
    highest = max(logits)
    powers = [math.exp((logit - highest) / temperature) for logit in logits]
    total = math.fsum(powers)
    return tuple(power / total for power in powers)
