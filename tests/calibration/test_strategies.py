"""Ways to choose representative cells: what each takes, and that order and chance are tamed."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from calibration.representative.strategies import (
    DEFAULT_STRATEGY,
    STRATEGIES,
    Candidates,
    choose,
    extremes,
    look_at,
)
from edge.crops.drawn import draw_crop
from edge.crops.image_statistics import STATISTICS
from edge.errors import DataRefused


def candidates(counts: dict[str, int], seed: int = 0) -> Candidates:
    """Cells of some subjects with made-up statistics; those of label 0 start with H."""
    random = np.random.default_rng(seed)
    subjects = np.array([subject for subject, n in counts.items() for _ in range(n)])
    n = len(subjects)
    return Candidates(
        hashes=np.array([f"{i:064x}" for i in random.permutation(n)]),
        statistics=random.normal(size=(n, len(STATISTICS))),
        levels=random.normal(size=(n, 6)),
        labels=np.array([int(not subject.startswith("H")) for subject in subjects]),
        subjects=subjects,
    )


MANY = candidates({"H1": 300, "H2": 60, "7": 500, "8": 40})


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("n", [100, 300, 900, 2000])
def test_every_strategy_takes_as_many_different_cells_as_asked(strategy: str, n: int) -> None:
    chosen = choose(strategy, MANY, n)
    assert len(chosen) == len(set(chosen.tolist())) == min(n, len(MANY))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_extremes_are_always_in(strategy: str) -> None:
    chosen = set(choose(strategy, MANY, 100).tolist())
    for column in range(len(STATISTICS)):
        values = MANY.statistics[:, column]
        assert {int(values.argmax()), int(values.argmin())} <= chosen


def test_the_extremes_of_real_crops_are_the_brightest_and_the_largest() -> None:
    crops = np.stack([draw_crop(seed, 70) for seed in range(30)])
    crops[17] = np.clip(crops[17] * 3.0, 0, 255)
    crops[5] = 40
    found = extremes(look_at(crops, np.array([f"{i:02}" for i in range(30)])))
    assert {17, 5} <= set(found.tolist())


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_order_of_the_candidates_plays_no_part(strategy: str) -> None:
    turned = MANY.take(np.arange(len(MANY))[::-1])
    one, other = MANY.hashes[choose(strategy, MANY, 150, 1)], choose(strategy, turned, 150, 1)
    assert one.tolist() == turned.hashes[other].tolist()


@pytest.mark.parametrize("strategy", ["stratified", "random"])
def test_another_seed_takes_other_cells(strategy: str) -> None:
    assert set(choose(strategy, MANY, 150, 1)) != set(choose(strategy, MANY, 150, 2))


def test_stratified_takes_from_every_label_and_subject_alike() -> None:
    cells = candidates({"H1": 500, "H2": 30, "7": 900, "8": 40, "9": 5})
    assert cells.subjects is not None
    nobody_yet = np.empty(0, np.intp)
    chosen = STRATEGIES["stratified"](cells, nobody_yet, 200, 0)
    of_subject = Counter(cells.subjects[chosen].tolist())
    assert of_subject == {"H1": 70, "H2": 30, "7": 55, "8": 40, "9": 5}


def test_stratified_takes_every_look_of_a_subject() -> None:
    cells = candidates({"H1": 450, "7": 450})
    dark = np.argsort(cells.statistics[:, :3].sum(axis=1))[:300]
    chosen = STRATEGIES["stratified"](cells, np.empty(0, np.intp), 180, 0)
    assert len(set(chosen) & set(dark)) == pytest.approx(60, abs=2)


def test_coverage_takes_what_is_least_like_the_rest_first() -> None:
    cells = candidates({"H1": 200, "7": 200})
    cells.levels[123] = 40.0
    cells.levels[321] = -40.0
    chosen = STRATEGIES["coverage"](cells, extremes(cells), 2, 0)
    assert set(chosen.tolist()) == {123, 321}


def test_coverage_leaves_no_cell_farther_off_than_random_does() -> None:
    features = np.concatenate([MANY.statistics, MANY.levels], axis=1)

    def farthest(strategy: str) -> float:
        chosen = features[choose(strategy, MANY, 200)]
        gaps = np.linalg.norm(features[:, None] - chosen[None], axis=2)
        return float(gaps.min(axis=1).max())

    assert farthest("coverage") < farthest("random")


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_cells_without_labels_and_cells_that_look_the_same_can_be_chosen(strategy: str) -> None:
    same = Candidates(MANY.hashes, np.zeros((900, 6)), np.zeros((900, 6)))
    assert len(set(choose(strategy, same, 100).tolist())) == 100


@pytest.mark.parametrize(
    ("counts", "n", "words"),
    [
        ({"H1": 25, "7": 20}, 300, "at least 50 cells, got 45"),
        ({"H1": 200, "7": 200}, 20, "at least 50 cells, got 20"),
        ({"H1": 200}, 100, "all of one label"),
    ],
)
def test_a_set_that_shows_no_ranges_is_refused(counts: dict[str, int], n: int, words: str) -> None:
    with pytest.raises(DataRefused, match=words):
        choose(DEFAULT_STRATEGY, candidates(counts), n)
