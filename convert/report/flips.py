"""Cells that flip, as a sheet of pictures: for those who have the images, never committed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from calibration.cells.pictures import Pictures
from calibration.figures import empty_figure
from edge.drift.comparison import Flip

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_PICTURES = 24
"""Flips on the sheet: those farthest from the boundary."""

_A_ROW = 6


def sheet(flips: Sequence[Flip], pictures: Pictures, words: Sequence[str]) -> Figure:
    """Draw flips as pictures, with their names and probabilities in float and int8.

    Parameters
    ----------
    flips : sequence of Flip
        At least one; :data:`MOST_PICTURES` are drawn.
    pictures : Pictures
    words : sequence of str
        Of the labels.
    """
    shown = flips[:MOST_PICTURES]
    rows = -(-len(shown) // _A_ROW)
    figure = empty_figure(1.65 * _A_ROW, 2.25 * rows)
    grid = figure.subplots(rows, _A_ROW, squeeze=False).flat
    for place, axes in enumerate(grid):
        axes.set_axis_off()
        if place >= len(shown):
            continue
        flip = shown[place]
        picture = pictures.read(flip.name, flip.label)
        if picture is None:
            axes.text(0.5, 0.5, "no picture", ha="center", va="center")
        else:
            axes.imshow(picture)
        axes.set_title(
            f"{short_name(flip)}\n{what_it_is(flip, words)}\n"
            f"p {flip.p_before:.3f} to {flip.p_after:.3f}",
            fontsize=7,
        )
    return figure


def short_name(flip: Flip) -> str:
    """Name of the cell without folder and suffix."""
    return flip.name.rpartition("/")[2].rpartition(".")[0] or flip.name


def what_it_is(flip: Flip, words: Sequence[str]) -> str:
    """Label in words, or that there is none."""
    return "no label" if flip.label is None else words[flip.label]
