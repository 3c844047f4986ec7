"""What a system's scores are worth to a person: people told apart, and cells decided both ways.

A smear's result rests on many cells of one person, whose errors are alike. So people are counted
here, not cells: each weighs the same, however many cells there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.probabilities.predictions import Predictions, join
from calibration.probabilities.refer_band import choose_band
from edge.errors import DataRefused
from edge.statistics.balanced import mean_of
from edge.statistics.evaluation import Estimate
from edge.statistics.pairs import auroc_interval
from edge.statistics.reliability import probabilities
from train.data.sampling import PERSON, crop_weights
from train.report.trials import Trial

LEAST_CELLS = 5
"""Of a person who is counted."""

ALLOWED = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3)
"""Shares of a label that may be decided wrongly, at which a curve is given."""


@dataclass(frozen=True)
class Person:
    """One person, never seen in training.

    Attributes
    ----------
    name : str
    label : int
        0 negative, 1 positive.
    cells : int
    score : float
        Mean margin of the cells, over seeds too.
    """

    name: str
    label: int
    cells: int
    score: float


@dataclass(frozen=True)
class Decided:
    """What is decided in both directions, every person weighing alike within the label.

    Attributes
    ----------
    missed, false_alarms : float
        Share of the positive cells decided negative, and of the negative ones decided positive.
    negative, positive : float
        Share of the cells of a label that are decided at all, rightly or wrongly.
    """

    missed: float
    false_alarms: float
    negative: float
    positive: float


def people_of(trial: Trial) -> list[Person]:
    """Find the mean score of every person held out who has :data:`LEAST_CELLS` cells or more.

    Scores of people held out by different splits are those of different networks, and are compared
    as they are.
    """
    found = []
    for seeds in trial.held_out.values():
        first = seeds[0]
        margins = np.mean([each.margins for each in seeds], axis=0)
        for label in (0, 1):
            of_label = first.labels == label
            for name in np.unique(first.subjects[of_label]).tolist():
                its = of_label & (first.subjects == name)
                if name and its.sum() >= LEAST_CELLS:
                    found.append(Person(name, label, int(its.sum()), float(margins[its].mean())))
    return found


def separate(people: Sequence[Person]) -> Estimate | None:
    """AUROC over people, with its exact interval; None where all are of one label."""
    scores = [np.array([p.score for p in people if p.label == label]) for label in (0, 1)]
    if not all(len(each) for each in scores):
        return None
    negative, positive = scores
    higher = positive[:, None] > negative
    in_order = float(higher.sum() + 0.5 * (positive[:, None] == negative).sum())
    interval = auroc_interval(in_order, len(negative), len(positive))
    return Estimate(in_order / higher.size, *interval)


def decide_unseen(trial: Trial, allowed: float) -> Decided:
    """Decide the people of every split by a band chosen on those of all others.

    Parameters
    ----------
    trial : Trial
        Of two splits or more.
    allowed : float
        Share of a label that may be decided wrongly where the band is chosen, 0..0.5.

    Raises
    ------
    DataRefused
        If there is one split alone.
    """
    splits = list(trial.held_out)
    if len(splits) < 2:
        raise DataRefused(f"{trial.title} has one split: nobody is left to choose a band on")
    rounds = []
    for seed in range(len(trial.held_out[splits[0]])):
        each = {name: trial.held_out[name][seed] for name in splits}
        parts = [
            _decide(each[name], join([each[other] for other in splits if other != name]), allowed)
            for name in splits
        ]
        rounds.append(_measure(join([each[name] for name in splits]), np.concatenate(parts)))
    return _mean(rounds)


def decide_at_best(trial: Trial, allowed: float) -> Decided:
    """Decide everybody by the band that is best for these very people: no rule can do more."""
    rounds = []
    for seeds in zip(*trial.held_out.values(), strict=True):
        everybody = join(seeds)
        rounds.append(_measure(everybody, _decide(everybody, everybody, allowed)))
    return _mean(rounds)


def _decide(asked: Predictions, chosen_on: Predictions, allowed: float) -> npt.NDArray[np.int64]:
    """Decisions -1 (negative), 0 (refer), 1 (positive)."""
    band = choose_band(
        probabilities(chosen_on.margins),
        chosen_on.labels,
        allowed,
        allowed,
        weights=_weights(chosen_on),
    )
    p = probabilities(asked.margins)
    return (p > band.high).astype(np.int64) - (p < band.low)


def _measure(cells: Predictions, decisions: npt.NDArray[np.int64]) -> Decided:
    positive, weights = cells.labels == 1, _weights(cells)
    return Decided(
        missed=mean_of(decisions < 0, positive, weights),
        false_alarms=mean_of(decisions > 0, ~positive, weights),
        negative=mean_of(decisions != 0, ~positive, weights),
        positive=mean_of(decisions != 0, positive, weights),
    )


def _weights(cells: Predictions) -> npt.NDArray[np.float64]:
    return crop_weights(PERSON, cells.labels.astype(np.int32), cells.subjects)


def _mean(rounds: Sequence[Decided]) -> Decided:
    names = ("missed", "false_alarms", "negative", "positive")
    return Decided(**{n: float(np.mean([getattr(each, n) for each in rounds])) for n in names})
