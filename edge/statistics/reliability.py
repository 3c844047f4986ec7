"""Probabilities from logit margins, and how far they are from what is observed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BINS = 10
"""Equal-width bins of probability."""


@dataclass(frozen=True)
class ReliabilityBin:
    """Crops whose probabilities lie in one bin.

    Attributes
    ----------
    crops : int
        How many; never 0.
    predicted : float
        Mean probability of the positive label, 0..1.
    observed : float
        Share of crops that are positive, 0..1.
    """

    crops: int
    predicted: float
    observed: float


def margins_of(logits: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Logit of the second of two labels less that of the first: (n, 2) -> (n,).

    Raises
    ------
    ValueError
        If there are more labels.
    """
    first, second = logits.T
    return np.asarray(second - first, np.float64)


def probabilities(margins: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Logistic function of margins: probabilities of the positive label, (n,) -> (n,)."""
    # this form overflows nowhere, whatever the margin
    return np.asarray(np.exp(-np.logaddexp(0.0, -margins)), np.float64)


def reliability(
    p_positive: npt.NDArray[np.floating], labels: npt.NDArray[np.integer]
) -> list[ReliabilityBin]:
    """Compare probabilities with what is observed, bin by bin; empty bins are left out.

    Parameters
    ----------
    p_positive : ndarray of float, shape (n,)
    labels : ndarray of int, shape (n,)
        0 negative, 1 positive.
    """
    place = _bin_of(p_positive)
    return [
        ReliabilityBin(
            int(np.sum(place == number)),
            float(np.mean(p_positive[place == number])),
            float(np.mean(labels[place == number])),
        )
        for number in sorted(set(place.tolist()))
    ]


def calibration_errors(
    p_positive: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    weights: npt.NDArray[np.floating],
) -> npt.NDArray[np.float64]:
    """Expected calibration error under several weightings of the same crops.

    ECE = sum over the bins b of ``n_b / n * |share of positive in b - mean p in b|``, in
    ten equal-width bins of the probability of the positive label (Naeini, Cooper and
    Hauskrecht 2015, Obtaining Well Calibrated Probabilities Using Bayesian Binning;
    equation 3 of Guo et al. 2017 with the positive class in place of the predicted
    one). Plain: a crop counts as often as its class occurs, unlike
    :func:`edge.statistics.balanced.calibration_error`, in which both labels weigh the same.

    Parameters
    ----------
    p_positive : ndarray of float, shape (n,)
    labels : ndarray of int, shape (n,)
    weights : ndarray of float, shape (replicates, n)
        How often a crop counts; ones give the plain error.

    Returns
    -------
    ndarray of float64, shape (replicates,)
        0..1.
    """
    in_bin = _bin_of(p_positive)[:, None] == np.arange(BINS)
    gaps = weights @ ((labels - p_positive)[:, None] * in_bin)
    return np.asarray(np.abs(gaps).sum(axis=1) / weights.sum(axis=1), np.float64)


def _bin_of(p_positive: npt.NDArray[np.floating]) -> npt.NDArray[np.intp]:
    return np.minimum((p_positive * BINS).astype(np.intp), BINS - 1)
