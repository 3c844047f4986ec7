"""Fields of a drawn smear: where its cells lie, what they are, and how a camera would see them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np

from edge.crops.preprocess import UInt8Image
from edge.samples import Box
from edge.sources.cameras.simulated import stain
from edge.sources.cameras.simulated.stain import Plane

RED_CELL_UM = 7.5
"""Diameter of a red cell in micrometres, mean."""

WHITE, RED, PLATELET, GHOST, DEBRIS = "white cell", "red cell", "platelet", "ghost", "debris"
"""What may lie in a field."""

BACKGROUND = (236.0, 232.0, 240.0)
"""Grey levels of a place where nothing is."""

_RED_CELLS = 0.0045  # a square micrometre: a thin part of a smear, where they hardly overlap
_WHITE_CELLS = 0.00025  # far more than in health, as a leukemic smear has
_TOUCHING = 0.15
_OUT_OF_FOCUS = 0.08
_OUT_OF_FOCUS_UM = (0.5, 1.2)  # sigma of the blur
_NUCLEUS_SHARE = (0.70, 0.88)  # of the cell's radius; of a lobed nucleus less of it is filled
_LOBED = 0.25


@dataclass(frozen=True)
class Thing:
    """Something that lies in a field.

    Attributes
    ----------
    kind : str
        :data:`WHITE`, :data:`RED`, :data:`PLATELET`, :data:`GHOST` or :data:`DEBRIS`.
    box : Box
        Around it, in pixels; cut off where the field ends.
    nucleus : Box or None
        Around the nucleus of a white cell.
    is_lobed : bool
        Whether the nucleus has several lobes.
    is_in_focus : bool
    is_touching : bool
        Whether it was put next to another white cell.
    is_cut_off : bool
        Whether it reaches beyond the field.
    """

    kind: str
    box: Box
    nucleus: Box | None = None
    is_lobed: bool = False
    is_in_focus: bool = True
    is_touching: bool = False
    is_cut_off: bool = False


@dataclass(frozen=True)
class Field:
    """A drawn field.

    Attributes
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        RGB, with even light, in focus and without noise.
    things : tuple of Thing
        What is in it.
    um_per_pixel : float
    """

    pixels: UInt8Image
    things: tuple[Thing, ...]
    um_per_pixel: float

    @property
    def white_cells(self) -> tuple[Thing, ...]:
        """Its white cells, those out of focus and cut off too."""
        return tuple(thing for thing in self.things if thing.kind == WHITE)


def draw_field(
    seed: int, number: int, width: int, height: int, um_per_pixel: float, white: int | None = None
) -> Field:
    """Draw a field; the same numbers give the same field.

    Parameters
    ----------
    seed, number : int
        Of the smear, and of the field on it.
    width, height : int
        In pixels.
    um_per_pixel : float
    white : int, optional
        White cells in it; by default as many as the smear happens to have there.

    Returns
    -------
    Field
    """
    canvas = _Canvas(np.random.default_rng([seed, number, 75]), width, height, um_per_pixel)
    canvas.put_all(white)
    return Field(canvas.pixels(), tuple(canvas.things), um_per_pixel)


class _Canvas:
    """A field while it is drawn: optical densities, and what was put where."""

    def __init__(
        self, random: np.random.Generator, width: int, height: int, um_per_pixel: float
    ) -> None:
        self.things: list[Thing] = []
        self._random = random
        self._width, self._height = width, height
        self._um = um_per_pixel
        self._density = np.zeros((height, width, 3), np.float32)
        self._discs: list[tuple[float, float, float]] = []  # x, y, radius of what may not overlap

    def put_all(self, white: int | None) -> None:
        random = self._random
        area = self._width * self._height * self._um**2
        number = random.poisson(_WHITE_CELLS * area) if white is None else white
        for place in self._places(number):
            self._put_white(*place)
        for _ in range(random.poisson(0.00004 * area)):
            self._put_ghost()
        for _ in range(random.poisson(_RED_CELLS * area)):
            self._put_red()
        for _ in range(random.poisson(0.0008 * area)):
            self._put_platelet()
        for _ in range(random.poisson(0.00006 * area)):
            self._put_debris()

    def pixels(self) -> UInt8Image:
        light = np.asarray(cv2.exp(np.negative(self._density, out=self._density)))
        light *= np.array(BACKGROUND, np.float32)
        return np.asarray(cv2.convertScaleAbs(light), np.uint8)  # which rounds

    def _places(self, number: int) -> Iterator[tuple[float, float, float, bool]]:
        """Middles and radii in pixels of white cells, and whether each touches the one before."""
        last: tuple[float, float, float] | None = None
        for _ in range(number):
            radius = self._random.uniform(4.6, 7.6) / self._um
            if last and self._random.random() < _TOUCHING:
                angle = self._random.uniform(0, 2 * math.pi)
                away = 0.96 * (last[2] + radius)
                x, y = last[0] + away * math.cos(angle), last[1] + away * math.sin(angle)
                if self._is_free(x, y, 0.9 * radius, but=last):
                    last = (x, y, radius)
                    self._discs.append(last)
                    yield x, y, radius, True
                    continue
            found = self._free_place(radius * 1.12)
            if found:
                last = (*found, radius)
                self._discs.append(last)
                yield *found, radius, False

    def _free_place(self, radius: float, tries: int = 20) -> tuple[float, float] | None:
        for _ in range(tries):
            x, y = self._anywhere()
            if self._is_free(x, y, radius):
                return x, y
        return None

    def _anywhere(self) -> tuple[float, float]:
        return self._random.uniform(0, self._width), self._random.uniform(0, self._height)

    def _is_free(
        self, x: float, y: float, radius: float, but: tuple[float, float, float] | None = None
    ) -> bool:
        return all(
            disc is but or math.hypot(x - disc[0], y - disc[1]) >= radius + disc[2]
            for disc in self._discs
        )

    def _put_white(self, x: float, y: float, radius: float, is_touching: bool) -> None:
        random = self._random
        side = 2 * math.ceil(1.6 * radius) + 1
        is_lobed = random.random() < _LOBED
        cell = stain.soft(stain.outline(random, side, radius, 0.04, random.uniform(1, 1.08)))
        share = random.uniform(*_NUCLEUS_SHARE)
        number = int(random.integers(2, 5)) if is_lobed else 1
        size = share * radius * (0.9 if is_lobed else 1.0)
        nucleus = np.minimum(stain.soft(stain.lobes(random, side, size, number)), cell)
        chromatin = 1 + 0.10 * stain.clouds(random, side, radius / 3)
        chromatin += 0.05 * stain.clouds(random, side, radius / 9)
        strength = random.normal(1, 0.06)
        layers = [
            (np.maximum(cell - nucleus, 0) * np.float32(strength), stain.CYTOPLASM),
            (nucleus * chromatin * np.float32(strength), stain.NUCLEUS),
        ]
        is_in_focus = random.random() >= _OUT_OF_FOCUS
        blur = 0.0 if is_in_focus else random.uniform(*_OUT_OF_FOCUS_UM) / self._um
        self._add(layers, x, y, blur)
        if is_touching:
            self._mark_last_white_touching()
        self._note(
            WHITE, cell, x, y, nucleus=nucleus,
            is_lobed=is_lobed, is_in_focus=is_in_focus, is_touching=is_touching,
        )  # fmt: skip

    def _mark_last_white_touching(self) -> None:
        if self.things and self.things[-1].kind == WHITE:
            self.things[-1] = replace(self.things[-1], is_touching=True)

    def _put_red(self) -> None:
        radius = self._random.normal(RED_CELL_UM, 0.35) / 2 / self._um
        place = self._free_place(0.92 * radius, tries=6)  # some touch, or are pressed a little
        if place is None:
            return
        self._discs.append((*place, 0.92 * radius))
        side = 2 * math.ceil(1.4 * radius) + 1
        share = stain.red_cell(self._random, side, radius)
        strength = np.float32(self._random.normal(1, 0.08))
        self._add([(share * strength, stain.RED_CELL)], *place)
        self._note(RED, share, *place)

    def _put_platelet(self) -> None:
        radius = self._random.uniform(0.9, 1.6) / self._um
        side = 2 * math.ceil(2 * radius) + 1
        share = stain.soft(stain.outline(self._random, side, radius, 0.2), 1.5)
        share *= np.float32(0.6) + np.float32(0.15) * stain.clouds(self._random, side, radius)
        place = self._anywhere()
        self._add([(np.clip(share, 0, 1), stain.PLATELET)], *place)
        self._note(PLATELET, share, *place)

    def _put_ghost(self) -> None:
        """A burst cell: pale, smeared, without an edge."""
        radius = self._random.uniform(6, 10) / self._um
        place = self._free_place(radius)
        if place is None:
            return
        self._discs.append((*place, radius))
        side = 2 * math.ceil(1.9 * radius) + 1
        share = stain.soft(stain.outline(self._random, side, radius, 0.12, 1.2), radius / 4)
        share *= np.float32(0.8) + np.float32(0.3) * stain.clouds(self._random, side, radius / 3)
        self._add([(np.clip(share, 0, 1), stain.GHOST)], *place)
        self._note(GHOST, share, *place)

    def _put_debris(self) -> None:
        radius = self._random.uniform(0.6, 2.5) / self._um
        side = 2 * math.ceil(2.2 * radius) + 1
        share = stain.soft(stain.outline(self._random, side, radius, 0.3, 1.4))
        place = self._anywhere()
        self._add([(share, stain.DIRT)], *place, blur=self._random.uniform(0, 0.3) / self._um)
        self._note(DEBRIS, share, *place)

    def _add(
        self,
        layers: list[tuple[Plane, tuple[float, float, float]]],
        x: float,
        y: float,
        blur: float = 0.0,
    ) -> None:
        """Add densities with their middle at a place."""
        patch = sum(share[:, :, None] * np.array(colour, np.float32) for share, colour in layers)
        assert isinstance(patch, np.ndarray)
        if blur:
            margin = math.ceil(3 * blur)
            patch = np.pad(patch, ((margin, margin), (margin, margin), (0, 0)))
            patch = np.asarray(cv2.GaussianBlur(patch, (0, 0), blur), np.float32)
        side = patch.shape[0]
        left, top = round(x) - side // 2, round(y) - side // 2
        x0, y0 = max(left, 0), max(top, 0)
        x1, y1 = min(left + side, self._width), min(top + side, self._height)
        if x0 < x1 and y0 < y1:
            self._density[y0:y1, x0:x1] += patch[y0 - top : y1 - top, x0 - left : x1 - left]

    def _note(
        self,
        kind: str,
        share: Plane,
        x: float,
        y: float,
        nucleus: Plane | None = None,
        **what: bool,
    ) -> None:
        """Note what was put where, if any of it is in the field."""
        whole = self._box_of(share, x, y)
        seen = self._in_field(whole)
        if seen is None:
            return
        core = None if nucleus is None else self._in_field(self._box_of(nucleus, x, y))
        self.things.append(Thing(kind, seen, core, is_cut_off=seen != whole, **what))

    def _box_of(self, share: Plane, x: float, y: float) -> Box:
        rows = np.flatnonzero((share >= 0.5 * min(1.0, float(share.max()))).any(axis=1))
        columns = np.flatnonzero((share >= 0.5 * min(1.0, float(share.max()))).any(axis=0))
        side = share.shape[0]
        return Box(
            round(x) - side // 2 + int(columns[0]),
            round(y) - side // 2 + int(rows[0]),
            int(columns[-1] - columns[0]) + 1,
            int(rows[-1] - rows[0]) + 1,
        )

    def _in_field(self, box: Box) -> Box | None:
        x0, y0 = max(box.x, 0), max(box.y, 0)
        x1, y1 = min(box.x + box.width, self._width), min(box.y + box.height, self._height)
        return Box(x0, y0, x1 - x0, y1 - y0) if x0 < x1 and y0 < y1 else None
