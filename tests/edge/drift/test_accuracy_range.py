"""Accuracy without labels: three guesses side by side, withheld where they would mislead."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from smear_helpers import counts, people, smears

from edge.drift.accuracy_range import FEWEST_LABELLED, accuracy_range
from edge.drift.monitor import judge_smears
from edge.drift.people import People, nobody
from edge.drift.smears import Smear
from edge.models.cnmc import CONTRACT
from edge.statistics.label_free import BINS, METHODS, bins_of, guess_accuracy, learn_guesser

CELLS = 200


def labelled(smear: Smear, seed: int, sure_by: float = 0.0) -> Smear:
    """A smear whose network is as often right as it is sure, or surer by so much."""
    random = np.random.default_rng(seed)
    truth = random.uniform(0.5, 1, CELLS)
    right = int((random.random(CELLS) < truth).sum())
    confidences = bins_of(np.clip(truth + sure_by, 0, 1))
    return replace(smear, cells=CELLS, confidences=tuple(confidences.tolist()), right=right)


def reference(n: int = 30, of_them: int = 30) -> People:
    given = smears(n, 0)
    some = tuple(labelled(s, k) if k < of_them else s for k, s in enumerate(given))
    return nobody("0" * 64, CONTRACT).add(some, counts())


def test_all_three_hold_the_truth_where_cells_are_as_those_with_labels() -> None:
    today = tuple(labelled(s, 100 + k) for k, s in enumerate(smears(5, 1, "s")))
    found = accuracy_range(reference(), today, judge_smears(reference(), today))
    truth = sum(s.right or 0 for s in today) / (5 * CELLS)
    assert tuple(found.guesses) == METHODS
    for guess in found.guesses.values():
        assert guess.low <= truth <= guess.high
        assert guess.high - guess.low < 0.3
    assert "lies in a range" in found.says


@pytest.mark.parametrize(
    ("why", "words"),
    [
        ("scale", "shown at another scale"),
        ("alarm", "data drift was found"),
        ("no verdict", "nobody knows whether data drifted"),
        ("no labels", f"{FEWEST_LABELLED} are needed"),
    ],
)
def test_guesses_are_withheld_and_it_is_said_why(why: str, words: str) -> None:
    base = reference(of_them=FEWEST_LABELLED - 1 if why == "no labels" else 30)
    moved = {"log_area": 6.0} if why == "alarm" else {}
    today = smears(9, 1, "s", **moved)
    if why == "scale":
        today = (replace(today[0], is_shifted=True), *today[1:])
    judged = judge_smears(people(3) if why == "no verdict" else base, today)
    found = accuracy_range(base, today, judged)
    assert found.guesses == {}
    assert words in found.says
    assert "withheld" in found.says


@given(st.lists(st.integers(0, 50), min_size=BINS, max_size=BINS).filter(any), st.floats(0, 1))
def test_guesses_are_shares_and_on_the_labelled_cells_doc_is_their_accuracy(
    counted: list[int], share: float
) -> None:
    cells = np.array(counted)
    right = int(share * cells.sum())
    found = learn_guesser(cells, right).guess(cells)
    assert all(0 <= value <= 1 for value in found.values())
    assert found["DoC"] == pytest.approx(right / cells.sum())
    assert abs(found["ATC"] - right / cells.sum()) <= cells.max() / cells.sum()


def test_people_who_differ_widen_the_interval() -> None:
    same = np.array([bins_of(np.full(100, 0.8))] * 6)
    alike = guess_accuracy(same[0], same, np.full(6, 80))["DoC"]
    apart = guess_accuracy(same[0], same, np.array([60, 100] * 3))["DoC"]
    assert apart.high - apart.low > alike.high - alike.low
    assert alike.value == apart.value == pytest.approx(0.8)
