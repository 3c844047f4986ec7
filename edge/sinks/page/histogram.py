"""Histogram of the probability of cells, with the refer band if there is one, as SVG."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence

_WIDTH, _HEIGHT = 640, 180
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 12, 26, 38
_PLOT = _WIDTH - _LEFT - _RIGHT
_TALL = _HEIGHT - _TOP - _BOTTOM


def histogram(
    counts: Sequence[int], refer_band: tuple[float, float] | None, probability: str
) -> str:
    """Draw a histogram.

    Parameters
    ----------
    counts : sequence of int
        Cells in equal bins from 0 to 1.
    refer_band : tuple of float or None
    probability : str
        What is counted, in words: ``p(leukemia)``.

    Returns
    -------
    str
        An ``svg`` element that says in words what it shows.
    """
    most = max(*counts, 1)
    said = f", {_band_words(refer_band)}" if refer_band else ""
    words = f"Histogram of {probability} of {sum(counts):,} cells{said}"
    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{html.escape(words)}">',
        *(_band(refer_band) if refer_band else ()),
        *(_bar(n, count, len(counts), most) for n, count in enumerate(counts) if count),
        *(_band_edges(refer_band) if refer_band else ()),
        f'<path class="axis" d="M{_LEFT} {_TOP}V{_TOP + _TALL}H{_WIDTH - _RIGHT}"/>',
        *(_tick(n / 5) for n in range(6)),
        f'<text x="{_LEFT - 6}" y="{_TOP + 8}" class="end">{most:,}</text>',
        f'<text x="{_LEFT - 6}" y="{_TOP + _TALL}" class="end">0</text>',
        f'<text x="{_LEFT + _PLOT / 2}" y="{_HEIGHT - 4}" class="middle">'
        f"{html.escape(probability)}</text>",
        "</svg>",
    ]
    return "\n".join(parts)


def _band_words(refer_band: tuple[float, float]) -> str:
    low, high = refer_band
    return f"refer band {low:.3f} to {high:.3f}"


def _band(refer_band: tuple[float, float]) -> Iterator[str]:
    low, high = map(_x, refer_band)
    yield (
        f'<rect class="band" x="{low:.1f}" y="{_TOP}" width="{high - low:.1f}" height="{_TALL}"/>'
    )


def _band_edges(refer_band: tuple[float, float]) -> Iterator[str]:
    yield from map(_edge, refer_band)
    low, high = map(_x, refer_band)
    words = _band_words(refer_band)
    yield f'<text x="{(low + high) / 2:.1f}" y="{_TOP - 10}" class="middle">{words}</text>'


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
