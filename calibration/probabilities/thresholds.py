"""Thresholds of several labels: from which probability on the likeliest one is decided.

Below its threshold the decision is ``refer``: a person looks. A threshold of a label is there to
keep cells of other labels from being decided so: of the cells of every other label, each taken by
itself, at most a target share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge.models.metadata import LEAST_THRESHOLD
from edge.statistics.answers import decide
from edge.statistics.balanced import mean_of


@dataclass(frozen=True)
class LabelDecisions:
    """What becomes of the cells of one label, as shares of them.

    Attributes
    ----------
    cells : int
    decided : tuple of float
        Decided as each label, in the order of the logits: its own place holds the right ones.
    referred : float
    wrong : float
        Decided as any other label.
    """

    cells: int
    decided: tuple[float, ...]
    referred: float
    wrong: float


@dataclass(frozen=True)
class ThresholdMetrics:
    """What thresholds do on labelled cells.

    Attributes
    ----------
    referred, wrong : float
        Share of cells referred, and of those decided as another label than theirs; every label
        weighs the same.
    labels : tuple of LabelDecisions
        In the order of the logits.
    """

    referred: float
    wrong: float
    labels: tuple[LabelDecisions, ...]


def choose_thresholds(
    p: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    targets: Sequence[float],
    weights: npt.NDArray[np.floating] | None = None,
) -> tuple[float, ...]:
    """Choose the smallest thresholds that keep every target: the fewest cells are referred.

    The threshold of a label L is the smallest, from :data:`edge.models.metadata.LEAST_THRESHOLD`
    on, with which of the cells of every other label M at most ``targets[M]`` are decided L. It is
    at most 1: of cells that are decided L with probability 1, a target cannot be kept.

    Parameters
    ----------
    p : ndarray of float, shape (n, labels)
        Probabilities of cells the network was not trained on.
    labels : ndarray of int, shape (n,)
        Every label must be there.
    targets : sequence of float
        Of every label M, the largest share of its cells that may be decided as any one other.
    weights : ndarray of float, shape (n,), optional
        How much a cell counts within its label; all alike by default.

    Returns
    -------
    tuple of float
        One for each label.
    """
    given = np.ones(len(labels)) if weights is None else weights
    kinds = p.shape[1]
    return tuple(
        max(
            LEAST_THRESHOLD,
            *(
                _smallest(p[labels == other, label], given[labels == other], targets[other])
                for other in range(kinds)
                if other != label
            ),
        )
        for label in range(kinds)
    )


def _smallest(
    p: npt.NDArray[np.floating], weights: npt.NDArray[np.floating], share: float
) -> float:
    """Find the smallest threshold that at most a share of the weight reaches."""
    order = np.argsort(-p, kind="stable")
    weight = np.cumsum(weights[order])
    # of the likeliest cells so many are allowed; the threshold lies just above the next
    place = np.searchsorted(weight, share * weight[-1], side="right")
    first_too_many = float(p[order[min(int(place), len(p) - 1)]])
    return min(1.0, float(np.nextafter(first_too_many, 2)))


def measure_thresholds(
    thresholds: Sequence[float],
    p: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    weights: npt.NDArray[np.floating] | None = None,
) -> ThresholdMetrics:
    """Measure thresholds; parameters as for :func:`choose_thresholds`."""
    decisions = decide(thresholds, p)
    found = tuple(
        _of_label(label, p.shape[1], decisions, labels == label, weights)
        for label in range(p.shape[1])
    )
    return ThresholdMetrics(
        referred=float(np.mean([each.referred for each in found])),
        wrong=float(np.mean([each.wrong for each in found])),
        labels=found,
    )


def _of_label(
    label: int,
    kinds: int,
    decisions: npt.NDArray[np.intp],
    chosen: npt.NDArray[np.bool_],
    weights: npt.NDArray[np.floating] | None,
) -> LabelDecisions:
    decided = tuple(mean_of(decisions == other, chosen, weights) for other in range(kinds))
    return LabelDecisions(
        cells=int(chosen.sum()),
        decided=decided,
        referred=mean_of(decisions < 0, chosen, weights),
        wrong=mean_of((decisions >= 0) & (decisions != label), chosen, weights),
    )
