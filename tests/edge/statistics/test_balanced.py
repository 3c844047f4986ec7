"""Cells weighed so that people of a label count the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.statistics.balanced import people_alike

CELLS = st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["", "A", "B", "C"])), min_size=1)


@given(CELLS)
def test_each_person_of_a_label_adds_up_to_one(cells: list[tuple[int, str]]) -> None:
    labels = np.array([label for label, _ in cells])
    people = np.array([person for _, person in cells])
    weights = people_alike(labels, people)
    for label, person in set(cells):
        of_them = weights[(labels == label) & (people == person)]
        assert of_them.sum() == pytest.approx(1 if person else len(of_them))
        assert len(set(of_them.tolist())) == 1
