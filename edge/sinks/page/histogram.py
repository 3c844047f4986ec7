"""Histogram of the probability of leukemia, with the refer band, as SVG."""

from __future__ import annotations

import html
from collections.abc import Sequence

_WIDTH, _HEIGHT = 640, 180
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 12, 26, 38
_PLOT = _WIDTH - _LEFT - _RIGHT
_TALL = _HEIGHT - _TOP - _BOTTOM


def histogram(counts: Sequence[int], refer_band: tuple[float, float]) -> str:
    """Draw a histogram.

    Parameters
    ----------
    counts : sequence of int
        Cells in equal bins from 0 to 1.
    refer_band : tuple of float

    Returns
    -------
    str
        An ``svg`` element that says in words what it shows.
    """
    low, high = refer_band
    most = max(*counts, 1)
    band = f"refer band {low:.3f} to {high:.3f}"
    words = f"Histogram of p(leukemia) of {sum(counts):,} cells, {band}"
    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{html.escape(words)}">',
        f'<rect class="band" x="{_x(low):.1f}" y="{_TOP}" width="{_x(high) - _x(low):.1f}"'
        f' height="{_TALL}"/>',
        *(_bar(n, count, len(counts), most) for n, count in enumerate(counts) if count),
        *(_edge(p) for p in refer_band),
        f'<text x="{(_x(low) + _x(high)) / 2:.1f}" y="{_TOP - 10}" class="middle">{band}</text>',
        f'<path class="axis" d="M{_LEFT} {_TOP}V{_TOP + _TALL}H{_WIDTH - _RIGHT}"/>',
        *(_tick(n / 5) for n in range(6)),
        f'<text x="{_LEFT - 6}" y="{_TOP + 8}" class="end">{most:,}</text>',
        f'<text x="{_LEFT - 6}" y="{_TOP + _TALL}" class="end">0</text>',
        f'<text x="{_LEFT + _PLOT / 2}" y="{_HEIGHT - 4}" class="middle">p(leukemia)</text>',
        "</svg>",
    ]
    return "\n".join(parts)


def _x(p: float) -> float:
    return _LEFT + p * _PLOT


def _bar(n: int, count: int, bins: int, most: int) -> str:
    height = max(_TALL * count / most, 1)
    title = f"{n / bins:.2f} to {(n + 1) / bins:.2f}: {count}"
    return (
        f'<rect class="bar" x="{_x(n / bins) + 0.5:.1f}" y="{_TOP + _TALL - height:.1f}"'
        f' width="{_PLOT / bins - 1:.1f}" height="{height:.1f}"><title>{title}</title></rect>'
    )


def _edge(p: float) -> str:
    return f'<path class="edge" d="M{_x(p):.1f} {_TOP - 4}V{_TOP + _TALL}"/>'


def _tick(p: float) -> str:
    return f'<text x="{_x(p):.1f}" y="{_HEIGHT - 22}" class="middle">{p:.1f}</text>'
