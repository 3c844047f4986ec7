"""Whose crops an epoch holds: by crop, by the square root of a person's, by person."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from train.data.audit import whose
from train.data.sampling import SAMPLINGS, draw_epoch, shares
from train.data.split_file import Member, Split

COUNTS = st.lists(st.integers(1, 40), min_size=1, max_size=6)


def crops_of(negative: list[int], positive: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Labels and people: so many crops of each person of either label."""
    labels = np.repeat([0, 1], [sum(negative), sum(positive)]).astype(np.int32)
    names = [f"H{i}" for i, count in enumerate(negative) for _ in range(count)]
    names += [f"P{i}" for i, count in enumerate(positive) for _ in range(count)]
    return labels, np.array(names)


def drawn(sampling: str, labels: np.ndarray, people: np.ndarray, seed: int = 0) -> np.ndarray:
    return draw_epoch(sampling, labels, people, np.random.default_rng(seed))


@given(COUNTS, COUNTS, st.integers(0, 99))
def test_by_crop_every_crop_comes_once(negative: list[int], positive: list[int], seed: int) -> None:
    labels, people = crops_of(negative, positive)
    assert sorted(drawn("crop", labels, people, seed)) == list(range(len(labels)))


@given(COUNTS, COUNTS, st.integers(0, 99))
def test_by_person_each_of_a_label_has_equally_many(
    negative: list[int], positive: list[int], seed: int
) -> None:
    labels, people = crops_of(negative, positive)
    chosen = drawn("person", labels, people, seed)
    assert len(chosen) == len(labels)
    sides = np.bincount(labels[chosen], minlength=2)
    assert abs(int(sides[0]) - int(sides[1])) <= 1
    for label in (0, 1):
        of_label = chosen[labels[chosen] == label]
        counts = [np.sum(people[of_label] == name) for name in set(people[labels == label])]
        assert max(counts) - min(counts) <= 1


@given(COUNTS, COUNTS, st.sampled_from(SAMPLINGS), st.integers(0, 99))
def test_the_crops_of_a_person_come_equally_often(
    negative: list[int], positive: list[int], sampling: str, seed: int
) -> None:
    labels, people = crops_of(negative, positive)
    times = np.bincount(drawn(sampling, labels, people, seed), minlength=len(labels))
    for name in set(people):
        assert np.ptp(times[people == name]) <= 1


def test_by_square_root_a_person_of_100_has_ten_times_what_one_of_1_has() -> None:
    labels, people = crops_of([100, 1], [101])
    chosen = drawn("sqrt", labels, people)
    healthy = people[chosen[labels[chosen] == 0]]
    assert np.sum(healthy == "H0") / np.sum(healthy == "H1") == pytest.approx(10, rel=0.15)


def test_crops_of_nobody_known_count_as_a_person_each() -> None:
    labels = np.array([0] * 12 + [1] * 12, np.int32)
    people = np.array([""] * 3 + ["H1"] * 9 + ["P1"] * 12)
    chosen = drawn("person", labels, people)
    assert [np.sum(chosen == i) for i in range(3)] == [3, 3, 3]
    assert shares("person", labels, people, 2)[0].people == 4


@given(COUNTS, COUNTS, st.sampled_from(SAMPLINGS))
def test_the_same_state_draws_the_same_epoch_and_another_one_another(
    negative: list[int], positive: list[int], sampling: str
) -> None:
    labels, people = crops_of([*negative, 20], positive)
    first, again = (drawn(sampling, labels, people, 3) for _ in range(2))
    assert first.tolist() == again.tolist()
    assert first.tolist() != drawn(sampling, labels, people, 4).tolist()


def test_an_epoch_is_said_to_be_about_whom_it_is_about() -> None:
    labels, people = crops_of([90, 10], [25, 25, 50])
    assert [s.largest for s in shares("crop", labels, people, 2)] == [0.9, 0.5]
    assert [s.largest for s in shares("sqrt", labels, people, 2)] == [
        pytest.approx(0.75),
        pytest.approx(0.4142, abs=1e-4),
    ]
    assert [s.largest for s in shares("person", labels, people, 2)] == [0.5, pytest.approx(1 / 3)]


def test_the_audit_says_whose_an_epoch_would_be() -> None:
    members = [Member(f"{name}-{i}", "0" * 64, name, 0) for name in "AB" for i in range(9)]
    members += [Member(f"P-{i}", "0" * 64, "P", 1) for i in range(4)]
    members += [Member(f"Q-{i}", "0" * 64, "Q", 1) for i in range(1)]
    split = Split("holdout", "s", None, "0" * 64, tuple(members), (), ("hem", "all"))
    assert whose(split)[1] == (
        "all: 5 crops to train on, people: 2; most of an epoch that one of them has: 80 % by crop,"
        " 67 % by sqrt, 50 % by person"
    )
