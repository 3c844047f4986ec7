"""Outlines of whole cells: around each nucleus the closed line that parts cell from the rest best.

Every cell is looked at along rays from its middle. Each place on a ray gets a number between -1
(outside) and 1 (inside); the outline is the closed line with the largest sum inside, and the
largest step on it, that moves by at most :data:`_BEND` places from ray to ray. It is found
exactly, by dynamic programming, for all cells of a field at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from edge.fields.illumination import Floats
from edge.fields.nuclei import STAIN, Nuclei
from edge.fields.numbered import points_of
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
    """Rays of all cells, from their middles."""

    centres: npt.NDArray[np.float64]
    lengths: npt.NDArray[np.float64]
    number: int
    places: int

    def sample(self, image: npt.NDArray[np.generic], nearest: bool = False) -> Floats:
        """Values along the rays; shape (cells, number, places) and that of a pixel."""
        angles = np.arange(self.number) * (2 * np.pi / self.number)
        radii = (np.arange(self.places) + 0.5) / self.places * self.lengths[:, None, None]
        x = self.centres[:, 0, None, None] + np.cos(angles)[None, :, None] * radii
        y = self.centres[:, 1, None, None] + np.sin(angles)[None, :, None] * radii
        how = cv2.INTER_NEAREST if nearest else cv2.INTER_LINEAR
        maps = (each.reshape(-1, self.places).astype(np.float32) for each in (x, y))
        found = cv2.remap(image, *maps, how, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
        return np.asarray(found.reshape(*x.shape, *image.shape[2:]))

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
    points = points_of(nuclei.labels, nuclei.count)[1:]
    centres = np.array([each.mean(axis=0) for each in points])
    radii = np.sqrt([len(each) / np.pi for each in points])
    furthest = np.array(
        [np.hypot(*(each - centre).T).max() for each, centre in zip(points, centres, strict=True)]
    )
    # number of the nearest nucleus, below 0 beside it: one image to look up in place of two
    signed = np.where(nuclei.labels > 0, nuclei.nearest, -nuclei.nearest).astype(np.float32)
    outline = np.empty(0, np.float32)
    # the first time roughly: for the middle of the cell, which is not that of its nucleus
    for number, along in ((RAYS // 2, PLACES // 2), (RAYS, PLACES)):
        lengths = np.maximum(parameters.reach * radii, 1.35 * furthest)
        rays = _Rays(centres, lengths, number, along)
        places = _outline_along(rays, density, signed, red, radii, parameters)
        outline = rays.points(places)
        centres, area = _middles(outline)
        radii = np.maximum(radii, 0.6 * np.sqrt(area / np.pi))
        furthest = np.hypot(*np.moveaxis(outline - centres[:, None], -1, 0)).max(axis=1)
    return Outlines(outline)


def _outline_along(
    rays: _Rays,
    density: Floats,
    signed: Floats,
    red: RedCells | None,
    radii: npt.NDArray[np.float64],
    parameters: Parameters,
) -> npt.NDArray[np.intp]:
    """Place on each ray at which the outline lies; shape (cells, RAYS).

    `signed` has the number of the nearest nucleus, below 0 where it is beside it.
    """
    colours = rays.sample(density)
    stain = colours @ np.array(STAIN, np.float32)
    every = np.arange(1, len(radii) + 1, dtype=np.float32)[:, None, None]
    nearest = rays.sample(signed, nearest=True)
    own = nearest == every
    foreign = np.abs(nearest) != every
    place = np.arange(rays.places)
    last = np.where(own.any(axis=2), rays.places - 1 - own[..., ::-1].argmax(axis=2), 0)[..., None]
    in_places = (radii / rays.lengths * rays.places)[:, None, None]
    gap = np.maximum(1, np.floor(_GAP * in_places))
    width = np.maximum(2, np.floor(_RING * in_places))
    ring = (place > last + gap) & (place <= last + gap + width)
    ring &= (stain > _EMPTY) & ~foreign
    cytoplasm = _levels(stain, ring)
    level = np.maximum(parameters.faintest, parameters.level * cytoplasm)[:, None, None]
    inside = np.clip((stain / level - 1) * _SURE, -1, 1)
    if red is not None:
        unlike = _unlike_red(colours, ring & (stain > level), own, cytoplasm, red)
        inside = np.where(stain > level, np.minimum(inside, unlike), inside)
    inside[foreign] = -1
    inside[own] = 1
    step = np.zeros_like(inside)
    step[..., 2:-2] = np.maximum(inside[..., :-4] - inside[..., 4:], 0)
    cost = -(np.cumsum(inside, axis=2) + parameters.edge * step)
    cost[np.broadcast_to(place < last, cost.shape)] = _FORBIDDEN
    return closed_path(cost.astype(np.float32))


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
    nucleus = _Colours.of(colours, nucleus_at)
    cell, ray, place = np.nonzero(cytoplasm_at)
    cytoplasm_at = np.zeros_like(cytoplasm_at)
    if len(cell):
        other = red.distance(colours[cell, ray, place][None])[0] > red.reach
        cytoplasm_at[cell[other], ray[other], place[other]] = True
    seen = _Colours.of(colours, cytoplasm_at)
    middle = _medians(colours, cytoplasm_at)
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
    cells, first = np.arange(len(colours)), told.argmax(axis=1)
    way = (along[cells, first] / apart[cells, first, None]).astype(np.float32)
    start = ((tried[cells, first] + red.mean) / 2 * way).sum(axis=1) - _FOR_CELL
    score = (colours @ way[:, None, :, None])[..., 0] - start[:, None, None]
    is_darker = float(red.mean @ weights) > 0.6 * cytoplasm
    applies = (told.any(axis=1) & is_darker)[:, None, None]
    return np.asarray(np.where(applies, np.clip(score, -1, 1), 1), np.float32)


def _medians(colours: Floats, where: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Median colour of places of each cell; 0 where there are none."""
    found = np.zeros((len(colours), 3))
    for cell, (values, inside) in enumerate(zip(colours, where, strict=True)):
        chosen = values[inside]
        if len(chosen):
            found[cell] = np.partition(chosen, len(chosen) // 2, axis=0)[len(chosen) // 2]
    return found


@dataclass(frozen=True)
class _Colours:
    """Mean and covariance of the colours of places of each cell."""

    count: npt.NDArray[np.intp]
    mean: npt.NDArray[np.float64]
    covariance: npt.NDArray[np.float64]

    @classmethod
    def of(cls, colours: Floats, where: npt.NDArray[np.bool_]) -> _Colours:
        cells = len(colours)
        inside = where.reshape(cells, 1, -1).astype(np.float32)
        values = colours.reshape(cells, -1, 3)
        count = inside.sum(axis=(1, 2)).astype(np.intp)
        over = np.maximum(count, 1)[:, None, None]
        chosen = values * inside.transpose(0, 2, 1)
        mean = inside @ values / over
        covariance = chosen.transpose(0, 2, 1) @ values / over - mean.transpose(0, 2, 1) * mean
        return cls(count, mean[:, 0].astype(np.float64), covariance.astype(np.float64))


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
    steps = range(2 * _BEND + 1)
    for turn in range(1, 2 * rays):
        before, now = sums[turn - 1], sums[turn, :, _BEND:-_BEND]
        np.copyto(now, before[:, :places])
        for step in steps[1:]:
            np.minimum(now, before[:, step : step + places], out=now)
        now += cost[:, turn % rays]
    at = sums[-1, :, _BEND:-_BEND].argmin(axis=1)
    every = np.arange(cells)
    path = np.zeros((cells, 2 * rays), np.intp)
    for turn in range(2 * rays - 1, 0, -1):
        path[:, turn] = at
        near = sums[turn - 1][every[:, None], at[:, None] + np.arange(2 * _BEND + 1)]
        at = at + near.argmin(axis=1) - _BEND
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
