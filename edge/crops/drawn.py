"""Draw cells that look like C-NMC's: dark purple on black, nobody's image.

Used as samples to try edge-all on, as golden vectors and in tests. A drawn cell
has no label: nothing about it says healthy or leukemic. Colours and sizes are
those measured on C-NMC 2019 crops (diameter 146-249 of 450 pixels, mean RGB
about (68, 29, 78), standard deviation in a cell about 11 levels).
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge.crops.png import png_of
from edge.crops.preprocess import UInt8Image, to_crop
from edge.errors import OutputFailed

SIDE = 450
"""Side of a drawn crop in pixels, as in C-NMC."""

_MEAN_RGB = (68.0, 29.0, 78.0)
_TEXTURE_RGB = (1.0, 0.85, 0.8)  # how much each channel follows the texture

_Plane = npt.NDArray[np.float64]
_Box = tuple[slice, slice]


def draw_cell(seed: int) -> UInt8Image:
    """Draw one cell; the same seed gives the same cell.

    Shape runs from round to lobed and texture from smooth to grainy.

    Parameters
    ----------
    seed : int
        At least 0.

    Returns
    -------
    ndarray of uint8, shape (450, 450, 3)
        RGB, the cell on black.
    """
    random = np.random.default_rng([seed, 450])
    inside = _shape(random)
    seen = _box_around(inside)  # outside it all is black
    texture = _texture(random, seen)
    light = random.normal(1.0, 0.10)
    stain = random.normal(1.0, 0.05, 3)
    cell = np.zeros((SIDE, SIDE, 3), np.uint8)
    for channel, (mean, gain, tint) in enumerate(zip(_MEAN_RGB, _TEXTURE_RGB, stain, strict=True)):
        levels = (mean + gain * texture) * light * tint
        cell[(*seen, channel)] = np.clip(levels.round(), 1, 255) * inside[seen]
    return cell


@lru_cache(maxsize=1024)
def draw_crop(seed: int, side: int) -> UInt8Image:
    """Draw one cell as the crop a network sees, once: drawing takes longer than most networks.

    Parameters
    ----------
    seed, side : int

    Returns
    -------
    ndarray of uint8, shape (side, side, 3)
        Not to be written to.
    """
    crop = to_crop(draw_cell(seed), side)
    crop.setflags(write=False)
    return crop


def write_samples(folder: Path, n: int) -> list[Path]:
    """Draw `n` cells into PNG files ``cell-000.png`` and on; the folder is made.

    Raises
    ------
    OutputFailed
        If the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [_write(folder / f"cell-{seed:03d}.png", draw_cell(seed)) for seed in range(n)]
    except OSError as error:
        raise OutputFailed(f"cannot write samples to {folder}: {error.strerror}") from error


def _write(path: Path, rgb: UInt8Image) -> Path:
    path.write_bytes(png_of(rgb))
    return path


def _shape(random: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Mask of the cell: an ellipse, its outline waved, up to two notches in it."""
    middle = SIDE / 2 - random.normal(0, 6, 2)  # row and column
    tilt = random.uniform(0, np.pi)
    stretch = random.uniform(1.0, 1.12)
    radius = random.uniform(75, 125)
    lobed = random.uniform(0, 1) ** 3
    waves = []
    for wave in range(2, 9):
        size = (0.02 + 0.08 * lobed) / wave**0.5 * random.normal()
        waves.append((wave, size, random.uniform(0, 2 * np.pi)))
    notches = [
        (random.uniform(0, 2 * np.pi), random.uniform(0.2, 0.4))
        for _ in range(random.binomial(2, lobed))
    ]
    # no pixel farther out is inside, none nearer is outside: worked out are those between alone
    farthest = 1.001 * radius * np.prod([1 + abs(size) for _, size, _ in waves])
    nearest = 0.999 * radius * np.prod([1 - abs(size) for _, size, _ in waves])
    nearest *= np.prod([1 - depth for _, depth in notches])

    box = _box_of(middle, farthest * stretch)
    y, x = (np.arange(SIDE)[of] - at for of, at in zip(box, middle, strict=True))
    along = (x * np.cos(tilt) + y[:, None] * np.sin(tilt)) / stretch
    across = (y[:, None] * np.cos(tilt) - x * np.sin(tilt)) * stretch
    distance = np.hypot(along, across)
    between = (distance >= nearest) & (distance < farthest)
    angle = np.arctan2(across[between], along[between])
    inside = np.zeros((SIDE, SIDE), np.bool_)
    inside[box] = distance < nearest
    inside[box][between] = distance[between] < _outline(angle, radius, waves, notches)
    return inside


def _outline(
    angle: npt.NDArray[np.float64],
    radius: float,
    waves: list[tuple[int, float, float]],
    notches: list[tuple[float, float]],
) -> npt.NDArray[np.float64]:
    """How far the outline is from the middle at angles, shape (n,)."""
    outline = np.full_like(angle, radius)
    for wave, size, turn in waves:
        outline *= 1 + size * np.cos(wave * angle + turn)
    for turn, depth in notches:
        away = np.angle(np.exp(1j * (angle - turn)))
        outline *= 1 - depth * np.exp(-((away / 0.2) ** 2))
    return outline


def _box_of(middle: npt.NDArray[np.float64], reach: float) -> _Box:
    """Rows and columns that are no farther from the middle than `reach`, or hardly."""
    rows, columns = (
        slice(max(0, int(at - reach)), min(SIDE, int(at + reach) + 2)) for at in middle
    )
    return rows, columns


def _box_around(inside: npt.NDArray[np.bool_]) -> _Box:
    """Rows and columns from the first to the last that hold a pixel of the cell."""
    rows, columns = (np.flatnonzero(inside.any(axis=axis)) for axis in (1, 0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _texture(random: np.random.Generator, seen: _Box) -> _Plane:
    """Chromatin in grey levels: clouds, clumps and grain, mean 0, and a few nucleoli.

    It is drawn for the whole crop, so that it does not hang on the shape, and returned for the
    pixels that are seen.
    """
    # two planes are filled again and again: to get a new one takes longer than to fill it
    planes: _Plane = np.empty((2, SIDE, SIDE))
    grainy = random.uniform(0, 1)
    texture = 7 * _noise(random, 6, seen, planes)
    texture += (3 + 4 * grainy) * _noise(random, 24, seen, planes)
    texture += (1 + 4 * grainy) * _noise(random, 90, seen, planes)
    y, x = np.ogrid[seen]
    for _ in range(random.poisson(1.5)):
        at = SIDE / 2 + random.normal(0, 40, 2)
        size = random.uniform(6, 14)
        texture += 22 * np.exp(-((y - at[0]) ** 2 + (x - at[1]) ** 2) / size**2)
    texture += random.standard_normal(out=planes[0])[seen]
    return texture


def _noise(random: np.random.Generator, cells: int, seen: _Box, planes: _Plane) -> _Plane:
    """Smooth noise with about `cells` clumps across the crop, standard deviation about 1."""
    rows = _between(random.normal(size=(cells + 1, cells + 1)))
    noise = _between(rows.T, planes)
    off = np.subtract(noise, noise.mean(), out=planes[1])
    deviation = np.sqrt(np.multiply(off, off, out=off).mean())
    return np.asarray(noise.T[seen] / deviation)


def _between(knots: _Plane, planes: _Plane | tuple[None, None] = (None, None)) -> _Plane:
    """Spread rows of knots over SIDE pixels, with a cosine ease from one to the next.

    The result lies in the first of two planes where they are given; both are written to.
    """
    at = np.linspace(0, len(knots) - 1, SIDE, endpoint=False)
    below = at.astype(int)
    ease = (1 - np.cos(np.pi * (at - below)))[:, None] / 2
    spread, above = (
        np.take(knots, below + step, axis=0, out=plane, mode="clip")
        for step, plane in enumerate(planes)
    )
    spread *= 1 - ease
    above *= ease
    spread += above
    return np.asarray(spread)
