"""Temperature scaling: probabilities that mean what they say."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edge.errors import DataRefused
from edge.statistics.balanced import cross_entropy

_LOWEST, _HIGHEST = 0.05, 20.0
_AT_A_LIMIT = 1e-3  # relative: how near to an end the search comes


def fit_temperature(
    margins: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    weights: npt.NDArray[np.floating] | None = None,
) -> float:
    """Find the temperature with the smallest cross-entropy, both classes weighing the same.

    Guo et al. 2017, On Calibration of Modern Neural Networks, section 4.2. The
    classes are balanced because the networks are trained with class weights: a
    probability then refers to a prevalence of one half, not to that of a dataset.

    Parameters
    ----------
    margins : ndarray of float, shape (n,)
        ``logit_all - logit_hem`` of cells the network was not trained on.
    labels : ndarray of int, shape (n,)
        0 ``hem``, 1 ``all``; both must be there.
    weights : ndarray of float, shape (n,), optional
        How much a cell counts within its class; all alike by default.

    Returns
    -------
    float
        Between 0.05 and 20.
    """
    # cross-entropy is convex in 1/T: the section that holds the minimum is cut in thirds
    low, high = 1 / _HIGHEST, 1 / _LOWEST
    while high - low > 1e-6:
        third = (high - low) / 3
        nearer, farther = (
            cross_entropy(margins * inverse, labels, weights)
            for inverse in (low + third, high - third)
        )
        if nearer < farther:
            high -= third
        else:
            low += third
    return 2 / (low + high)


def caution(
    temperature: float, margins: npt.NDArray[np.floating], labels: npt.NDArray[np.integer]
) -> str:
    """Say that a temperature is only the end of the range it was searched in; empty if not.

    Parameters
    ----------
    temperature : float
        As :func:`fit_temperature` found it.
    margins, labels : ndarray, shape (n,)
        What it was fitted on.

    Raises
    ------
    DataRefused
        If leukemic cells have no higher margins than healthy ones on average: the cross-entropy
        then falls only towards probabilities of one half, and below zero further still.
    """
    leukemic, healthy = (float(margins[labels == label].mean()) for label in (1, 0))
    if leukemic <= healthy:
        raise DataRefused(
            f"the margins of leukemic cells ({leukemic:.3g} on average) do not lie above those of"
            f" healthy ones ({healthy:.3g}): the labels are swapped, or the network tells nothing;"
            " a margin is logit_all - logit_hem, and label 1 is all"
        )
    for limit in (_LOWEST, _HIGHEST):
        if abs(temperature - limit) <= _AT_A_LIMIT * limit:
            return (
                f"the temperature ended at {limit:g}, where its search ends: the margins are"
                f" {'too small' if limit == _LOWEST else 'too large'} for probabilities that mean"
                " what they say; look at the network and its labels"
            )
    return ""
