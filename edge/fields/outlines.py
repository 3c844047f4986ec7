"""Outlines of whole cells: around each nucleus the closed line that parts cell from the rest best.

Every cell is looked at along rays from its middle. Each place on a ray gets a number between -1
(outside) and 1 (inside); the outline is the closed line with the largest sum inside, and the
largest step on it, that moves by at most :data:`_BEND` places from ray to ray. It is found
exactly, by dynamic programming, for all cells of a field at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations_with_replacement, pairwise

import cv2
import numpy as np
import numpy.typing as npt

from edge.fields.illumination import Floats
from edge.fields.nuclei import STAIN, Nuclei
from edge.fields.parameters import Parameters
from edge.fields.red_cells import RedCells

RAYS, PLACES = 64, 56
"""Rays of a cell, and places on a ray."""

_BEND = 2
_GAP, _RING = (
    0.12,
    0.3,
)  # radii of a nucleus: where its blur ends, and how wide cytoplasm is at least
_EMPTY = 0.02  # density that an empty place may have
_SURE = 2.0  # so much steeper is the number of a place than its density over the level
_UNLIKE = 1.2  # spreads between cytoplasm and red cells from which they are told apart
_FOR_CELL = 0.4  # on the boundary between the two a pixel of the cell is a mixture
_WIDEST = 2.0  # of cytoplasm's spread, against that of red cells
_PALE_CYTOPLASM = 0.04  # density, where there is no place to look at
_FEW = 20  # places that say nothing
_TYPICAL = 0.45  # quantile: the blur of the nucleus and granules make a mean too dark
_FORBIDDEN = 1e6
_AT_ONCE = 24  # cells


@dataclass(frozen=True)
class Outlines:
    """Outlines of the cells of a field, in the order of the numbers of their nuclei.

    Attributes
    ----------
    points : ndarray of float32, shape (cells, RAYS, 2)
        x and y.
    """

    points: Floats


@dataclass
class _Rays:
    """Rays of cells, from their middles.

    Attributes
    ----------
    numbers : ndarray of float32, shape (cells,)
        Of the nuclei, from 1.
    centres : ndarray of float64, shape (cells, 2)
    radii, lengths : ndarray of float64, shape (cells,)
        Of a nucleus, and of the rays.
    number, places : int
        Rays of a cell, and places on a ray.
    """

    numbers: Floats
    centres: npt.NDArray[np.float64]
    radii: npt.NDArray[np.float64]
    lengths: npt.NDArray[np.float64]
    number: int
    places: int

    def of_some(self) -> Iterator[_Rays]:
        """Rays of some cells at a time: few enough for what is computed to stay in the cache."""
        for start in range(0, len(self.numbers), _AT_ONCE):
            some = slice(start, start + _AT_ONCE)
            yield replace(
                self,
                numbers=self.numbers[some],
                centres=self.centres[some],
                radii=self.radii[some],
                lengths=self.lengths[some],
            )

    @cached_property
    def where(self) -> tuple[Floats, Floats]:
        """Coordinates x and y of all places; shape (cells * number, places)."""
        angles = np.arange(self.number) * (2 * np.pi / self.number)
        radii = (np.arange(self.places, dtype=np.float32) + 0.5) / np.float32(self.places)
        ways = (np.cos(angles), np.sin(angles))
        x, y = (
            (self.lengths[:, None] * way).astype(np.float32)[..., None] * radii
            + self.centres[:, axis, None, None].astype(np.float32)
            for axis, way in enumerate(ways)
        )
        return x.reshape(-1, self.places), y.reshape(-1, self.places)

    def sample(self, image: Floats, nearest: bool = False) -> Floats:
        """Values along the rays; shape (channels, cells, number, places).

        A channel at a time lies in one piece, and is gone through several times faster.
        """
        how = cv2.INTER_NEAREST if nearest else cv2.INTER_LINEAR
        found = cv2.remap(image, *self.where, how, borderMode=cv2.BORDER_REPLICATE)
        planes = np.array(cv2.split(found), np.float32)
        return planes.reshape(-1, len(self.centres), self.number, self.places)

    def points(self, places: npt.NDArray[np.intp]) -> Floats:
        """Points (x, y) half a pixel within the ends of places; shape (cells, number, 2)."""
        angles = np.arange(self.number) * (2 * np.pi / self.number)
        radii = (places + 1) / self.places * self.lengths[:, None] - 0.5
        way = np.stack((np.cos(angles), np.sin(angles)), axis=-1)
        return np.asarray(self.centres[:, None] + radii[..., None] * way, np.float32)


def find_outlines(
    density: Floats, nuclei: Nuclei, red: RedCells | None, parameters: Parameters
) -> Outlines:
    """Find the outline of the cell around each nucleus.

    Parameters
    ----------
    density : ndarray of float32, shape (height, width, 3)
    nuclei : Nuclei
        At least one.
    red : RedCells or None
    parameters : Parameters
    """
    pieces = nuclei.pieces
    centres, radii = pieces.centres, np.sqrt(pieces.areas / np.pi)
    furthest = np.array(
        [
            np.hypot(*(hull - centre).T).max()
            for hull, centre in zip(pieces.hulls, centres, strict=True)
        ]
    )
    # number of the nearest nucleus, below 0 beside it: one image to look up in place of two
    signed = nuclei.nearest.astype(np.float32)
    np.negative(signed, out=signed, where=pieces.labels == 0)
    outline = np.empty(0, np.float32)
    numbers = np.arange(1, pieces.count + 1, dtype=np.float32)
    # the first time roughly: for the middle of the cell, which is not that of its nucleus
    for number, along in ((RAYS // 2, PLACES // 2), (RAYS, PLACES)):
        lengths = np.maximum(parameters.reach * radii, 1.35 * furthest)
        rays = _Rays(numbers, centres, radii, lengths, number, along)
        costs = [_costs_along(some, density, signed, red, parameters) for some in rays.of_some()]
        outline = rays.points(closed_path(np.concatenate(costs)))
        centres, area = _middles(outline)
        radii = np.maximum(radii, 0.6 * np.sqrt(area / np.pi))
        furthest = np.hypot(*np.moveaxis(outline - centres[:, None], -1, 0)).max(axis=1)
    return Outlines(outline)


def _costs_along(
    rays: _Rays, density: Floats, signed: Floats, red: RedCells | None, parameters: Parameters
) -> Floats:
    """What an outline at each place of each ray costs; shape (cells, number, places).

    `signed` has the number of the nearest nucleus, below 0 where it is beside it.
    """
    colours = rays.sample(density)
    stain = _along(colours, np.array(STAIN, np.float32)[:, None])
    nearest = rays.sample(signed, nearest=True)[0]
    own = nearest == rays.numbers[:, None, None]
    foreign = np.abs(nearest) != rays.numbers[:, None, None]
    place = np.arange(rays.places, dtype=np.int16)
    last = np.where(own.any(axis=2), rays.places - 1 - own[..., ::-1].argmax(axis=2), 0)
    last = last.astype(np.int16)[..., None]
    in_places = (rays.radii / rays.lengths * rays.places)[:, None, None]
    start = last + np.maximum(1, np.floor(_GAP * in_places)).astype(np.int16)
    end = start + np.maximum(2, np.floor(_RING * in_places)).astype(np.int16)
    ring = (place > start) & (place <= end) & (stain > _EMPTY) & ~foreign
    cytoplasm = _levels(stain, ring)
    level = np.maximum(parameters.faintest, parameters.level * cytoplasm)[:, None, None]
    inside = np.clip((stain / level - 1) * np.float32(_SURE), -1, 1)
    darker = stain > level
    if red is not None:
        unlike = _unlike_red(colours, ring & darker, own, cytoplasm, red)
        np.minimum(inside, unlike, out=inside, where=darker)
    inside[foreign] = -1
    inside[own] = 1
    cost = np.cumsum(inside, axis=2)
    step = np.maximum(inside[..., :-4] - inside[..., 4:], 0)
    cost[..., 2:-2] += np.float32(parameters.edge) * step
    np.negative(cost, out=cost)
    np.copyto(cost, np.float32(_FORBIDDEN), where=place < last)
    return cost


def _along(planes: Floats, way: Floats) -> Floats:
    """Colours, shape (3, cells, rays, places), times a way of each cell, shape (3, cells or 1)."""
    red, green, blue = (plane * way[at, :, None, None] for at, plane in enumerate(planes))
    return np.asarray(red + green + blue, np.float32)


def _levels(stain: Floats, where: npt.NDArray[np.bool_]) -> Floats:
    """Density of the cytoplasm of each cell; shape (cells,)."""
    found = np.full(len(stain), _PALE_CYTOPLASM, np.float32)
    for cell, (values, inside) in enumerate(zip(stain, where, strict=True)):
        chosen = values[inside]
        if len(chosen) > _FEW:
            at = int(_TYPICAL * len(chosen))
            found[cell] = np.partition(chosen, at)[at]
    return found


def _unlike_red(
    colours: Floats,
    cytoplasm_at: npt.NDArray[np.bool_],
    nucleus_at: npt.NDArray[np.bool_],
    cytoplasm: Floats,
    red: RedCells,
) -> Floats:
    """How much more a place is like cytoplasm than like red cells, in spreads; -1..1.

    A cell among red cells has little cytoplasm, and what lies around its nucleus is mostly red:
    its cytoplasm is then taken to have the colour of the nucleus, only paler.
    """
    weights = np.array(STAIN)
    nucleus = _Colours.of(_Points.where(nucleus_at, colours))
    around = _Points.where(cytoplasm_at, colours)
    if around.values.size:
        around = around.some(red.distance(around.values.T.copy()[None])[0] > red.reach)
    seen = _Colours.of(around)
    middle = _medians(around)
    enough = seen.count > _FEW
    paler = (cytoplasm / np.maximum(nucleus.mean @ weights, 0.01))[:, None]
    tried = np.stack(
        (
            np.where(enough[:, None], middle, nucleus.mean),
            nucleus.mean * paler,
            nucleus.mean * np.minimum(1.5 * paler, 1),
        ),
        axis=1,
    )
    spread = np.where(enough[:, None, None], seen.covariance, nucleus.covariance)
    ratio = np.trace(red.covariance) / np.maximum(np.trace(spread, axis1=1, axis2=2), 1e-9)
    spread = spread * np.minimum(1, ratio * _WIDEST)[:, None, None]
    pooled = (red.covariance + spread) / 2 + 2e-4 * np.eye(3) + red.paler_and_darker
    along = np.linalg.solve(pooled[:, None], (tried - red.mean)[..., None])[..., 0]
    apart = np.sqrt(np.maximum(((tried - red.mean) * along).sum(axis=2), 1e-12))
    told = apart > _UNLIKE
    cells, first = np.arange(len(cytoplasm)), told.argmax(axis=1)
    way = (along[cells, first] / apart[cells, first, None]).astype(np.float32)
    start = ((tried[cells, first] + red.mean) / 2 * way).sum(axis=1) - _FOR_CELL
    score = _along(colours, way.T) - start[:, None, None].astype(np.float32)
    is_darker = float(red.mean @ weights) > 0.6 * cytoplasm
    applies = (told.any(axis=1) & is_darker)[:, None, None]
    return np.asarray(np.where(applies, np.clip(score, -1, 1), 1), np.float32)


@dataclass(frozen=True)
class _Points:
    """Some places of cells, those of one cell after those of another.

    Attributes
    ----------
    ends : ndarray of intp, shape (cells + 1,)
        Where those of a cell start, and those of the cell before it end.
    values : ndarray of float32, shape (3, n)
        Colour of each place.
    """

    ends: npt.NDArray[np.intp]
    values: Floats

    @classmethod
    def where(cls, chosen: npt.NDArray[np.bool_], colours: Floats) -> _Points:
        at = np.flatnonzero(chosen)
        ends = np.searchsorted(at, np.arange(len(chosen) + 1) * chosen[0].size)
        return cls(ends, colours.reshape(3, -1).take(at, axis=1))

    def some(self, chosen: npt.NDArray[np.bool_]) -> _Points:
        before = np.concatenate(([0], np.cumsum(chosen)))
        return _Points(before[self.ends], self.values[:, chosen])


def _medians(points: _Points) -> npt.NDArray[np.float64]:
    """Median colour of places of each cell; 0 where there are none."""
    found = np.zeros((len(points.ends) - 1, 3))
    for cell, (start, end) in enumerate(pairwise(points.ends.tolist())):
        if end > start:
            middle = (end - start) // 2
            found[cell] = np.partition(points.values[:, start:end], middle, axis=1)[:, middle]
    return found


@dataclass(frozen=True)
class _Colours:
    """Mean and covariance of the colours of places of each cell; 0 where there are none."""

    count: npt.NDArray[np.intp]
    mean: npt.NDArray[np.float64]
    covariance: npt.NDArray[np.float64]

    @classmethod
    def of(cls, points: _Points) -> _Colours:
        count = np.diff(points.ends)
        pairs = list(combinations_with_replacement(range(3), 2))
        summed = np.empty((3 + len(pairs), points.values.shape[1]))
        summed[:3] = points.values
        for at, (one, other) in enumerate(pairs, 3):
            np.multiply(summed[one], summed[other], out=summed[at])
        means = np.zeros((len(count), len(summed)))
        some = count > 0
        if some.any():
            sums = np.add.reduceat(summed, points.ends[:-1][some], axis=1)
            means[some] = sums.T / count[some, None]
        mean = means[:, :3]
        covariance = np.empty((len(count), 3, 3))
        for (one, other), products in zip(pairs, means[:, 3:].T, strict=True):
            covariance[:, one, other] = products - mean[:, one] * mean[:, other]
            covariance[:, other, one] = covariance[:, one, other]
        return cls(count, mean, covariance)


def closed_path(cost: Floats) -> npt.NDArray[np.intp]:
    """Cheapest closed line over the rays of each cell.

    Parameters
    ----------
    cost : ndarray of float32, shape (cells, rays, places)

    Returns
    -------
    ndarray of intp, shape (cells, rays)
        Place on each ray; neighbours differ by at most :data:`_BEND`. The rays are gone round
        twice, and the middle is taken: there the start is forgotten.
    """
    cells, rays, places = cost.shape
    sums = np.full((2 * rays, cells, places + 2 * _BEND), np.inf, np.float32)
    sums[0, :, _BEND:-_BEND] = cost[:, 0]
    near = np.ones((1, 2 * _BEND + 1), np.uint8)
    for turn in range(1, 2 * rays):
        cheapest = cv2.erode(sums[turn - 1], near)[:, _BEND:-_BEND]
        np.add(cheapest, cost[:, turn % rays], out=sums[turn, :, _BEND:-_BEND])
    at = sums[-1, :, _BEND:-_BEND].argmin(axis=1)
    every, around = np.arange(cells)[:, None], np.arange(2 * _BEND + 1)
    path = np.zeros((cells, 2 * rays), np.intp)
    for turn in range(2 * rays - 1, 0, -1):
        path[:, turn] = at
        before = sums[turn - 1][every, at[:, None] + around]
        at = at + before.argmin(axis=1) - _BEND
    path[:, 0] = at
    half = rays // 2
    return np.roll(path[:, half : half + rays], half, axis=1)


def _middles(outline: Floats) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Centre of gravity and area of polygons; shapes (cells, 2) and (cells,)."""
    start = outline.mean(axis=1, keepdims=True, dtype=np.float64)
    here = outline - start
    following = np.roll(here, -1, axis=1)
    cross = here[..., 0] * following[..., 1] - following[..., 0] * here[..., 1]
    area = np.maximum(np.abs(cross.sum(axis=1)) / 2, 1e-6)
    middle = ((here + following) * cross[..., None]).sum(axis=1) / (6 * area[:, None])
    return start[:, 0] + middle, area
