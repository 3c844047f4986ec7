"""Cells dealt out: no person and no cell in two parts, every label in each."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.cells.labelled_crops import LabelledCrop, LabelledCrops
from convert.dealing import CELLS, PEOPLE, deal
from edge.errors import DataRefused

SHARES = st.lists(st.integers(1, 3), min_size=2, max_size=3)


def crops(whose: list[tuple[int, str]], labels: str = "abc") -> LabelledCrops:
    """Crops of labels and people."""
    return LabelledCrops(
        tuple(labels),
        tuple(
            LabelledCrop(Path(f"{n}"), f"{n}", label, person, "", f"{n:064x}")
            for n, (label, person) in enumerate(whose)
        ),
    )


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from("pqrstu")), max_size=60), SHARES)
def test_parts_share_no_cell_and_hold_every_label_or_it_is_refused(
    whose: list[tuple[int, str]], shares: list[int]
) -> None:
    given_crops = crops(whose)
    try:
        dealt = deal(given_crops, shares)
    except DataRefused:
        assert min(given_crops.counts().values()) < sum(shares)
        return
    assert sorted(c.name for part in dealt.parts for c in part.crops) == sorted(
        crop.name for crop in given_crops.crops
    )
    for part in dealt.parts:
        assert all(part.counts().values())
    if dealt.by == PEOPLE:
        people = [{crop.subject for crop in part.crops} for part in dealt.parts]
        assert sum(map(len, people)) == len(set.union(*people))


def test_whole_people_are_dealt_out_in_proportion() -> None:
    dealt = deal(crops([(n % 3, f"p{n % 8}") for n in range(96)]), (1, 1, 2))
    assert dealt.by == PEOPLE
    assert [len({crop.subject for crop in part.crops}) for part in dealt.parts] == [2, 2, 4]


@pytest.mark.parametrize("person", ["", "p"])
def test_cells_of_nobody_or_of_one_person_are_dealt_out_one_by_one(person: str) -> None:
    dealt = deal(crops([(n % 3, person) for n in range(96)]), (1, 1, 2))
    assert dealt.by == CELLS
    assert [len(part) for part in dealt.parts] == [24, 24, 48]


def test_the_order_of_the_crops_does_not_matter() -> None:
    given_crops = crops([(n % 3, f"p{n % 7}") for n in range(60)])
    turned = given_crops.keep(reversed(given_crops.crops))
    for one, other in zip(deal(given_crops, (1, 2)).parts, deal(turned, (1, 2)).parts, strict=True):
        assert set(one.crops) == set(other.crops)


def test_too_few_crops_of_a_label_are_refused_by_its_name() -> None:
    with pytest.raises(DataRefused, match="3 crops of label c are too few"):
        deal(crops([(n % 2, "") for n in range(40)] + [(2, "")] * 3), (1, 1, 2))
