"""Figures of the report of a conversion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from calibration.figures import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    empty_figure,
    named_once,
)
from convert.report.schema import ConversionReport, LayerRow
from edge.statistics.reliability import probabilities, reliability
from edge.statistics.several import probabilities_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_LAYERS = 60
"""Bars that fit on a page."""

_MOST_POINTS = 3000  # more are drawn as pixels: a point is some 80 bytes of SVG
_LONGEST_NAME = 44
_MORE = (GREEN, BLUE, PURPLE, SKY, ORANGE, VERMILLION)  # of labels, in their order


def logit_scatter(report: ConversionReport) -> Figure:
    """Int8 against float, and the difference in int8 steps, flips marked.

    Of two labels the margins; of more the logits, a colour for each label.
    """
    figure = empty_figure(9.2, 4.4)
    left, right = figure.subplots(1, 2)
    step = report.fidelity.logit_step
    flipped = [flip.cell for flip in report.fidelity.quantization.flips]
    series = _series(report)
    for axes, is_error in ((left, False), (right, True)):
        if report.is_of_two:
            _mark_band(axes, report)
            axes.axvline(0, color=GREY, linewidth=0.8)
        for name, colour, exact, int8 in series:
            values = (int8 - exact) / step if is_error else int8
            axes.plot(
                exact,
                values,
                "o",
                color=colour,
                markersize=3,
                markeredgewidth=0,
                alpha=0.55,
                label=name,
                rasterized=len(values) > _MOST_POINTS,
            )
            axes.plot(
                exact[flipped],
                values[flipped],
                "x",
                color=VERMILLION if report.is_of_two else "black",
                markersize=8,
                markeredgewidth=1.8,
                label=f"flip ({len(flipped)})",
            )
        axes.axhline(0, color=GREY, linewidth=0.8)
        axes.set_xlabel(_margin_words(report) if report.is_of_two else "float logit")
    ends = [float(min(s[2].min() for s in series)), float(max(s[2].max() for s in series))]
    left.plot(ends, ends, color=GREY, linewidth=0.8, linestyle=":")
    what = "margin" if report.is_of_two else "logit"
    left.set(ylabel=f"int8 {what}", title=f"{what.capitalize()}s")
    right.set(ylabel="int8 - float, in int8 steps", title="What int8 changes")
    handles, labels = named_once(left)
    figure.legend(handles, labels, loc="outside upper center", ncols=min(len(labels), 5))
    return figure


_Points = npt.NDArray[np.float64]


def _series(report: ConversionReport) -> list[tuple[str, str, _Points, _Points]]:
    """What is drawn: name, colour, float and int8 values of every cell."""
    cells = report.cells
    if cells.float_margins is not None and cells.int8_margins is not None:
        return [("cell", BLUE, np.array(cells.float_margins), np.array(cells.int8_margins))]
    exact, int8 = (np.array(logits) for logits in (cells.float_logits, cells.int8_logits))
    return [
        (label.words, _MORE[place % len(_MORE)], exact[:, place], int8[:, place])
        for place, label in enumerate(report.contract.labels)
    ]


def _margin_words(report: ConversionReport) -> str:
    first, second = report.contract.words
    return f"float margin: logit of {second} - logit of {first}"


def _mark_band(axes: Axes, report: ConversionReport) -> None:
    low, high = _band_in_margins(report)
    axes.axvspan(low, high, color=ORANGE, alpha=0.16, linewidth=0, label="refer band (float)")


def _band_in_margins(report: ConversionReport) -> tuple[float, float]:
    """Ends of the refer band as margins, cut off where the cells end."""
    band = report.fidelity.refer_band
    assert band is not None
    margins = np.array(report.cells.float_margins)
    with np.errstate(divide="ignore"):
        ends = np.log([band.low, band.high]) - np.log1p([-band.low, -band.high])
    low, high = np.clip(
        report.fidelity.temperature * ends, min(margins.min(), 0.0), max(margins.max(), 0.0)
    )
    return float(low), float(high)


def reliability_curves(report: ConversionReport) -> Figure:
    """Observed share against the calibrated probability, float and int8.

    Of two labels that of the second; of more, how often the likeliest is right.
    """
    figure = empty_figure(5.2, 4.6)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=":")
    band = report.fidelity.refer_band
    if band is not None:
        axes.axvspan(band.low, band.high, color=ORANGE, alpha=0.16, linewidth=0, label="refer band")
    looks: dict[str, dict[str, Any]] = {
        "float": {"color": BLUE, "marker": "o", "markersize": 8},
        "int8": {
            "color": VERMILLION,
            "marker": "s",
            "markersize": 4,
            "linestyle": (0, (4, 2)),
        },
    }
    for (name, look), (p, is_so) in zip(looks.items(), _reliabilities(report), strict=True):
        bins = reliability(p, is_so)
        axes.plot([b.predicted for b in bins], [b.observed for b in bins], label=name, **look)
    if report.is_of_two:
        words = report.contract.words[1]
        axes.set(xlabel=f"probability of {words}", ylabel=f"share that is {words}")
    else:
        axes.set(xlabel="probability of the likeliest label", ylabel="share that is of it")
    axes.set(aspect="equal", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.legend(loc="upper left")
    return figure


def _reliabilities(report: ConversionReport) -> list[tuple[_Points, npt.NDArray[np.integer]]]:
    """Of float and of int8: probabilities, and whether it is so."""
    cells, temperature = report.cells, report.fidelity.temperature
    labels = np.array(cells.labels)
    if report.is_of_two:
        return [
            (probabilities(np.array(margins) / temperature), labels)
            for margins in (cells.float_margins, cells.int8_margins)
        ]
    every = [
        probabilities_of(np.array(logits), temperature)
        for logits in (cells.float_logits, cells.int8_logits)
    ]
    return [(p.max(axis=1), (p.argmax(axis=1) == labels).astype(np.intp)) for p in every]


def layer_bars(layers: Sequence[LayerRow]) -> Figure:
    """Signal-to-noise ratio of every layer, in the order of the network.

    Parameters
    ----------
    layers : sequence of LayerRow
        At most :data:`MOST_LAYERS`.
    """
    figure = empty_figure(8.5, 1.1 + 0.2 * len(layers))
    axes = figure.subplots()
    longest = max((layer.snr_db for layer in layers if layer.snr_db is not None), default=1.0)
    worst = sorted(layer.rank for layer in layers)[:10]
    for row, layer in enumerate(layers):
        if layer.snr_db is None:
            axes.text(0.3, row, "exact", va="center", color=GREY, fontsize=7)
            continue
        in_worst = layer.rank in worst
        axes.barh(row, layer.snr_db, color=VERMILLION if in_worst else SKY, height=0.75)
        axes.text(
            max(layer.snr_db, 0) + longest / 150,
            row,
            f"{layer.snr_db:.1f}" + (f"  (rank {layer.rank})" if in_worst else ""),
            va="center",
            fontsize=7,
        )
    axes.set_yticks(range(len(layers)), [_short(layer.name) for layer in layers], fontsize=7)
    axes.set(xlabel="signal-to-noise ratio of int8 against float, dB", ylim=(len(layers), -1))
    return figure


def shown_layers(layers: Sequence[LayerRow]) -> list[LayerRow]:
    """Layers that get a bar: all, or those that lose most, in the order of the network."""
    kept = sorted(layer.rank for layer in layers)[:MOST_LAYERS]
    return [layer for layer in layers if layer.rank in kept]


def _short(name: str) -> str:
    """Beginning and end of a long name."""
    if len(name) <= _LONGEST_NAME:
        return name
    half = _LONGEST_NAME // 2 - 1
    return f"{name[:half]}…{name[-half:]}"
