"""Things on a stained smear, drawn as what they take away of the light.

Colours add as optical densities, the negative logarithm of the transmitted share (Beer-Lambert), so
that things that lie on one another look as they do in a microscope. The densities of red cells and
nuclei are about the middle ones of a public set of stained smears, measured with
:mod:`edge.fields`; the others are by eye: bluish cytoplasm, pale background. No picture of a real
cell was used.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.float32]

# optical densities of red, green and blue
RED_CELL = (0.16, 0.40, 0.26)
NUCLEUS = (0.91, 1.55, 0.38)
CYTOPLASM = (0.42, 0.36, 0.10)
PLATELET = (0.45, 0.80, 0.22)
GHOST = (0.26, 0.44, 0.12)
DIRT = (1.1, 1.2, 1.3)

_WAVES = range(2, 8)
_STEPS = 720  # of a turn, in which an edge is drawn


def outline(
    random: np.random.Generator, side: int, radius: float, wave: float, stretch: float = 1.0
) -> Plane:
    """Signed distance, about, from a waved ellipse in the middle of a square.

    Parameters
    ----------
    random : Generator
    side : int
        Of the square, in pixels.
    radius : float
        Mean one of the ellipse, in pixels.
    wave : float
        How uneven its edge is: 0 for an ellipse, 0.1 for a lobed thing.
    stretch : float
        Its longer half axis over the mean one.

    Returns
    -------
    ndarray of float32, shape (side, side)
        Pixels to the edge, below 0 inside.
    """
    y, x = np.mgrid[:side, :side].astype(np.float32) - (side - 1) / 2
    tilt = random.uniform(0, np.pi)
    along = (x * np.cos(tilt) + y * np.sin(tilt)) / stretch
    across = (y * np.cos(tilt) - x * np.sin(tilt)) * stretch
    away, angle = cv2.cartToPolar(along, across)
    turns = np.linspace(0, 2 * np.pi, _STEPS, endpoint=False)
    edge = np.full(_STEPS, radius)
    for n in _WAVES:
        size = wave * radius / n * random.normal()
        edge += size * np.cos(n * turns + random.uniform(0, 2 * np.pi))
    step = (angle * (_STEPS / (2 * np.pi))).astype(np.int32) % _STEPS
    return np.asarray(away - edge.astype(np.float32)[step], np.float32)


def soft(distance: Plane, blur: float = 0.8) -> Plane:
    """Share of each pixel that lies inside, with an edge of about `blur` pixels."""
    return np.asarray(np.clip(0.5 - distance / (2 * blur), 0, 1), np.float32)


def clouds(random: np.random.Generator, side: int, grain: float) -> Plane:
    """Smooth noise of mean 0 and standard deviation 1, with clumps of about `grain` pixels."""
    coarse = max(3, round(side / grain))
    knots = random.normal(size=(coarse, coarse)).astype(np.float32)
    found = cv2.resize(knots, (side, side), interpolation=cv2.INTER_CUBIC)
    return np.asarray((found - found.mean()) / found.std(), np.float32)


def red_cell(random: np.random.Generator, side: int, radius: float) -> Plane:
    """Share of a red cell's colour: a disc, paler in its middle."""
    distance = outline(random, side, radius, 0.05, random.uniform(1.0, 1.1))
    pallor = np.exp(-(((distance + radius) / (0.45 * radius)) ** 2))
    return np.asarray(soft(distance, 1.5) * (1 - random.uniform(0.35, 0.65) * pallor), np.float32)


def lobes(random: np.random.Generator, side: int, radius: float, number: int) -> Plane:
    """Signed distance from a nucleus of several lobes that hang together."""
    if number == 1:
        return outline(random, side, radius, 0.06, random.uniform(1.0, 1.12))
    turn = random.uniform(0, 2 * np.pi)
    found = np.full((side, side), np.inf, np.float32)
    for n in range(number):
        angle = turn + n * random.uniform(1.3, 1.7)
        away = 0.62 * radius
        lobe = outline(random, side, 0.62 * radius, 0.06, random.uniform(1.0, 1.25))
        shift = np.array([[1, 0, away * np.cos(angle)], [0, 1, away * np.sin(angle)]])
        moved = cv2.warpAffine(lobe, shift, (side, side), borderValue=float(side))
        found = np.minimum(found, np.asarray(moved, np.float32))
    return found
