"""What the baselines see of a crop: descriptors of the cell, principal components of pixels."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from edge.crops.drawn import draw_crop
from edge.models.cnmc import SIDE
from train.baselines.features import (
    COLOUR,
    COMPONENTS,
    DESCRIPTORS,
    FEATURES,
    SHAPE,
    Transform,
    describe_cells,
    fit_pca,
)

Image = npt.NDArray[np.uint8]
PURPLE = (70, 30, 80)


def black() -> Image:
    return np.zeros((SIDE, SIDE, 3), np.uint8)


def disc(radius: int, centre: tuple[int, int] = (35, 35)) -> Image:
    return cv2.circle(black(), centre, radius, PURPLE, -1)


def ellipse(long: int, short: int) -> Image:
    return cv2.ellipse(black(), (35, 35), (long, short), 30, 0, 360, PURPLE, -1)


def square(side: int) -> Image:
    crop = black()
    crop[35 - side // 2 :, 35 - side // 2 :][:side, :side] = PURPLE
    return crop


def clover(lobes: int) -> Image:
    """Discs in a ring, with a bay between each two."""
    crop = black()
    distance = {2: 8, 3: 9, 4: 11}[lobes]
    for lobe in range(lobes):
        angle = 2 * np.pi * lobe / lobes + 0.3
        away = distance * np.array([np.cos(angle), np.sin(angle)])
        crop |= disc(9, (round(35 + away[0]), round(35 + away[1])))
    return crop


def patterned(levels: npt.NDArray[np.integer]) -> Image:
    """A grey square of 40 pixels with the given levels, shape (40, 40)."""
    crop = black()
    crop[15:55, 15:55] = levels[:, :, None]
    return crop


def noise(spread: float, smooth: float) -> Image:
    plane = np.random.default_rng(7).normal(size=(40, 40))
    plane = cv2.GaussianBlur(plane, (0, 0), smooth) if smooth else plane
    return patterned((90 + spread * plane / plane.std()).astype(np.uint8))


def line() -> Image:
    return cv2.line(black(), (3, 9), (60, 41), PURPLE)


def dot() -> Image:
    crop = black()
    crop[20, 50] = 255
    return crop


def described(crop: Image) -> dict[str, float]:
    (row,) = describe_cells(crop[None])
    return dict(zip(DESCRIPTORS, row.tolist(), strict=True))


@pytest.fixture(scope="module")
def cells() -> Image:
    return np.stack([draw_crop(seed, SIDE) for seed in range(40)])


ODD_CROPS: dict[str, Callable[[], Image]] = {
    "all black": black,
    "all white": lambda: np.full_like(black(), 255),
    "not quite black": lambda: np.full_like(black(), 3),
    "one pixel": dot,
    "a line one pixel wide": line,
    "a corner pixel": lambda: disc(1, (0, 0)),
    "a cell cut by the edge": lambda: disc(20, (0, 35)),
    "a flat cell": lambda: disc(15),
    "pure red": lambda: np.minimum(disc(15), np.array([255, 0, 0], np.uint8)),
    "two cells": lambda: disc(9, (15, 15)) | disc(12, (50, 50)),
    "a ring": lambda: disc(20) - disc(10),
    "noise all over": lambda: np.random.default_rng(0).integers(0, 256, black().shape, np.uint8),
}


@pytest.fixture(scope="module")
def transforms(cells: Image) -> dict[str, Transform]:
    return {name: fit(cells, 0) for name, fit in FEATURES.items()}


@pytest.mark.parametrize("features", FEATURES)
@pytest.mark.parametrize("name", ODD_CROPS)
def test_features_of_odd_crops_are_finite(
    name: str, features: str, transforms: dict[str, Transform]
) -> None:
    table = transforms[features](ODD_CROPS[name]()[None])
    assert table.dtype == np.float32
    assert table.shape[0] == 1
    assert np.all(np.isfinite(table))


@pytest.mark.parametrize("name", ["all black", "not quite black"])
def test_a_crop_without_a_cell_gives_zeros(name: str) -> None:
    assert not describe_cells(ODD_CROPS[name]()[None]).any()


def test_every_descriptor_has_a_name_of_its_own_and_a_column(cells: Image) -> None:
    assert len(set(DESCRIPTORS)) == len(DESCRIPTORS)
    assert describe_cells(cells[:3]).shape == (3, len(DESCRIPTORS))
    assert describe_cells(cells[:0]).shape == (0, len(DESCRIPTORS))


def test_every_descriptor_tells_cells_apart(cells: Image) -> None:
    varied = np.concatenate([cells, [clover(3), ellipse(25, 12)]])
    assert np.all(describe_cells(varied).std(axis=0) > 0)


TURNS: dict[str, Callable[[Image], Image]] = {
    "a quarter": lambda crops: np.rot90(crops, 1, (1, 2)),
    "a half": lambda crops: np.rot90(crops, 2, (1, 2)),
    "three quarters": lambda crops: np.rot90(crops, 3, (1, 2)),
    "mirrored": lambda crops: crops[:, :, ::-1],
    "transposed": lambda crops: crops.transpose(0, 2, 1, 3),
}


@pytest.mark.parametrize("turn", TURNS)
def test_a_turned_cell_has_the_same_descriptors(turn: str, cells: Image) -> None:
    cells = np.concatenate([cells, [clover(3), ellipse(25, 12), line()]])
    turned = np.ascontiguousarray(TURNS[turn](cells))
    before, after = describe_cells(cells), describe_cells(turned)
    np.testing.assert_allclose(after, before, rtol=2e-4, atol=2e-4)


def test_a_cell_elsewhere_in_the_crop_has_the_same_descriptors() -> None:
    there = np.roll(clover(3), (5, -4), (0, 1))
    assert described(there) == pytest.approx(described(clover(3)), rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("radius", [8, 12, 20, 30])
def test_a_disc_measures_like_a_disc(radius: int) -> None:
    found = described(disc(radius))
    assert found["area"] == pytest.approx(np.pi * radius**2, rel=0.03)
    assert found["perimeter"] == pytest.approx(2 * np.pi * radius, rel=0.03)
    assert found["circularity"] == pytest.approx(1, abs=0.07)
    assert found["solidity"] > 0.93
    assert found["eccentricity"] < 0.1
    assert found["radius_spread"] < 0.05
    assert found["concavities"] == 0
    assert found["hu_1"] == pytest.approx(1 / (2 * np.pi), rel=0.01)


def test_a_bigger_disc_has_a_bigger_area_and_perimeter() -> None:
    found = [described(disc(radius)) for radius in range(5, 33)]
    for name in ("area", "perimeter"):
        assert np.all(np.diff([row[name] for row in found]) > 0)


def test_a_square_and_an_ellipse_are_less_circular_than_a_disc() -> None:
    assert described(square(31))["circularity"] == pytest.approx(np.pi / 4, abs=0.05)
    assert described(ellipse(28, 12))["circularity"] < 0.8


@pytest.mark.parametrize(("long", "short"), [(20, 20), (24, 18), (28, 12)])
def test_eccentricity_is_that_of_the_ellipse_drawn(long: int, short: int) -> None:
    expected = np.sqrt(1 - ((short + 0.5) / (long + 0.5)) ** 2)
    assert described(ellipse(long, short))["eccentricity"] == pytest.approx(expected, abs=0.08)


@pytest.mark.parametrize("lobes", [2, 3, 4])
def test_every_bay_of_a_lobed_cell_counts(lobes: int) -> None:
    found = described(clover(lobes))
    assert found["concavities"] == lobes
    assert found["concavity_depth"] > 0.05
    assert found["solidity"] < 0.93


def test_holes_and_smaller_spots_are_not_part_of_the_outline() -> None:
    with_hole = disc(20)
    with_hole[33:37, 33:37] = 0
    with_spot = disc(20) | disc(3, (5, 5))
    whole = described(disc(20))
    for crop in (with_hole, with_spot):
        found = described(crop)
        assert {name: found[name] for name in SHAPE} == {name: whole[name] for name in SHAPE}


def test_colour_is_that_of_the_cell_without_the_background() -> None:
    found = described(disc(15))
    for name, level in zip(("red", "green", "blue"), PURPLE, strict=True):
        for statistic in ("mean", "p10", "p50", "p90"):
            assert found[f"{name}_{statistic}"] == pytest.approx(level)
        for statistic in ("std", "skewness", "rim"):
            assert found[f"{name}_{statistic}"] == pytest.approx(0, abs=1e-3)


def test_a_brighter_rim_shows_as_such() -> None:
    crop = cv2.circle(disc(20), (35, 35), 12, (50, 10, 60), -1)
    found = described(crop)
    assert found["red_rim"] > 5
    assert found["lab_l_rim"] > 2
    assert all(abs(described(disc(20))[name]) < 1e-3 for name in COLOUR if name.endswith("rim"))


def test_co_occurrence_of_a_checkerboard_is_the_one_worked_out_by_hand() -> None:
    y, x = np.mgrid[:40, :40]
    found = described(patterned(60 + 20 * ((y + x) % 2)))
    # levels 5 and 10 of 16 stand side by side and never two pixels apart; diagonals are alike
    assert found["glcm1_contrast"] == pytest.approx(25 / 2, rel=0.02)
    assert found["glcm1_homogeneity"] == pytest.approx((1 + 1 / 26) / 2, rel=0.02)
    assert found["glcm2_contrast"] == found["glcm4_contrast"] == 0
    assert found["glcm2_homogeneity"] == pytest.approx(1)
    assert found["glcm2_correlation"] == pytest.approx(1)
    assert found["glcm2_energy"] == pytest.approx(np.sqrt(0.5))
    assert found["glcm2_entropy"] == pytest.approx(np.log(2))


def test_grainy_cells_differ_from_smooth_ones() -> None:
    grainy, smooth = described(noise(12, 0)), described(noise(12, 3))
    rougher = ("gradient_mean", "laplacian_std", "glcm1_contrast", "lbp_other", "grain_1")
    for name in rougher:
        assert grainy[name] > 1.5 * smooth[name]
    for name in ("glcm1_correlation", "glcm1_homogeneity", "grain_4"):
        assert grainy[name] < smooth[name]


def test_lamp_changes_colour_but_hardly_co_occurrence() -> None:
    dark, light = described(noise(12, 1)), described(cv2.convertScaleAbs(noise(12, 1), alpha=1.5))
    assert light["red_mean"] == pytest.approx(1.5 * dark["red_mean"], rel=0.01)
    for name in ("glcm1_contrast", "glcm2_correlation", "glcm4_entropy"):
        assert light[name] == pytest.approx(dark[name], rel=0.05)


def test_descriptors_have_mean_0_and_variance_1_in_the_training_part(cells: Image) -> None:
    table = FEATURES["descriptors"](cells, 0)(cells)
    varies = describe_cells(cells).std(axis=0) > 0
    np.testing.assert_allclose(table.mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(table.std(axis=0)[varies], 1, rtol=1e-3)


def test_principal_components_keep_the_distances_between_crops(cells: Image) -> None:
    table = fit_pca(cells, 0)(cells)
    assert table.shape == (40, 39)  # all that differs between 40 crops
    assert np.mean(table**2) == pytest.approx(1, rel=1e-3)
    pixels = cells.reshape(40, -1) / 255
    apart = np.linalg.norm(pixels - pixels[0], axis=1)[1:]
    seen = np.linalg.norm(table - table[0], axis=1)[1:]
    np.testing.assert_allclose(seen / apart, np.mean(seen / apart), rtol=1e-3)


def test_enough_crops_give_all_components(cells: Image) -> None:
    many = np.concatenate([np.rot90(cells, turns, (1, 2)) for turns in range(2)])
    assert fit_pca(many, 0)(cells).shape == (40, COMPONENTS)


@pytest.mark.parametrize("features", FEATURES)
def test_features_are_learned_from_the_training_part_alone(features: str, cells: Image) -> None:
    transform = FEATURES[features](cells[:30], 0)
    alone = transform(cells[30:31])
    among_others = transform(np.concatenate([cells[30:], 255 - cells]))[:1]
    np.testing.assert_allclose(alone, among_others, atol=1e-4)


def test_principal_components_depend_on_the_training_part(cells: Image) -> None:
    first, second = (fit_pca(part, 0)(cells) for part in (cells[:20], cells[20:]))
    assert not np.allclose(first, second, atol=0.1)


@pytest.mark.parametrize("features", FEATURES)
def test_the_same_seed_gives_the_same_features(features: str, cells: Image) -> None:
    first, second = (FEATURES[features](cells, 3)(cells) for _ in range(2))
    np.testing.assert_array_equal(first, second)
