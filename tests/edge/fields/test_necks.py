"""Pieces of a mask: cut at necks, and what is said of each is so of its pixels."""

from __future__ import annotations

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.fields.necks import cut_at_necks
from edge.fields.numbered import Numbered, hull_of, join_pieces


def discs(*places: tuple[int, int, int]) -> np.ndarray:
    """Discs at x and y, of a radius."""
    mask = np.zeros((120, 160), np.uint8)
    for x, y, radius in places:
        cv2.circle(mask, (x, y), radius, 1, cv2.FILLED)
    return mask


def assert_told_right(pieces: Numbered) -> None:
    """What is known of each piece is what its pixels say."""
    for at in range(pieces.count):
        y, x = np.nonzero(pieces.labels == at + 1)
        assert pieces.areas[at] == len(x) > 0
        assert np.allclose(pieces.centres[at], (x.mean(), y.mean()))
        left, top, width, height = pieces.boxes[at].tolist()
        assert (left, top) == (x.min(), y.min())
        assert (left + width, top + height) == (x.max() + 1, y.max() + 1)
        hull = hull_of(np.stack((x, y), axis=1).astype(np.int32))
        assert cv2.contourArea(pieces.hulls[at]) == cv2.contourArea(hull)


place = st.tuples(st.integers(0, 159), st.integers(0, 119), st.integers(0, 25))


@settings(max_examples=40, deadline=None)
@given(places=st.lists(place, max_size=12), seed=st.integers(0, 99))
def test_pieces_are_told_right_and_cover_the_mask(
    places: list[tuple[int, int, int]], seed: int
) -> None:
    mask = discs(*places)
    pieces = cut_at_necks(mask.copy())
    assert np.array_equal(pieces.labels > 0, mask > 0)
    assert pieces.labels.max() == pieces.count
    assert_told_right(pieces)
    if pieces.count:
        random = np.random.default_rng(seed)
        groups = random.integers(0, 4, pieces.count + 1).astype(np.int32)
        groups[0] = 0
        groups = np.unique(np.append(groups, 0), return_inverse=True)[1][:-1].astype(np.int32)
        joined = join_pieces(pieces, groups)
        assert np.array_equal(joined.labels, groups[pieces.labels])
        assert joined.count == groups.max()
        assert_told_right(joined)


def test_two_discs_that_touch_are_cut_and_one_is_not() -> None:
    assert cut_at_necks(discs((60, 60, 20))).count == 1
    assert cut_at_necks(discs((50, 60, 20), (86, 60, 20))).count == 2
