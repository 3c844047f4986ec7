"""Temperature scaling: probabilities that mean what they say."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from calibration.probabilities.predictions import Predictions
from edge.errors import DataRefused
from edge.statistics.balanced import balance
from edge.statistics.reliability import margins_of

_LOWEST, _HIGHEST = 0.05, 20.0
_GOLDEN = (5**0.5 - 1) / 2  # 0.618: of a section, so that a loss serves two steps
_AT_A_LIMIT = 1e-3  # relative: how near to an end the search comes


def fit_temperature(
    logits: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    weights: npt.NDArray[np.floating] | None = None,
) -> float:
    """Find the temperature with the smallest cross-entropy, every label weighing the same.

    Guo et al. 2017, On Calibration of Modern Neural Networks, section 4.2. The
    labels are balanced because the networks are trained with class weights: a
    probability then refers to labels that are equally common, not to a dataset.

    Parameters
    ----------
    logits : ndarray of float, shape (n, labels)
        Of cells the network was not trained on.
    labels : ndarray of int, shape (n,)
        Numbers of the labels, from 0; every one must be there.
    weights : ndarray of float, shape (n,), optional
        How much a cell counts within its label; all alike by default.

    Returns
    -------
    float
        Between 0.05 and 20.
    """
    # -log p(label) is the logarithm of the sum of exp(gap) over all labels
    counts = balance(labels, weights, logits.shape[1])
    if logits.shape[1] == 2:
        margins = margins_of(logits)
        gaps = np.where(labels == 1, -margins, margins)
        return _search(lambda inverse: float(counts @ np.logaddexp(0, gaps * inverse)))
    gaps = np.ascontiguousarray((logits - _own_logits(logits, labels)[:, None]).T)
    return _search(lambda inverse: float(counts @ np.logaddexp.reduce(gaps * inverse)))


def _own_logits(
    logits: npt.NDArray[np.floating], labels: npt.NDArray[np.integer]
) -> npt.NDArray[np.floating]:
    """Logit of every cell's own label, shape (n,)."""
    return np.take_along_axis(logits, labels[:, None], axis=1)[:, 0]


def _search(loss: Callable[[float], float]) -> float:
    """Find the temperature with the smallest loss of ``1 / temperature``: a golden section.

    Kiefer 1953, Sequential minimax search for a maximum: one loss is worked out in every step.
    """
    # cross-entropy is convex in 1/T: what lies beyond the larger of two losses cannot be smallest
    low, high = 1 / _HIGHEST, 1 / _LOWEST
    nearer, farther = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_nearer, at_farther = loss(nearer), loss(farther)
    while high - low > 1e-6:
        if at_nearer < at_farther:
            high, farther, at_farther = farther, nearer, at_nearer
            nearer = high - _GOLDEN * (high - low)
            at_nearer = loss(nearer)
        else:
            low, nearer, at_nearer = nearer, farther, at_farther
            farther = low + _GOLDEN * (high - low)
            at_farther = loss(farther)
    return 2 / (low + high)


def caution(temperature: float, cells: Predictions, words: Sequence[str]) -> str:
    """Say that a temperature is only the end of the range it was searched in; empty if not.

    Parameters
    ----------
    temperature : float
        As :func:`fit_temperature` found it.
    cells : Predictions
        What it was fitted on.
    words : sequence of str
        What people call the labels.

    Raises
    ------
    DataRefused
        If the logits of cells' own labels are no higher than the others on average: the
        cross-entropy then falls only towards labels that are all as likely, and further still
        where the logits were turned round.
    """
    _require_telling(cells, words)
    for limit in (_LOWEST, _HIGHEST):
        if abs(temperature - limit) <= _AT_A_LIMIT * limit:
            return (
                f"the temperature ended at {limit:g}, where its search ends: the logits are"
                f" {'too small' if limit == _LOWEST else 'too large'} for probabilities that mean"
                " what they say; look at the network and its labels"
            )
    return ""


def _require_telling(cells: Predictions, words: Sequence[str]) -> None:
    if len(words) == 2:
        first, second = (float(cells.margins[cells.labels == label].mean()) for label in (0, 1))
        if second <= first:
            raise DataRefused(
                f"the margins of {words[1]} cells ({second:.3g} on average) do not lie above those"
                f" of {words[0]} cells ({first:.3g}): the labels are swapped, or the network tells"
                f" nothing; a margin is the logit of label 1, {words[1]}, less that of label 0"
            )
        return
    above = cells.logits - cells.logits.mean(axis=1, keepdims=True)
    own = _own_logits(above, cells.labels)
    mean = float(balance(cells.labels, None, len(words)) @ own)
    if mean <= 0:
        raise DataRefused(
            f"the logits of the cells' own labels do not lie above the others ({mean:.3g} on"
            " average): the labels are in another order, or the network tells nothing"
        )
