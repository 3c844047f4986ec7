"""Find near-duplicates: one picture of a cell twice, turned, re-encoded, resized or cut closer.

Cells on black look much alike, so pixels decide, and a perceptual hash says for which pairs
they are looked at: :func:`_views` brings every cell to the same size and place and keeps its
texture, 32x32; the hash is that view brought to 8x8, and turning a cell turns its hash.
Both are compared by correlation under the 8 symmetries of the square.

Measured by ``benchmarks/near_duplicates.py FOLDER`` on 3,659 crops of C-NMC 2019: of 6.7 million
pairs, 242 are called near-duplicates at :data:`LIKE`, all of one person, most of them cells
published twice or seen in two overlapping fields; of two people none (the highest is 0.82). Of 300
crops copied on purpose it finds all that were turned, mirrored, resized or saved as JPEG of
quality 50, 299 as WebP of quality 60, 295 turned, halved and saved as JPEG together, 288 cut by
3 % on every side and 264 cut by up to 7 %. Of 157 white cells on natural background from two
laboratories, at 96 pixels, it calls 8 pairs near-duplicates: each is one cell, cut out twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
import numpy.typing as npt

from calibration.cells.crop_set import CropSet
from edge.contract import BLACK as ON_BLACK
from edge.crops.image_statistics import BLACK, statistics_and_foreground
from edge.crops.preprocess import UInt8Image
from edge.models import cnmc

LIKE = 0.85
"""Correlation of two textures, 0..1, from which on they are one cell."""

SMALLEST_TOLD = cnmc.SIDE
"""Side of the smallest crops that were measured: 120 drawn cells at 32 pixels have false pairs."""

_LIKE_HASHES = 0.85  # of hashes, which keep what is coarse and so correlate more
_SIDE, _HASH = 32, 8
_AROUND = 1.3  # a view reaches to this many radii of the cell: lobes, and some black
_FULL = 24  # a pixel counts whole as cell from this level on, so that outlines are not jagged
_BLUR = 0.5  # pixels of a view: noise of re-encoding
_ROWS = 512  # hashes compared at once with all that follow: 15,000 crops take 30 MB
_PAIRS = 512  # views compared at once

_Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class NearDuplicate:
    """Two crops that show one picture of a cell.

    Attributes
    ----------
    first, second : str
        Names of the crops, in the order of the data.
    likeness : float
        Correlation of their textures, :data:`LIKE` to 1.
    """

    first: str
    second: str
    likeness: float


def find_near_duplicates(data: CropSet) -> tuple[NearDuplicate, ...]:
    """Find all pairs of crops that show the same picture of a cell, identical ones too.

    Parameters
    ----------
    data : CropSet

    Returns
    -------
    tuple of NearDuplicate
        In the order of the data. A crop without any texture is like no other.
    """
    return tuple(
        NearDuplicate(str(data.names[i]), str(data.names[j]), likeness)
        for i, j, likeness in like_pairs(data.crops, data.background)
    )


def one_name_each(data: CropSet, pairs: Sequence[NearDuplicate]) -> npt.NDArray[np.str_]:
    """Subjects, shape (n,), with one name for all who share near-duplicates: they may be one.

    A crop whose person is unknown (empty) ties nobody and stays unknown.
    """
    of = dict(zip(data.names.tolist(), data.subjects.tolist(), strict=True))
    first: dict[str, str] = {}

    def find(subject: str) -> str:
        while subject in first:
            subject = first[subject]
        return subject

    for pair in pairs:
        if pair.first in of and pair.second in of:
            one, other = sorted((find(of[pair.first]), find(of[pair.second])))
            if one and one != other:  # the empty name sorts first
                first[other] = one
    return np.array([find(subject) for subject in data.subjects.tolist()], np.str_)


def remark_on_people(data: CropSet, pairs: Sequence[NearDuplicate]) -> list[str]:
    """Say which people stay on one side of a split, as they share near-duplicates.

    Returns
    -------
    list of str
        Empty where there are none.
    """
    together: dict[str, set[str]] = {}
    for name, subject in zip(one_name_each(data, pairs), data.subjects, strict=True):
        if subject:
            together.setdefault(str(name), set()).add(str(subject))
    groups = [", ".join(sorted(group)) for group in together.values() if len(group) > 1]
    if not groups:
        return []
    more = f" and {len(groups) - 1} more groups" if len(groups) > 1 else ""
    first = next(iter(pairs))
    return [
        f"people who share pictures of a cell stay together: {groups[0][:80]}{more}; see"
        f" {first.first[-60:]} and {first.second[-60:]}"
    ]


def remark_on_labels(data: CropSet, pairs: Sequence[NearDuplicate]) -> list[str]:
    """Say which near-duplicates have two labels: one of the labels is wrong.

    Returns
    -------
    list of str
        Empty where there are none.
    """
    of = dict(zip(data.names.tolist(), data.labels.tolist(), strict=True))
    both = [pair for pair in pairs if of[pair.first] != of[pair.second]]
    if not both:
        return []
    first = both[0]
    names = " and ".join(data.label_names[of[name]] for name in (first.first, first.second))
    return [
        f"{len(both)} pairs of crops show one cell with two labels, as {first.first[-60:]} and"
        f" {first.second[-60:]} ({names}); correct or remove them"
    ]


def like_pairs(crops: UInt8Image, background: str = ON_BLACK) -> list[tuple[int, int, float]]:
    """Find pairs of crops that are near-duplicates.

    Parameters
    ----------
    crops : ndarray of uint8, shape (n, height, width, 3)
    background : str
        What lies around the cells; a natural one is made black, so that cells are compared.

    Returns
    -------
    list of (int, int, float)
        Positions, the smaller first, and likeness; sorted.
    """
    views = np.empty((len(crops), _SIDE, _SIDE, 3), np.float32)
    with ThreadPoolExecutor() as pool:  # OpenCV releases the GIL
        for i, view in enumerate(pool.map(partial(_view, background=background), crops)):
            views[i] = view
    if len(views) < 2:
        return []
    found: list[tuple[int, int, float]] = []
    for first, second in _candidates(_hashes(views)):
        likeness = _likeness(views[first], views[second])
        like = likeness >= LIKE
        pairs = (each[like].tolist() for each in (first, second, likeness))
        found += zip(*pairs, strict=True)
    return sorted(found)


def _view(crop: UInt8Image, background: str) -> _Floats:
    """Texture of a cell, shape (32, 32, 3): in the middle, of one size, 0 outside, of norm 1."""
    if background != ON_BLACK:
        crop = crop * (statistics_and_foreground(crop, background)[1] > 0)[:, :, None]
    top = crop.max(axis=2)
    cell = np.minimum(top, _FULL).astype(np.float32) / _FULL
    cell[top <= BLACK] = 0
    moments = cv2.moments(cell)
    if moments["m00"] == 0:
        return np.zeros((_SIDE, _SIDE, 3), np.float32)
    x, y = moments["m10"] / moments["m00"], moments["m01"] / moments["m00"]
    step = 2 * _AROUND * (moments["m00"] / np.pi) ** 0.5 / _SIDE
    middle = step * (_SIDE - 1) / 2
    view = cv2.warpAffine(
        crop.astype(np.float32),
        np.array([[step, 0, x - middle], [0, step, y - middle]]),
        (_SIDE, _SIDE),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
    )
    view = np.asarray(cv2.GaussianBlur(view, (0, 0), _BLUR), np.float32)
    inside = view.max(axis=2) > 2 * BLACK
    if not inside.any():
        return np.zeros_like(view)
    view = (view - view[inside].mean(axis=0)) * inside[:, :, None]
    return np.asarray(_unit(view[None])[0], np.float32)


def _unit(images: _Floats) -> _Floats:
    """Bring images to norm 1, shape (n, ...); those that are flat to 0."""
    norms = np.sqrt(np.square(images).sum(axis=tuple(range(1, images.ndim)), keepdims=True))
    return np.asarray(np.where(norms > 1, images / np.maximum(norms, 1), 0), np.float32)


def _hashes(views: _Floats) -> _Floats:
    """Views brought to 8x8 grey levels, shape (n, 8, 8), norm 1."""
    by = _SIDE // _HASH
    means = views.reshape(-1, _HASH, by, _HASH, by, 3).mean(axis=(2, 4, 5))
    return _unit(means * 1e6)  # a view has norm 1: its means are small, not flat


def _turned(images: _Floats) -> Iterator[_Floats]:
    """Give images, shape (n, side, side, ...), in the 8 symmetries of the square."""
    for quarters in range(4):
        turned = np.rot90(images, quarters, axes=(1, 2))
        yield turned
        yield turned[:, :, ::-1]


def _candidates(hashes: _Floats) -> Iterator[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    """Give positions of pairs with like hashes, a bounded number at once."""
    n = len(hashes)
    flat = hashes.reshape(n, -1)
    turned = [np.ascontiguousarray(other).reshape(n, -1) for other in _turned(hashes)]
    for start in range(0, n, _ROWS):
        rows = flat[start : start + _ROWS]
        best = rows @ turned[0][start:].T
        for other in turned[1:]:
            np.maximum(best, rows @ other[start:].T, out=best)
        i, j = np.nonzero(best >= _LIKE_HASHES)
        i, j = i[j > i] + start, j[j > i] + start
        for at in range(0, len(i), _PAIRS):
            yield i[at : at + _PAIRS], j[at : at + _PAIRS]


def _likeness(one: _Floats, other: _Floats) -> _Floats:
    """Highest correlation of views, shape (k, 32, 32, 3), over the 8 symmetries: shape (k,)."""
    flat = one.reshape(len(one), -1)
    all_ways = [np.einsum("kp,kp->k", flat, way.reshape(flat.shape)) for way in _turned(other)]
    return np.asarray(np.max(all_ways, axis=0), np.float32)
