"""Draw fields of a stained smear: nobody's, with what is in them known.

Used as samples to try edge-all on, in tests and to measure speed. Colours are about those of a
Giemsa smear; no drawn cell has a label.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from edge.crops.preprocess import UInt8Image
from edge.fields.cells import filled_outline
from edge.samples import Box

_EMPTY = (244, 236, 226)
_RED, _PALLOR = (214, 160, 158), (236, 212, 206)
_CYTOPLASM, _NUCLEUS, _PLATELET = (186, 172, 214), (104, 50, 140), (140, 84, 170)
_SUBPIXEL = 4  # bits
_RED_SHARE = 0.5  # diameter of a red cell in that of a white one: 7.5 um and about 15

Points = npt.NDArray[np.float64]


@dataclass(frozen=True)
class DrawnField:
    """A field, and where its white cells are.

    Attributes
    ----------
    rgb : ndarray of uint8, shape (height, width, 3)
    boxes : tuple of Box
        Around each white cell that lies in the field as a whole.
    outlines : tuple of ndarray of float64, shape (n, 2)
        x and y, in the same order.
    """

    rgb: UInt8Image
    boxes: tuple[Box, ...]
    outlines: tuple[Points, ...]

    def mask(self, cell: int) -> npt.NDArray[np.bool_]:
        """Where in its box a cell is."""
        return filled_outline(self.outlines[cell].astype(np.float32), self.boxes[cell])


def draw_field(
    seed: int,
    width: int = 640,
    height: int = 480,
    cells: int = 8,
    diameter: float = 60,
    platelets: int = 5,
    touching: bool = False,
) -> DrawnField:
    """Draw a field; the same arguments give the same field.

    Parameters
    ----------
    seed : int
    width, height : int
        Pixels.
    cells : int
        White cells that lie in it as a whole; fewer where there is no room.
    diameter : float
        Of a white cell, in pixels, on average.
    platelets : int
    touching : bool
        Whether white cells lie in pairs that touch.
    """
    random = np.random.default_rng([seed, width, height])
    canvas = np.full((height, width, 3), _EMPTY, np.float32)
    placed = _places(random, width, height, cells, diameter, touching)
    _draw_red_cells(random, canvas, placed, diameter)
    outlines = []
    for x, y, radius in placed:
        outlines.append(_blob(random, x, y, radius, 0.02))
        _fill(canvas, outlines[-1], _CYTOPLASM, random)
        for lobe in _nucleus(random, x, y, radius):
            _fill(canvas, lobe, _NUCLEUS, random)
    for _ in range(platelets):
        at = random.uniform(0, width), random.uniform(0, height)
        if all(np.hypot(at[0] - x, at[1] - y) > radius * 1.3 for x, y, radius in placed):
            _fill(canvas, _blob(random, *at, diameter * 0.07, 0.1), _PLATELET, random)
    rgb = cv2.GaussianBlur(canvas, (0, 0), 1.0)
    rgb += random.normal(0, 2, (height, width, 1)).astype(np.float32)
    boxes = tuple(_box_of(outline) for outline in outlines)
    return DrawnField(np.clip(rgb.round(), 0, 255).astype(np.uint8), boxes, tuple(outlines))


def _places(
    random: np.random.Generator,
    width: int,
    height: int,
    cells: int,
    diameter: float,
    touching: bool,
) -> list[tuple[float, float, float]]:
    """Middle and radius of each white cell: none over another, none over the edge."""
    found: list[tuple[float, float, float]] = []
    for _ in range(200 * cells):
        if len(found) >= cells:
            break
        radius = diameter / 2 * random.uniform(0.8, 1.2)
        room = radius * 1.2 + 3
        if touching and len(found) % 2:
            x, y, other = found[-1]
            angle, apart = random.uniform(0, 2 * np.pi), 0.97 * (radius + other)
            x, y, others = x + apart * np.cos(angle), y + apart * np.sin(angle), found[:-1]
        else:
            x, y, others = random.uniform(0, width), random.uniform(0, height), found
        if not (room < x < width - room and room < y < height - room):
            continue
        if all(np.hypot(x - a, y - b) > 1.25 * (radius + c) for a, b, c in others):
            found.append((x, y, radius))
    return found


def _draw_red_cells(
    random: np.random.Generator,
    canvas: npt.NDArray[np.float32],
    placed: list[tuple[float, float, float]],
    diameter: float,
) -> None:
    height, width = canvas.shape[:2]
    radius = diameter * _RED_SHARE / 2
    white = np.array(placed).reshape(-1, 3)
    for _ in range(int(0.25 * width * height / (np.pi * radius**2))):
        x, y = random.uniform(0, width), random.uniform(0, height)
        if (np.hypot(white[:, 0] - x, white[:, 1] - y) > white[:, 2] + 0.8 * radius).all():
            _fill(canvas, _blob(random, x, y, radius, 0.03), _RED, random)
            _fill(canvas, _blob(random, x, y, radius * 0.4, 0.03), _PALLOR, random)


def _nucleus(random: np.random.Generator, x: float, y: float, radius: float) -> list[Points]:
    """A round nucleus, or three or four lobes in a row that is bent."""
    if random.uniform() < 0.7:
        off = random.uniform(-0.12, 0.12, 2) * radius
        return [_blob(random, x + off[0], y + off[1], radius * random.uniform(0.65, 0.8), 0.03)]
    lobes, start = int(random.integers(3, 5)), random.uniform(0, 2 * np.pi)
    angles = start + np.arange(lobes) * 1.25
    return [
        _blob(random, x + 0.42 * radius * c, y + 0.42 * radius * s, radius * 0.3, 0.05)
        for c, s in zip(np.cos(angles), np.sin(angles), strict=True)
    ]


def _blob(random: np.random.Generator, x: float, y: float, radius: float, wave: float) -> Points:
    """Outline of something nearly round."""
    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    radii = np.full_like(angle, radius)
    for number in range(2, 5):
        radii *= 1 + wave * random.normal() * np.cos(number * angle + random.uniform(0, 6))
    return np.stack((x + radii * np.cos(angle), y + radii * np.sin(angle)), axis=1)


def _fill(
    canvas: npt.NDArray[np.float32],
    outline: Points,
    colour: tuple[int, int, int],
    random: np.random.Generator,
) -> None:
    shade = np.clip(np.array(colour) * random.normal(1, 0.02), 0, 255).tolist()
    points = np.rint(outline * 2**_SUBPIXEL).astype(np.int32)
    cv2.fillPoly(canvas, [points], shade, cv2.LINE_AA, _SUBPIXEL)


def _box_of(outline: Points) -> Box:
    x, y = np.floor(outline.min(axis=0)).astype(int).tolist()
    right, bottom = np.ceil(outline.max(axis=0)).astype(int).tolist()
    return Box(x, y, right - x + 1, bottom - y + 1)
