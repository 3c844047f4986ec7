"""How often a network may be right where nobody has labels: three guesses from its confidence.

All of them overestimate where cells are not those that the network knows, and none of them can
tell: they are shown side by side, with how far they were off between people, and never as one
number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge.statistics.evaluation import Estimate
from edge.statistics.shares import NORMAL

BINS = 100
"""Equal bins of confidence from 0 to 1."""

METHODS = ("average confidence", "ATC", "DoC")
"""Names of the guesses."""

Counts = npt.NDArray[np.integer]


def bins_of(confidences: npt.NDArray[np.floating]) -> Counts:
    """Count confidences of 0..1 in :data:`BINS`: (n,) -> (BINS,)."""
    places = np.minimum((np.asarray(confidences) * BINS).astype(np.intp), BINS - 1)
    return np.asarray(np.bincount(places, minlength=BINS))


@dataclass(frozen=True)
class Guesser:
    """What labelled people say of confidence and accuracy.

    Attributes
    ----------
    accuracy : float
        Of the labelled cells, 0..1.
    mean_confidence : float
        Of them.
    threshold : int
        Bin from which on as many of them lie as are decided rightly.
    """

    accuracy: float
    mean_confidence: float
    threshold: int

    def guess(self, counts: Counts) -> dict[str, float]:
        """Guess the accuracy on cells by their confidences.

        Average confidence: the mean (Hendrycks and Gimpel 2017). ATC: the share above a threshold
        above which, of labelled cells, lie as many as are right (Garg et al. 2022, Leveraging
        unlabeled data to predict out-of-distribution performance, section 4). DoC: the accuracy of
        the labelled cells, less what the mean confidence has fallen (Guillory et al. 2021,
        Predicting with confidence on unseen distributions, section 4.1).

        Parameters
        ----------
        counts : ndarray of int, shape (BINS,)
            At least one cell.
        """
        mean = _mean(counts)
        above = float(counts[self.threshold :].sum() / counts.sum())
        fallen = self.accuracy - (self.mean_confidence - mean)
        return dict(zip(METHODS, (mean, above, min(max(fallen, 0.0), 1.0)), strict=True))


def learn_guesser(counts: Counts, right: int) -> Guesser:
    """Learn from labelled cells.

    Parameters
    ----------
    counts : ndarray of int, shape (BINS,)
        Of their confidences.
    right : int
        How many of them are decided rightly.
    """
    from_above = np.cumsum(counts[::-1])[::-1]
    threshold = int(np.argmin(np.abs(from_above - right)))
    return Guesser(right / int(counts.sum()), _mean(counts), threshold)


def guess_accuracy(
    counts: Counts, people: npt.NDArray[np.integer], right: npt.NDArray[np.integer]
) -> dict[str, Estimate]:
    """Guess the accuracy on cells, with how far guesses are off between people.

    The interval is that of a new person like those that are labelled: each of them is guessed from
    the others, and the guesses' errors spread as the normal distribution.

    Parameters
    ----------
    counts : ndarray of int, shape (BINS,)
        Confidences of the cells without labels.
    people : ndarray of int, shape (n, BINS)
        Of labelled people; at least three.
    right : ndarray of int, shape (n,)
        How many cells of each are decided rightly.

    Returns
    -------
    dict
        Name of :data:`METHODS` -> guess and 95 % interval.
    """
    errors: dict[str, list[float]] = {method: [] for method in METHODS}
    for left_out, (of_person, truth) in enumerate(zip(people, right, strict=True)):
        others = np.arange(len(people)) != left_out
        guesser = learn_guesser(people[others].sum(axis=0), int(right[others].sum()))
        for method, value in guesser.guess(of_person).items():
            errors[method].append(value - truth / of_person.sum())
    found = learn_guesser(people.sum(axis=0), int(right.sum())).guess(counts)
    return {
        method: _estimate(value, float(np.sqrt(np.mean(np.square(errors[method])))))
        for method, value in found.items()
    }


def _mean(counts: Counts) -> float:
    middles = (np.arange(BINS) + 0.5) / BINS
    return float(counts @ middles / counts.sum())


def _estimate(value: float, spread: float) -> Estimate:
    low, high = max(value - NORMAL * spread, 0.0), min(value + NORMAL * spread, 1.0)
    return Estimate(value, low, high)
