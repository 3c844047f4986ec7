"""From logits to a decision: temperature, softmax, refer band."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.models.metadata import Metadata

HEALTHY, LEUKEMIA, REFER = "healthy", "leukemia", "refer"
"""The decisions. ``refer``: a person looks."""


@dataclass(frozen=True)
class Verdict:
    """What a network says of one cell; research, not a diagnosis.

    Attributes
    ----------
    label : str
        ``hem`` or ``all``, whichever is more probable.
    decision : str
        ``healthy``, ``leukemia`` or ``refer``.
    p_leukemia : float
        Calibrated probability, 0..1.
    """

    label: str
    decision: str
    p_leukemia: float


def judge(logit_hem: float, logit_all: float, metadata: Metadata) -> Verdict:
    """Turn the two logits of a cell into a verdict.

    ``p = 1 / (1 + exp((logit_hem - logit_all) / temperature))``, the softmax of two
    logits (Guo et al. 2017, On Calibration of Modern Neural Networks, section 4.2).
    """
    p_leukemia = probability(logit_all - logit_hem, metadata.temperature)
    low, high = metadata.refer_band
    label = metadata.labels[int(p_leukemia >= 0.5)]
    if low <= p_leukemia <= high:
        return Verdict(label, REFER, p_leukemia)
    return Verdict(label, LEUKEMIA if p_leukemia >= 0.5 else HEALTHY, p_leukemia)


def probability(margin: float, temperature: float) -> float:
    """Probability of leukemia of a logit margin ``logit_all - logit_hem``."""
    return 1 / (1 + math.exp(min(-margin / temperature, 700.0)))  # exp overflows at 709
