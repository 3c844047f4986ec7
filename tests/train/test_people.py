"""Scores of cells turned into what they are worth to people, who are few."""

from __future__ import annotations

import numpy as np
import pytest

from calibration.probabilities.predictions import Predictions, logits_of
from edge.errors import DataRefused
from train.report.people import decide_at_best, decide_unseen, people_of, separate
from train.report.trials import Trial

Cells = tuple[str, int, list[float]]


def predictions(*cells: Cells) -> Predictions:
    """Cells of (person, label, margins)."""
    margins = np.concatenate([each[2] for each in cells])
    labels = np.concatenate([np.full(len(each[2]), each[1]) for each in cells])
    subjects = np.concatenate([np.full(len(each[2]), each[0]) for each in cells])
    return Predictions(logits_of(margins), labels.astype(np.int64), subjects)


def trial(**splits: list[Predictions]) -> Trial:
    return Trial("small, alike", "small", "alike", "", {}, splits, {})


FIRST = predictions(("H1", 0, [-2.0] * 6), ("1", 1, [2.0] * 40), ("2", 1, [3.0] * 5))
SECOND = predictions(("H2", 0, [-3.0] * 9), ("3", 1, [1.0] * 5), ("4", 1, [9.0] * 4))


def test_each_person_with_cells_enough_counts_once() -> None:
    people = people_of(trial(a=[FIRST], b=[SECOND]))
    found = {person.name: (person.label, person.cells, person.score) for person in people}
    assert found == {
        "H1": (0, 6, -2.0),
        "1": (1, 40, 2.0),
        "2": (1, 5, 3.0),
        "H2": (0, 9, -3.0),
        "3": (1, 5, 1.0),
    }


def test_a_person_s_score_is_the_mean_over_seeds() -> None:
    other = predictions(("H1", 0, [0.0] * 6), ("1", 1, [4.0] * 40), ("2", 1, [3.0] * 5))
    scores = {p.name: p.score for p in people_of(trial(a=[FIRST, other]))}
    assert scores == {"H1": -1.0, "1": 3.0, "2": 3.0}


def test_crops_of_nobody_known_are_no_person() -> None:
    assert people_of(trial(a=[predictions(("", 0, [1.0] * 9), ("7", 1, [1.0] * 9))]))[0].name == "7"


def test_people_told_apart_have_an_interval_that_says_how_few_they_are() -> None:
    found = separate(people_of(trial(a=[FIRST], b=[SECOND])))
    assert found is not None
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low < 0.7
    assert separate(people_of(trial(a=[predictions(("7", 1, [1.0] * 9))]))) is None


def test_a_band_from_people_like_them_decides_both_ways() -> None:
    found = decide_unseen(trial(a=[FIRST], b=[SECOND]), 0.1)
    assert (found.missed, found.false_alarms) == (0, 0)
    assert (found.negative, found.positive) == (1, 1)


def test_a_band_never_sees_whom_it_decides() -> None:
    turned = predictions(("H2", 0, [3.0] * 9), ("3", 1, [-3.0] * 5))
    found = decide_unseen(trial(a=[FIRST], b=[turned]), 0.1)
    assert found.missed > 0.3  # of those in b, by the band of a
    best = decide_at_best(trial(a=[FIRST], b=[turned]), 0.1)
    assert best.missed <= 0.1
    assert best.false_alarms <= 0.1


def test_people_weigh_alike_however_many_cells_they_have() -> None:
    wrong = predictions(("H1", 0, [-2.0] * 6), ("1", 1, [-2.0] * 1), ("2", 1, [3.0] * 99))
    same = predictions(("H2", 0, [-3.0] * 9), ("3", 1, [1.0] * 5), ("4", 1, [9.0] * 5))
    assert decide_unseen(trial(a=[wrong], b=[same]), 0.1).missed == pytest.approx(0.25)


def test_one_split_leaves_nobody_to_choose_a_band_on() -> None:
    with pytest.raises(DataRefused, match="one split"):
        decide_unseen(trial(a=[FIRST]), 0.1)
