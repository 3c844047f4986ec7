"""Recipes compared on people they never saw: what each reaches, and what a change to it bought.

A place is a split's held-out people, or another set. A recipe's AUROC there is the mean over its
seeds (and, on another set, over the splits it was trained on); its mean over people is that over
the splits. Every draw of the bootstrap takes people of every place anew, and one of the seeds, the
same ones for all recipes: so what two recipes differ by has an interval of its own, narrower than
theirs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.probabilities.predictions import Predictions
from edge.errors import DataRefused
from edge.statistics.bootstrap import draw_people, percentile_interval
from edge.statistics.evaluation import Estimate
from edge.statistics.scores import area_under_roc, measure_scores

REPLICATES = 400

Drawn = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Trial:
    """A system by a recipe, trained on several splits with several seeds.

    Attributes
    ----------
    title : str
    system, recipe, base : str
        Names; `base` is empty where it is no change of another.
    changes : dict
        What it changes of its base.
    held_out : dict
        Split -> predictions on its test people, seed by seed.
    others : dict
        Other set -> predictions on it, of every split and seed.
    """

    title: str
    system: str
    recipe: str
    base: str
    changes: Mapping[str, object]
    held_out: Mapping[str, Sequence[Predictions]]
    others: Mapping[str, Sequence[Predictions]]


@dataclass(frozen=True)
class Place:
    """AUROC in one place.

    Attributes
    ----------
    auroc : float
        Mean over the seeds.
    drawn : ndarray of float64, shape (replicates,)
    lowest, highest : float
        Of the seeds.
    balanced_accuracy : float
        At probability 0.5, mean over the seeds.
    """

    auroc: float
    drawn: Drawn
    lowest: float
    highest: float
    balanced_accuracy: float

    @property
    def estimate(self) -> Estimate:
        """With its 95 % interval over people and seeds."""
        return _estimate(self.auroc, self.drawn)


@dataclass(frozen=True)
class Ranked:
    """A trial and what it reaches.

    Attributes
    ----------
    trial : Trial
    places : dict
        Split -> Place.
    others : dict
        Other set -> Place.
    """

    trial: Trial
    places: Mapping[str, Place]
    others: Mapping[str, Place]

    @property
    def mean(self) -> Estimate:
        """AUROC, mean over the splits."""
        return _estimate(*self._means())

    def bought(self, base: Ranked) -> Estimate:
        """How much higher its mean over the splits is than that of its base."""
        (mean, drawn), (before, drawn_before) = self._means(), base._means()
        return _estimate(mean - before, drawn - drawn_before)

    def bought_on(self, other: str, base: Ranked) -> Estimate:
        """How much higher its AUROC on another set is than that of its base."""
        place, before = self.others[other], base.others[other]
        return _estimate(place.auroc - before.auroc, place.drawn - before.drawn)

    def _means(self) -> tuple[float, Drawn]:
        places = list(self.places.values())
        drawn = np.mean([place.drawn for place in places], axis=0)
        return float(np.mean([place.auroc for place in places])), drawn


def rank(trials: Sequence[Trial], replicates: int = REPLICATES) -> list[Ranked]:
    """Measure trials, and put those first that are best on the mean over the splits.

    Parameters
    ----------
    trials : sequence of Trial
        Of the same splits and other sets, with the same cells in each.
    replicates : int
        Of the bootstrap.

    Raises
    ------
    DataRefused
        If they are of different splits or cells.
    """
    first = trials[0]
    for trial in trials[1:]:
        _need_the_same(first, trial)
    found = [
        Ranked(
            trial,
            {name: _measure(each, replicates) for name, each in trial.held_out.items()},
            {name: _measure(each, replicates) for name, each in trial.others.items()},
        )
        for trial in trials
    ]
    return sorted(found, key=lambda ranked: -ranked.mean.value)


def _need_the_same(first: Trial, trial: Trial) -> None:
    for mine, theirs in ((first.held_out, trial.held_out), (first.others, trial.others)):
        same = list(mine) == list(theirs) and all(
            np.array_equal(mine[name][0].labels, other.labels)
            and np.array_equal(mine[name][0].subjects, other.subjects)
            for name, others in theirs.items()
            for other in others
        )
        if not same:
            raise DataRefused(
                f"{first.title} and {trial.title} were not measured on the same splits and cells;"
                " compare systems of one study"
            )


def _measure(predictions: Sequence[Predictions], replicates: int) -> Place:
    labels, subjects = predictions[0].labels, predictions[0].subjects
    weights = np.concatenate(list(draw_people(labels, subjects, replicates, seed=0)))
    scores = [measure_scores(each.margins, labels) for each in predictions]
    of_seeds = np.array(
        [area_under_roc(each.margins, labels == 1, weights) for each in predictions]
    )
    which = np.random.default_rng(1).integers(0, 2**31, replicates) % len(predictions)
    aurocs = [score.auroc for score in scores]
    return Place(
        float(np.mean(aurocs)),
        of_seeds[which, np.arange(replicates)],
        min(aurocs),
        max(aurocs),
        float(np.mean([score.balanced_accuracy for score in scores])),
    )


def _estimate(value: float, drawn: Drawn) -> Estimate:
    return Estimate(value, *percentile_interval(drawn, value))
