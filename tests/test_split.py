"""Holding subjects out: no person on both sides."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.crop_set import CropSet
from edge.errors import DataRefused
from train.split import choose_held_out, held_out


def crop_set(people: list[tuple[str, int]]) -> CropSet:
    """A crop set of (subject, crops) pairs; subjects starting with H are healthy."""
    subjects = [subject for subject, crops in people for _ in range(crops)]
    return CropSet(
        crops=np.zeros((len(subjects), 70, 70, 3), np.uint8),
        labels=np.array([not subject.startswith("H") for subject in subjects], np.int32),
        subjects=np.array(subjects),
        names=np.array([f"{i}.png" for i in range(len(subjects))]),
        sha256="",
    )


counts = st.lists(st.integers(1, 40), min_size=2, max_size=12)


@given(healthy=counts, leukemic=counts, seed=st.integers(0, 1000))
def test_chosen_subjects_leave_both_classes_on_both_sides(
    healthy: list[int], leukemic: list[int], seed: int
) -> None:
    data = crop_set(
        [(f"H{i}", n) for i, n in enumerate(healthy)]
        + [(f"{i}", n) for i, n in enumerate(leukemic)]
    )
    chosen = choose_held_out(data, seed)
    test = held_out(data, chosen)  # raises if a class is missing on a side
    assert not set(data.subjects[test]) & set(data.subjects[~test])
    assert set(data.subjects[test]) == set(chosen)


def test_about_a_quarter_is_held_out() -> None:
    data = crop_set([(f"H{i}", 10) for i in range(20)] + [(f"{i}", 10) for i in range(40)])
    test = held_out(data, choose_held_out(data, seed=3))
    assert np.sum(test & (data.labels == 0)) == 50
    assert np.sum(test & (data.labels == 1)) == 100


def test_the_same_seed_holds_the_same_people_out() -> None:
    data = crop_set([(f"H{i}", 10) for i in range(20)] + [(f"{i}", 10) for i in range(40)])
    assert choose_held_out(data, 1) == choose_held_out(data, 1) != choose_held_out(data, 2)


@pytest.mark.parametrize(
    ("subjects", "words"),
    [
        (["H1", "99"], "no crop of subject 99; there are 7, 8, H1, H2"),
        (["H1"], "the held-out part has no all crop"),
        (["H1", "H2", "7"], "the training part has no hem crop"),
    ],
)
def test_a_split_without_a_class_is_refused(subjects: list[str], words: str) -> None:
    data = crop_set([("H1", 2), ("H2", 2), ("7", 2), ("8", 2)])
    with pytest.raises(DataRefused, match=words):
        held_out(data, subjects)
