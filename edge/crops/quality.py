"""Quality of a crop: what makes it unlike the cells that the network was made for.

Size, shape and border are judged by what a crop is: one cell, square, on black where the contract
says so, as many pixels as the network sees at least. Size of the cell, light and focus are judged
by the cells that the model file's data-drift reference counted: a model file without one cannot
judge them.
No code says anything of the cell's health.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge.contract import BLACK, Contract
from edge.crops.frame import Frame
from edge.crops.image_statistics import STATISTICS, ImageStatistics, statistics_and_foreground
from edge.crops.preprocess import UInt8Image
from edge.reasons import QUALITY

if TYPE_CHECKING:
    from edge.reference.drift_reference import DriftReference
    from edge.reference.histogram import Histogram

_MOST_BORDER = 1 / 4
"""Share of the border that may be light: a cell may touch it, no whole side may be light."""

_MOST_ENLARGED = 1.25
"""How far a crop of known scale may be enlarged: a camera a little coarser does no harm."""

_MARGIN = 1 / 10
"""How far beyond the reference a cell may be, as a part of the value at its end."""

FEWEST_CELLS = 200
"""Cells a reference needs. One more cell of the same kind lies beyond n others in 2 of n + 1
cases, for each statistic."""

_ODD_ONES = 1000
"""One cell of so many may be an odd one: its bin does not widen the limits."""


@dataclass(frozen=True)
class Limits:
    """Between which values the statistics of a good crop lie.

    Attributes
    ----------
    low, high : ImageStatistics
        A value below `low`, or from `high` on, is beyond the reference. Infinite where
        there is no limit.
    """

    low: ImageStatistics
    high: ImageStatistics


def limits_of(reference: DriftReference | None) -> Limits:
    """Take the limits of good crops from the cells a model was released with.

    They lie a tenth beyond the outermost bins that hold a cell, leaving out one cell in
    a thousand at either end. Where that bin is the last of the histogram there is no
    limit, as it also holds what lies beyond it. With the cells of one held-out fold of C-NMC as
    reference (742 to 837 of 3 to 5 people), 0.1 to 1.9 % of those of all other people
    were marked.

    Parameters
    ----------
    reference : DriftReference or None
        Without one, or with one of fewer than 200 cells, nothing is limited.

    Returns
    -------
    Limits
    """
    if reference is None or reference.cells < FEWEST_CELLS:
        ends = dict.fromkeys(STATISTICS, (-math.inf, math.inf))
    else:
        ends = {name: _ends(reference.images[name]) for name in STATISTICS}
    low, high = (ImageStatistics(*values) for values in zip(*ends.values(), strict=True))
    return Limits(low, high)


def _ends(histogram: Histogram) -> tuple[float, float]:
    first = _first_held(histogram.counts)
    last = len(histogram.counts) - 1 - _first_held(histogram.counts[::-1])
    low = histogram.edges[first] * (1 - _MARGIN) if first else -math.inf
    unlimited = last == len(histogram.counts) - 1
    return low, math.inf if unlimited else histogram.edges[last + 1] * (1 + _MARGIN)


def _first_held(counts: tuple[int, ...]) -> int:
    """Index of the first bin that holds cells, odd ones left out."""
    odd = sum(counts) // _ODD_ONES
    return next(i for i, so_far in enumerate(accumulate(counts)) if so_far > odd)


@dataclass(frozen=True)
class Quality:
    """What makes a crop unlike the cells that the network was made for.

    Attributes
    ----------
    codes : tuple of str
        Of :data:`QUALITY`, in its order; empty for a good crop. ``scale-shift`` is never among
        them: no crop alone shows it.
    area : int or None
        Of the cell, in pixels; None where the crop does not show one cell.
    """

    codes: tuple[str, ...]
    area: int | None


def quality_of(crop: UInt8Image, frame: Frame, limits: Limits, contract: Contract) -> Quality:
    """Say what makes a crop unlike the cells that the network was made for.

    Parameters
    ----------
    crop : ndarray of uint8, shape (side, side, 3)
        RGB.
    frame : Frame
        Of the image that the crop was made of.
    limits : Limits
        Of the model file's reference.
    contract : Contract
        Of the model file.

    Returns
    -------
    Quality
    """
    longest, side = max(frame.height, frame.width), contract.side
    found = {
        "too-small": longest < side if frame.zoom is None else frame.zoom > _MOST_ENLARGED,
        # less than a pixel of the crop may be added: a cutter's rounding does no harm
        "not-square": side * abs(frame.height - frame.width) > longest,
        "not-on-black": contract.background == BLACK and frame.border > _MOST_BORDER,
    }
    area = None
    if not found["not-on-black"]:  # else the background would be judged as a part of the cell
        statistics, inside = statistics_and_foreground(crop, contract.background)
        found |= _codes_of_cell(statistics, inside, limits, contract.background)
        if not found.get("empty") and not found.get("several-cells"):
            area = round(statistics.foreground * inside.size)
    return Quality(tuple(code for code in QUALITY if found.get(code)), area)


def _codes_of_cell(
    found: ImageStatistics, inside: UInt8Image, limits: Limits, background: str
) -> dict[str, bool]:
    low, high = limits.low, limits.high
    if found.foreground == 0:
        return {"empty": True}
    if found.foreground < low.foreground:
        return {"small-cell": True}  # debris has no light or focus to be judged
    darker = (level < end for level, end in zip(found.levels, low.levels, strict=True))
    lighter = (level >= end for level, end in zip(found.levels, high.levels, strict=True))
    return {
        "several-cells": background == BLACK and _pieces(inside, low.foreground) > 1,
        "large-cell": found.foreground >= high.foreground,
        "under-exposed": any(darker),
        "over-exposed": any(lighter),
        "blurred": found.focus < low.focus,
    }


def _pieces(inside: UInt8Image, smallest: float) -> int:
    """Count the pieces of the foreground that are as large as the smallest cell, a share.

    The size of a piece is the area within the line through its outermost pixels.
    """
    outlines, _ = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if len(outlines) == 1 or not math.isfinite(smallest):
        return 1
    least = smallest * inside.size
    return sum(cv2.contourArea(np.asarray(outline)) >= least for outline in outlines)
