"""`to_crop`: the one preprocessing, bit for bit."""

from __future__ import annotations

import hashlib

import cv2
import numpy as np
import pytest
from edge_helpers import small_cell
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.crops.drawn import draw_cell
from edge.crops.preprocess import MAX_SIDE, to_crop
from edge.errors import CropUnreadable
from edge.models.cnmc import SIDE

repeatable = settings(derandomize=True, deadline=None, database=None, max_examples=100)
sides = st.integers(1, 400)
levels = st.tuples(*[st.integers(0, 255)] * 3)


def pattern(height: int, width: int) -> np.ndarray:
    """Make an image from whole numbers alone, so that it is the same on every machine."""
    y, x = np.mgrid[:height, :width]
    planes = 7 * x + 13 * y + 68, x * y // 5 + 29, ((x * x + 3 * y * y) >> 3) + 78
    return (np.stack(planes, axis=-1) % 256).astype(np.uint8)


GOLDEN = {
    (450, 450): "be3300a4f269d1c3d458c05f1cba6e34beaf5a64856b7fa0b5ea004cac1b3761",
    (600, 600): "7926d516458c55baaf3c8f89795803bacd563bf6948df0d98bbb7580b532bd3e",
    (451, 451): "4559b391e3e43e033b337a74d61f44a57d509348a16225688aefbd856f12263d",
    (281, 281): "371cab67e81d1fef1344e3441481d0623b522e4f8dd517a31926ec47fa399fff",
    (140, 140): "fb91b40a5073361bf95eac5a063979dade49e4c174cfd160bf401e1a360e6fc5",
    (100, 100): "b245fb5cfe95da6a155be71e0ccabc0a5a1c7db951ee03bcbccd7ec93e451a3d",
    (70, 70): "dac276af701809d671ef021447730bb5df85068c82f224375c779c5214572dc1",
    (37, 91): "eb4fe92cb8de0c6a9828f6133cbbdca624b0212cacb3c1ac2e97bf4eb737822a",
    (1, 1): "a45bd0270093432f3a1dbf42a3547be8c6ff2e854d80d58cb001bb53dad59f12",
    (1000, 300): "ec86d8f01e7212e138a88694b1c05181723701fbfab990e0736333726110fd63",
}
"""(height, width) -> sha256 of the crop; computed once, equal on every machine."""


@pytest.mark.parametrize(("size", "sha256"), GOLDEN.items(), ids=lambda value: str(value)[:12])
def test_crops_have_the_same_bytes_on_every_machine(size: tuple[int, int], sha256: str) -> None:
    assert hashlib.sha256(to_crop(pattern(*size), SIDE).tobytes()).hexdigest() == sha256


@repeatable
@given(height=sides, width=sides)
def test_a_crop_is_70x70_rgb_whatever_the_size(height: int, width: int) -> None:
    crop = to_crop(pattern(height, width), SIDE)
    assert crop.shape == (SIDE, SIDE, 3) == (70, 70, 3)
    assert crop.dtype == np.uint8


@repeatable
@given(side=st.integers(1, 279) | st.sampled_from([280, 300, 450 - 2, 560, 600, 1120]), rgb=levels)
def test_one_colour_stays_that_colour(side: int, rgb: tuple[int, int, int]) -> None:
    crop = to_crop(np.full((side, side, 3), rgb, np.uint8), SIDE)
    assert (crop == rgb).all()


@repeatable
@given(height=sides, width=sides)
def test_black_stays_black(height: int, width: int) -> None:
    assert not to_crop(np.zeros((height, width, 3), np.uint8), SIDE).any()


def test_a_70x70_image_is_the_crop_as_it_is() -> None:
    image = pattern(70, 70)
    assert (to_crop(image, SIDE) == image).all()


def test_a_crop_of_a_crop_is_the_same_crop() -> None:
    crop = to_crop(draw_cell(1), SIDE)
    assert (to_crop(crop, SIDE) == crop).all()


@repeatable
@given(height=sides, width=sides)
def test_an_oblong_image_gets_as_much_black_on_either_side(height: int, width: int) -> None:
    image = pattern(height, width)
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    square = np.zeros((side, side, 3), np.uint8)
    square[top : top + height, left : left + width] = image
    assert (to_crop(image, SIDE) == to_crop(square, SIDE)).all()


def test_a_white_bar_keeps_its_place_and_shape() -> None:
    crop = to_crop(np.full((140, 100, 3), 255, np.uint8), SIDE)
    assert not crop[:, :10].any()
    assert (crop[:, 10:60] == 255).all()
    assert not crop[:, 60:].any()


@pytest.mark.parametrize("seed", range(4))
def test_a_crop_is_the_area_average_within_half_a_grey_level(seed: int) -> None:
    cell = draw_cell(seed)
    average = cv2.resize(cell, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    assert np.sqrt(np.mean((to_crop(cell, SIDE).astype(float) - average) ** 2)) < 0.5


def test_the_image_itself_is_left_alone() -> None:
    image = pattern(37, 91)
    to_crop(image, SIDE)
    assert (image == pattern(37, 91)).all()


def test_a_view_gives_the_same_crop_as_a_copy() -> None:
    view = pattern(90, 120)[::-1, 10:100, ::-1]
    assert (to_crop(view, SIDE) == to_crop(view.copy(), SIDE)).all()


@pytest.mark.parametrize(
    "image",
    [
        pytest.param(small_cell().astype(np.float32), id="floats"),
        pytest.param(small_cell().astype(np.uint16), id="16 bits"),
        pytest.param(small_cell().view(np.int8), id="signed"),
        pytest.param(small_cell()[:, :, 0], id="no channels"),
        pytest.param(small_cell()[:, :, :1], id="one channel"),
        pytest.param(np.zeros((9, 9, 4), np.uint8), id="four channels"),
        pytest.param(small_cell()[None], id="a batch"),
        pytest.param(small_cell()[:0], id="no rows"),
        pytest.param(small_cell()[:, :0], id="no columns"),
    ],
)
def test_what_is_not_an_8_bit_rgb_image_is_refused(image: np.ndarray) -> None:
    with pytest.raises(ValueError, match="needs a uint8 image of shape"):
        to_crop(image, SIDE)


@settings(deadline=None, max_examples=100)
@given(
    sides=st.lists(st.sampled_from([0, 1, 69, 70, 71, MAX_SIDE + 1, 10**6]), max_size=3),
    channels=st.sampled_from([0, 1, 3, 4]),
)
def test_a_shape_is_taken_or_refused_before_memory_is(sides: list[int], channels: int) -> None:
    # a view: an array of any shape takes a byte
    image = np.broadcast_to(np.uint8(7), (*sides, channels))
    if len(sides) == 2 and channels == 3 and min(sides) > 0 and max(sides) <= MAX_SIDE:
        assert to_crop(image, SIDE).shape == (SIDE, SIDE, 3)
        return
    with pytest.raises(ValueError, match=r"needs a uint8 image|too-large"):
        to_crop(image, SIDE)


@pytest.mark.parametrize("shape", [(1, 100_000), (100_000, 1), (MAX_SIDE + 1, 2)])
def test_an_image_whose_square_would_take_gigabytes_is_too_large(shape: tuple[int, int]) -> None:
    with pytest.raises(CropUnreadable, match="cut the cells out first") as refused:
        to_crop(np.zeros((*shape, 3), np.uint8), SIDE)
    assert refused.value.reason == "too-large"
