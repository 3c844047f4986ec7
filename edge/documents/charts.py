"""Charts as SVG that stand for themselves: no script, no style sheet, no library."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence

_WIDTH, _HEIGHT = 640, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 16, 40
_PLOT, _TALL = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
_INK, _BAR, _LINE, _LIMIT = "#333333", "#56b4e9", "#0072b2", "#d55e00"


def bar_chart(edges: Sequence[float], counts: Sequence[int], title: str, unit: str) -> bytes:
    """Draw a histogram.

    Parameters
    ----------
    edges : sequence of float
        Ascending, one more than there are bins.
    counts : sequence of int
    title : str
        What it shows, for who cannot see it.
    unit : str
        Below the axis.
    """
    most = max(*counts, 1)
    low, high = edges[0], edges[-1]

    def x(value: float) -> float:
        return _LEFT + (value - low) / (high - low) * _PLOT

    parts = [
        _rect(x(start), x(end), count / most)
        for start, end, count in zip(edges[:-1], edges[1:], counts, strict=True)
        if count
    ]
    return _svg(title, [*parts, *_axes(low, high, 0, most, unit)])


def line_chart(
    values: Sequence[float], title: str, unit: str, limits: Sequence[float] = ()
) -> bytes:
    """Draw values one after the other, and limits across.

    Parameters
    ----------
    values : sequence of float
        At least one.
    title, unit : str
        As for :func:`bar_chart`.
    limits : sequence of float
        Drawn across all of it.
    """
    low, high = min(*values, *limits, 0.0), max(*values, *limits, 0.0)
    high = high if high > low else low + 1.0

    def y(value: float) -> float:
        return _TOP + _TALL * (1 - (value - low) / (high - low))

    steps = max(len(values) - 1, 1)
    places = [(_LEFT + n / steps * _PLOT, y(value)) for n, value in enumerate(values)]
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in places)
    parts = [
        f'<path d="M{_LEFT} {y(limit):.1f}h{_PLOT}" stroke="{_LIMIT}" stroke-dasharray="5 4"/>'
        for limit in limits
    ]
    parts.append(f'<polyline points="{points}" fill="none" stroke="{_LINE}" stroke-width="2"/>')
    parts += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3" fill="{_LINE}"/>' for a, b in places]
    return _svg(title, [*parts, *_axes(1, len(values), low, high, unit)])


def _rect(start: float, end: float, share: float) -> str:
    height = max(_TALL * share, 1)
    return (
        f'<rect x="{start:.1f}" y="{_TOP + _TALL - height:.1f}" width="{end - start:.1f}"'
        f' height="{height:.1f}" fill="{_BAR}" stroke="white" stroke-width="0.5"/>'
    )


def _axes(low: float, high: float, least: float, most: float, unit: str) -> Iterator[str]:
    yield (
        f'<path d="M{_LEFT} {_TOP}v{_TALL}h{_PLOT}" fill="none" stroke="{_INK}" stroke-width="1"/>'
    )
    below = _TOP + _TALL + 16
    yield _text(_LEFT, below, f"{low:.4g}", "start")
    yield _text(_LEFT + _PLOT, below, f"{high:.4g}", "end")
    yield _text(_LEFT + _PLOT / 2, below + 16, unit, "middle")
    yield _text(_LEFT - 6, _TOP + 8, f"{most:.4g}", "end")
    yield _text(_LEFT - 6, _TOP + _TALL, f"{least:.4g}", "end")


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{_INK}"'
        f' font-family="sans-serif" font-size="12">{html.escape(words)}</text>'
    )


def _svg(title: str, parts: Sequence[str]) -> bytes:
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">',
        f"<title>{html.escape(title)}</title>",
        '<rect width="100%" height="100%" fill="white"/>',
        *parts,
        "</svg>",
    ]
    return "\n".join(lines).encode() + b"\n"
