"""How large cells are, and whether a smear is shown at another scale."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.contract import BLACK, NATURAL, PERCENTILES, Diameters, Sizes
from edge.crops.drawn import draw_crop
from edge.crops.preprocess import UInt8Image
from edge.crops.scale import (
    cell_area,
    compare_with_training,
    diameters_of,
    find_shift,
    measure_diameters,
    t_tails,
)

SIDE = 70
AREAS = st.lists(st.integers(200, 2000), min_size=20, max_size=80)


def cells_of_person(seed: int, cells: int = 60) -> list[int]:
    """Areas of the cells of a person: people differ in their middle, least in their largest."""
    chance = np.random.default_rng(seed)
    unevenness = chance.uniform(0.1, 0.25)
    largest = chance.normal(7.05, 0.03)
    sizes = largest - unevenness * np.abs(chance.normal(1, 1, cells))
    return [int(area) for area in np.exp(sizes)]


def reference(people: int = 12) -> Sizes:
    areas = [cells_of_person(1000 + n) for n in range(people)]
    whose = [f"person {n}" for n in range(people) for _ in areas[n]]
    found = diameters_of([area for each in areas for area in each], whose)
    assert found is not None
    assert found.sizes is not None
    return found.sizes


SIZES = reference()


def shown_at(scale: float, areas: list[int]) -> list[int]:
    return [round(area * scale**2) for area in areas]


@pytest.mark.parametrize("freedom", [*range(1, 16), 30, 99, 1000])
def test_tails_of_students_t_are_those_of_scipy(freedom: int) -> None:
    t_of_scipy = pytest.importorskip("scipy.stats").t
    for t in (0.0, 0.01, 0.5, -1.0, 2.0, 3.5, 10.0, 63.7, 500.0):
        expected = 2 * t_of_scipy.sf(abs(t), freedom)
        assert t_tails(t, freedom) == pytest.approx(expected, rel=1e-9, abs=1e-13)


@pytest.mark.parametrize("scale", [0.8, 1.25])
def test_a_person_shown_at_another_scale_is_found_with_its_factor(scale: float) -> None:
    found = [find_shift([shown_at(scale, cells_of_person(seed, 50))], SIZES) for seed in range(200)]
    assert np.mean([shift.is_real for shift in found]) >= 0.99
    assert np.median([shift.factor for shift in found]) == pytest.approx(scale, rel=0.02)


def test_few_people_at_the_right_scale_are_found_shifted() -> None:
    found = [find_shift([cells_of_person(seed, 50)], SIZES) for seed in range(400)]
    assert np.mean([shift.is_real for shift in found]) <= 0.02


def test_several_people_together_show_less_of_a_shift_than_one() -> None:
    def share(people: int) -> float:
        smears = [
            [shown_at(0.95, cells_of_person(100 * seed + n, 50)) for n in range(people)]
            for seed in range(50)
        ]
        return float(np.mean([find_shift(each, SIZES).is_real for each in smears]))

    assert share(1) < 0.8 < 0.95 < share(8)


def test_the_fewer_people_are_known_the_larger_a_shift_must_be() -> None:
    smear = [shown_at(0.9, cells_of_person(0))]
    found = [find_shift(smear, replace(SIZES, people=people)).p for people in (4, 6, 12, 30)]
    assert found == sorted(found, reverse=True)


@given(AREAS, st.floats(0.3, 3))
def test_the_factor_goes_with_the_scale_and_not_with_the_order(
    areas: list[int], scale: float
) -> None:
    large = [area * 1000 for area in areas]  # so that rounding does not count
    factor = find_shift([large], SIZES).factor
    mixed = shown_at(scale, sorted(large))
    assert find_shift([mixed], SIZES).factor == pytest.approx(scale * factor, rel=1e-3)
    assert find_shift([mixed, mixed], SIZES).factor == pytest.approx(scale * factor, rel=1e-3)


@given(AREAS)
def test_cells_all_alike_in_people_all_alike_are_judged_too(areas: list[int]) -> None:
    found = diameters_of([500] * 100, [f"person {n % 5}" for n in range(100)])
    assert found is not None
    assert found.sizes is not None
    assert find_shift([[500] * 20], found.sizes).p == 1
    assert 0 <= find_shift([areas], found.sizes).p <= 1


@pytest.mark.parametrize(
    ("scale", "is_noticed"), [(0.6, True), (0.97, False), (1.0, False), (1.03, False), (1.6, True)]
)
def test_without_people_only_a_scale_far_off_is_noticed(scale: float, is_noticed: bool) -> None:
    training = [area for seed in range(10) for area in cells_of_person(seed)]
    found = diameters_of(training, [""] * len(training))
    assert found is not None
    assert found.sizes is None
    shift = compare_with_training([shown_at(scale, training)], found)
    assert shift.is_real == is_noticed
    assert shift.factor == pytest.approx(scale, rel=0.02)
    few = replace(found, cells=49)
    assert not compare_with_training([shown_at(scale, training)], few).is_real


def test_people_weigh_alike_in_diameters() -> None:
    areas = [400] * 10 + [900] * 1000
    found = diameters_of(areas, ["few"] * 10 + ["many"] * 1000)
    assert found is not None
    small, large = (2 * math.sqrt(area / math.pi) for area in (400, 900))
    assert found.percentiles[PERCENTILES.index(25)] == pytest.approx(small)
    assert found.percentiles[PERCENTILES.index(75)] == pytest.approx(large)
    assert (found.people, found.cells) == (2, 1010)
    unknown = diameters_of(areas, [""] * 1010)
    assert unknown is not None
    assert unknown.percentiles[PERCENTILES.index(5)] == pytest.approx(large)
    assert (unknown.people, unknown.sizes) == (1010, None)


def drawn(count: int) -> UInt8Image:
    return np.stack([draw_crop(seed, SIDE) for seed in range(count)])


def test_diameters_of_drawn_cells_are_those_they_are_drawn_with() -> None:
    found = measure_diameters(drawn(60), ["a"] * 30 + ["b"] * 30, BLACK)
    assert isinstance(found, Diameters)
    assert 145 / 450 * SIDE < found.percentiles[0] < found.percentiles[-1] < 255 / 450 * SIDE
    assert found.sizes is None  # of two people


def test_crops_without_a_cell_are_left_out_and_alone_they_are_nothing() -> None:
    empty = np.zeros((2, SIDE, SIDE, 3), np.uint8)
    assert measure_diameters(empty, ["a", "a"], BLACK) is None
    found = measure_diameters(np.concatenate([drawn(3), empty]), ["a"] * 5, BLACK)
    assert found is not None
    assert found.cells == 3


def disc(radius: int, side: int = 96, lobes: int = 1) -> UInt8Image:
    """A purple nucleus in pale plasma beside red cells, on light background."""
    crop = np.full((side, side, 3), (235, 225, 225), np.uint8)
    rows, columns = np.mgrid[:side, :side] - side // 2
    crop[np.hypot(rows - 35, columns - 35) < 12] = (225, 150, 150)
    crop[np.hypot(rows, columns) < 1.3 * radius] = (215, 195, 220)
    for lobe in range(lobes):
        off = (lobe - (lobes - 1) / 2) * 1.1 * radius
        crop[np.hypot(rows, columns - off) < radius / lobes] = (110, 60, 140)
    return crop


@pytest.mark.parametrize("radius", [8, 14, 20])
def test_on_natural_background_the_nucleus_is_measured(radius: int) -> None:
    assert cell_area(disc(radius), NATURAL) == pytest.approx(math.pi * radius**2, rel=0.1)
    two_lobes = cell_area(disc(radius, lobes=2), NATURAL)
    assert two_lobes == pytest.approx(2 * math.pi * (radius / 2) ** 2, rel=0.2)


@pytest.mark.parametrize("level", [0, 7, 128, 255])
def test_where_nothing_is_stained_there_is_no_cell(level: int) -> None:
    assert cell_area(np.full((64, 64, 3), level, np.uint8), NATURAL) == 0
