"""Temperature scaling: probabilities that mean what they say."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_LOWEST, _HIGHEST = 0.05, 20.0


def fit_temperature(margins: npt.NDArray[np.floating], labels: npt.NDArray[np.integer]) -> float:
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

    Returns
    -------
    float
        Between 0.05 and 20.
    """
    # cross-entropy is convex in 1/T: the section that holds the minimum is cut in thirds
    low, high = 1 / _HIGHEST, 1 / _LOWEST
    while high - low > 1e-6:
        third = (high - low) / 3
        if cross_entropy(margins * (low + third), labels) < cross_entropy(
            margins * (high - third), labels
        ):
            high -= third
        else:
            low += third
    return 2 / (low + high)


def cross_entropy(margins: npt.NDArray[np.floating], labels: npt.NDArray[np.integer]) -> float:
    """Mean over the classes of their mean ``-log p(label)``, in nats.

    Parameters as for :func:`fit_temperature`.
    """
    losses = np.logaddexp(0, np.where(labels == 1, -margins, margins))
    return float((losses[labels == 1].mean() + losses[labels == 0].mean()) / 2)


def calibration_error(
    p_leukemia: npt.NDArray[np.floating], labels: npt.NDArray[np.integer], bins: int = 10
) -> float:
    """Expected calibration error with both classes weighing the same.

    Mean over equal-width bins of |share of ``all`` - mean probability|, weighted by
    what is in the bin (Guo et al. 2017, equation 3).

    Parameters
    ----------
    p_leukemia : ndarray of float, shape (n,)
    labels : ndarray of int, shape (n,)
    bins : int

    Returns
    -------
    float
        0..1.
    """
    weights = np.where(labels == 1, 0.5 / np.sum(labels == 1), 0.5 / np.sum(labels == 0))
    place = np.minimum((p_leukemia * bins).astype(int), bins - 1)
    gaps = [
        abs(np.sum((weights * (labels - p_leukemia))[place == number])) for number in range(bins)
    ]
    return float(np.sum(gaps))
