"""Cells of drawn fields: all are found, with their outlines, and nothing else is."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.crops.preprocess import UInt8Image
from edge.fields.cells import LEFT_OUT, Found
from edge.fields.drawn import DrawnField, draw_field
from edge.fields.find import find_cells
from edge.fields.parameters import Parameters
from edge.samples import Box


def overlap(one: Box, other: Box) -> float:
    """Intersection over union of two boxes."""
    across = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    down = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    both = max(across, 0) * max(down, 0)
    return both / (one.width * one.height + other.width * other.height - both)


def matched(drawn: DrawnField, found: Found) -> int:
    """Cells of the drawing that are found."""
    return sum(any(overlap(box, cell.box) >= 0.5 for cell in found.cells) for box in drawn.boxes)


def dice(drawn: DrawnField, found: Found) -> list[float]:
    """Of each drawn cell with the best that was found."""
    scores = []
    for number, box in enumerate(drawn.boxes):
        truth = np.zeros(drawn.rgb.shape[:2], bool)
        truth[box.y : box.y + box.height, box.x : box.x + box.width] = drawn.mask(number)
        best = 0.0
        for cell in found.cells:
            mask = np.zeros_like(truth)
            at = cell.box
            mask[at.y : at.y + at.height, at.x : at.x + at.width] = cell.mask
            best = max(best, 2 * (mask & truth).sum() / (mask.sum() + truth.sum()))
        scores.append(best)
    return scores


def pink_red_cells() -> UInt8Image:
    """As much blue goes through as through some nuclei."""
    field = np.full((240, 320, 3), (236, 232, 240), np.uint8)
    for x, y in ((50, 50), (150, 60), (250, 40), (60, 150), (160, 170), (260, 150)):
        cv2.circle(field, (x, y), 28, (220, 152, 174), cv2.FILLED, cv2.LINE_AA)
    return np.asarray(cv2.GaussianBlur(field, (5, 5), 0), np.uint8)


def nuclei_at(*ellipses: tuple[int, int, int, int]) -> UInt8Image:
    """Nuclei with hardly any cytoplasm at x and y, with half axes; eight apart from each other."""
    field = np.full((420, 640, 3), (244, 236, 226), np.uint8)
    apart = [(40 + 80 * at, 370, 22, 22) for at in range(8)]
    for x, y, across, down in (*ellipses, *apart):
        cv2.ellipse(field, (x, y), (across, down), 0, 0, 360, (104, 50, 140), cv2.FILLED)
    noise = np.random.default_rng(0).normal(0, 2, field.shape[:2])[..., None]
    blurred = cv2.GaussianBlur(field, (0, 0), 1.5) + noise
    return np.asarray(np.clip(blurred, 0, 255), np.uint8)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("touching", [False, True])
def test_every_drawn_cell_is_found_once_and_outlined(seed: int, touching: bool) -> None:
    drawn = draw_field(seed, touching=touching)
    found = find_cells(drawn.rgb)
    assert len(found.cells) == len(drawn.boxes) == matched(drawn, found)
    assert min(dice(drawn, found)) > 0.95


@settings(max_examples=6, deadline=None)
@given(
    seed=st.integers(0, 1000),
    light=st.floats(0.7, 1.0),
    tint=st.tuples(*[st.floats(0.85, 1.0)] * 3),
    diameter=st.integers(36, 90),
)
def test_light_white_balance_and_scale_change_nothing(
    seed: int, light: float, tint: tuple[float, float, float], diameter: int
) -> None:
    drawn = draw_field(seed, 480, 360, cells=3, diameter=diameter)
    dimmed = (drawn.rgb * (light * np.array(tint))).astype(np.uint8)
    found = find_cells(dimmed)
    assert len(found.cells) == len(drawn.boxes) == matched(drawn, found)


@pytest.mark.parametrize("around", [5, 6, 7])
def test_cells_that_touch_in_a_ring_are_as_many_as_they_are(around: int) -> None:
    turn = 2 * np.pi / around
    wide = 21.5 / np.sin(turn / 2)  # each reaches half a pixel into the next
    ring = [
        (round(150 + wide * np.cos(at * turn)), round(150 + wide * np.sin(at * turn)), 22, 22)
        for at in range(around)
    ]
    assert len(find_cells(nuclei_at(*ring)).cells) == around + 8


def test_uneven_light_changes_nothing() -> None:
    drawn = draw_field(5)
    height, width = drawn.rgb.shape[:2]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    vignetted = (drawn.rgb * (1 - 0.12 * (x * x + y * y))[..., None]).astype(np.uint8)
    found = find_cells(vignetted)
    assert len(found.cells) == len(drawn.boxes) == matched(drawn, found)
    assert min(dice(drawn, found)) > 0.93


def test_a_large_field_is_worked_on_reduced_and_its_boxes_are_of_the_field() -> None:
    drawn = draw_field(3, 1200, 900, cells=9, diameter=140)
    found = find_cells(drawn.rgb)
    assert len(found.cells) == len(drawn.boxes) == matched(drawn, found)
    assert min(dice(drawn, found)) > 0.95


def test_a_cell_that_the_edge_cuts_is_left_out_and_counted() -> None:
    drawn = draw_field(1, cells=3)
    box = drawn.boxes[0]
    found = find_cells(np.ascontiguousarray(drawn.rgb[:, box.x + box.width // 2 :]))
    assert len(found.left_out["border"]) >= 1
    whole = find_cells(drawn.rgb)
    assert len(found.cells) < len(whole.cells)
    kept = find_cells(drawn.rgb[:, box.x + box.width // 2 :], Parameters(keeps_cut=True))
    assert len(kept.cells) > len(found.cells)


def test_platelets_are_left_out_and_counted() -> None:
    drawn = draw_field(7, cells=4, platelets=12)
    found = find_cells(drawn.rgb)
    assert len(found.cells) == 4
    assert len(found.left_out["small"]) >= 6


def test_a_black_scale_bar_is_no_cell() -> None:
    drawn = draw_field(8, cells=4)
    field = drawn.rgb.copy()
    cv2.rectangle(field, (480, 440), (630, 475), (255, 255, 255), cv2.FILLED)
    cv2.rectangle(field, (490, 460), (620, 470), (0, 0, 0), cv2.FILLED)
    found = find_cells(field)
    assert len(found.left_out["no-nucleus"]) == 1
    assert not any(overlap(cell.box, Box(490, 460, 130, 10)) > 0 for cell in found.cells)


def test_a_pale_smudge_among_cells_is_a_ghost() -> None:
    drawn = draw_field(9, cells=7, platelets=0)
    field = drawn.rgb.copy()
    free = next(
        (x, y)
        for y in range(60, 420, 10)
        for x in range(60, 580, 10)
        if all(overlap(Box(x - 45, y - 45, 90, 90), box) == 0 for box in drawn.boxes)
    )
    cv2.circle(field, free, 30, (190, 110, 196), cv2.FILLED)
    found = find_cells(cv2.GaussianBlur(field, (5, 5), 0))
    assert len(found.left_out.get("ghost", ())) == 1
    assert len(found.cells) == 7


@pytest.mark.parametrize(
    "field",
    [
        np.full((200, 300, 3), 240, np.uint8),
        np.zeros((64, 64, 3), np.uint8),
        np.full((1, 1, 3), 7, np.uint8),
        draw_field(0, cells=0).rgb,
        pink_red_cells(),
    ],
    ids=["empty", "black", "one pixel", "red cells only", "red cells that take much eosin"],
)
def test_a_field_without_cells_has_none(field: UInt8Image) -> None:
    found = find_cells(field)
    assert found.cells == ()
    assert set(found.left_out) <= set(LEFT_OUT)


@settings(max_examples=15, deadline=None)
@given(
    height=st.integers(1, 90),
    width=st.integers(1, 90),
    kind=st.sampled_from(["noise", "flat", "steps", "two tones"]),
    seed=st.integers(0, 99),
)
def test_whatever_the_pixels_boxes_lie_in_the_field(
    height: int, width: int, kind: str, seed: int
) -> None:
    random = np.random.default_rng(seed)
    field = {
        "noise": lambda: random.integers(0, 256, (height, width, 3), np.uint8),
        "flat": lambda: np.full((height, width, 3), random.integers(0, 256), np.uint8),
        "steps": lambda: np.repeat(
            random.integers(0, 256, (height, 1, 3), np.uint8), width, axis=1
        ),
        "two tones": lambda: np.where(
            random.random((height, width, 1)) < 0.02, [90, 40, 140], [240, 240, 240]
        ).astype(np.uint8),
    }[kind]()
    found = find_cells(field, Parameters(keeps_cut=True))
    for cell in found.cells:
        box = cell.box
        assert 0 <= box.x < box.x + box.width <= width
        assert 0 <= box.y < box.y + box.height <= height
        assert cell.mask.shape == cell.nucleus.shape == (box.height, box.width)


def test_a_scale_tells_platelets_where_no_cell_is_there_to_compare_with() -> None:
    drawn = draw_field(11, cells=0, platelets=20)
    assert not find_cells(drawn.rgb, um_per_pixel=0.25).cells


def test_parameters_that_mean_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="level"):
        Parameters(level=0)
