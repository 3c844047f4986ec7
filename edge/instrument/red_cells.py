"""Red cells as a check of a scale: they are about 7.5 um wide in everybody.

An alarm only: no scale is made of it, as the width on a smear depends on the place and the fixing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from edge.crops.preprocess import UInt8Image

USUAL_UM = (6.0, 9.0)
"""Median width that is plausible, in micrometres.

6.2 to 8.2 um in health (Turgeon 2004, Clinical Hematology, page 100), and a little room: cells of
anaemias are smaller and larger, and smears dry.
"""

FEWEST = 20
"""Cells by which it is judged."""

_ROUND = 0.88  # least area, as a share of that of the hull
_LONGEST = 1.35  # longer side over the shorter one
_LEAST_PIXELS = 40
_USUAL_SPREAD = 0.55, 1.6  # of the median of widths, and of depths


@dataclass(frozen=True)
class RedCells:
    """How wide the red cells of fields are.

    Attributes
    ----------
    cells : int
        That lie alone, and are round.
    width : float
        Median diameter of a circle as large, in pixels; 0 without cells.
    """

    cells: int
    width: float

    def is_plausible(self, um_per_pixel: float) -> bool | None:
        """Whether a scale makes them as wide as red cells are; None with too few of them."""
        if self.cells < FEWEST:
            return None
        return USUAL_UM[0] <= self.width * um_per_pixel <= USUAL_UM[1]


def measure_red_cells(fields: Iterable[UInt8Image]) -> RedCells:
    """Measure the red cells that lie alone in fields.

    They are most of what is darker in green than the background (Otsu's threshold), whole and
    round: what is far larger, smaller, darker or paler than most is something else. Their colour
    tells nothing, as it goes from pink to grey blue with the stain.

    Parameters
    ----------
    fields : iterable of ndarray of uint8, shape (height, width, 3)

    Returns
    -------
    RedCells
    """
    widths = np.concatenate([np.empty(0), *map(red_cell_widths, fields)])
    return RedCells(len(widths), float(np.median(widths)) if len(widths) else 0.0)


def red_cell_widths(rgb: UInt8Image) -> npt.NDArray[np.float64]:
    """Diameters of the red cells that lie alone in a field, in pixels.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (height, width, 3)

    Returns
    -------
    ndarray of float64, shape (n,)
    """
    green = np.asarray(cv2.GaussianBlur(np.ascontiguousarray(rgb[:, :, 1]), (0, 0), 1.0))
    # nuclei are far darker, and would draw the threshold to them
    light = np.maximum(green, np.percentile(green, 8)).astype(np.uint8)
    _, mask = cv2.threshold(light, 0, 255, cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU)
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    ground = float(np.median(green[mask == 0])) if (mask == 0).any() else 255.0
    found = [thing for outline in outlines if (thing := _round_thing(outline, green, ground))]
    if not found:
        return np.empty(0)
    things = np.array(found)
    low, high = _USUAL_SPREAD
    middle = np.median(things, axis=0)
    is_usual = ((things > low * middle) & (things < high * middle)).all(axis=1)
    return np.asarray(things[is_usual, 0])


def _round_thing(
    outline: npt.NDArray[Any], green: npt.NDArray[Any], ground: float
) -> tuple[float, float] | None:
    """Diameter of a thing in pixels, and how much darker than the ground, if it may be a cell."""
    height, wide = green.shape
    x, y, w, h = cv2.boundingRect(outline)
    area = cv2.contourArea(outline) + len(outline) / 2  # which runs through the outermost pixels
    is_whole = x > 0 and y > 0 and x + w < wide and y + h < height
    if area < _LEAST_PIXELS or not is_whole or max(w, h) > _LONGEST * min(w, h):
        return None
    if cv2.contourArea(outline) < _ROUND * cv2.contourArea(cv2.convexHull(outline)):
        return None
    inside = np.zeros((h, w), np.uint8)
    cv2.drawContours(inside, [outline - [x, y]], -1, 1, cv2.FILLED)
    depth = ground - float(green[y : y + h, x : x + w][inside > 0].mean())
    return float(2 * np.sqrt(area / np.pi)), max(depth, 1.0)
