"""How figures are drawn: colours, style, and the same bytes for the same numbers.

Colours are those of Okabe and Ito (2008, Color Universal Design), which people
with any colour vision can tell apart.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
)
GREY = "#767676"
_STYLE = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same letters everywhere
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.h_pad": 0.09,
    "legend.frameon": False,
    "text.parse_math": False,  # a dollar in a subject's name is a dollar
    "svg.fonttype": "path",
    "svg.hashsalt": "edge-all",
}


def draw_figure(build: Callable[..., Figure], *arguments: Any, suffix: str = "svg") -> bytes:
    """Draw a figure into the bytes of a file.

    Parameters
    ----------
    build : callable
        Returns the figure.
    *arguments
        For `build`.
    suffix : str
        ``svg`` or ``png``.

    Returns
    -------
    bytes
        The same for the same arguments.
    """
    from matplotlib import style

    file = io.BytesIO()
    anonymous = {"Date": None, "Creator": None} if suffix == "svg" else {"Software": None}
    with style.context(["default", _STYLE]):
        build(*arguments).savefig(file, format=suffix, dpi=110, metadata=anonymous)
    return file.getvalue()


def empty_figure(width: float, height: float) -> Figure:
    """Make a figure of a size in inches, with nothing in it."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height))


def named_once(axes: Axes) -> tuple[list[Any], list[str]]:
    """Legend entries of an axes, each name once."""
    handles, labels = axes.get_legend_handles_labels()
    once = dict(zip(reversed(labels), reversed(handles), strict=True))
    names = list(dict.fromkeys(labels))
    return [once[name] for name in names], names
