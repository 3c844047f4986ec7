"""Figures of the report of a conversion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from calibration.figures import BLUE, GREY, ORANGE, SKY, VERMILLION, empty_figure
from convert.report.schema import ConversionReport, LayerRow
from edge.statistics.reliability import probabilities, reliability

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_LAYERS = 60
"""Bars that fit on a page."""

_MOST_POINTS = 3000  # more are drawn as pixels: a point is some 80 bytes of SVG
_LONGEST_NAME = 44


def logit_scatter(report: ConversionReport) -> Figure:
    """Int8 against float margins, and the difference in int8 steps, flips marked."""
    figure = empty_figure(9.2, 4.4)
    left, right = figure.subplots(1, 2)
    float_margins = np.array(report.cells.float_margins)
    int8_margins = np.array(report.cells.int8_margins)
    errors = (int8_margins - float_margins) / report.fidelity.logit_step
    flipped = [flip.cell for flip in report.fidelity.quantization.flips]
    for axes, values in ((left, int8_margins), (right, errors)):
        _mark_band(axes, report)
        axes.axvline(0, color=GREY, linewidth=0.8)
        axes.plot(
            float_margins,
            values,
            "o",
            color=BLUE,
            markersize=3,
            markeredgewidth=0,
            alpha=0.55,
            label="cell",
            rasterized=len(values) > _MOST_POINTS,
        )
        axes.plot(
            float_margins[flipped],
            values[flipped],
            "x",
            color=VERMILLION,
            markersize=8,
            markeredgewidth=1.8,
            label=f"flip ({len(flipped)})",
        )
        axes.axhline(0, color=GREY, linewidth=0.8)
        axes.set_xlabel("float margin: logit of leukemia - logit of healthy")
    ends = [float(float_margins.min()), float(float_margins.max())]
    left.plot(ends, ends, color=GREY, linewidth=0.8, linestyle=":")
    left.set(ylabel="int8 margin", title="Margins")
    right.set(ylabel="int8 - float, in int8 steps", title="What int8 changes")
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3)
    return figure


def _mark_band(axes: Axes, report: ConversionReport) -> None:
    low, high = _band_in_margins(report)
    axes.axvspan(low, high, color=ORANGE, alpha=0.16, linewidth=0, label="refer band (float)")


def _band_in_margins(report: ConversionReport) -> tuple[float, float]:
    """Ends of the refer band as margins, cut off where the cells end."""
    band = report.fidelity.refer_band
    margins = np.array(report.cells.float_margins)
    with np.errstate(divide="ignore"):
        ends = np.log([band.low, band.high]) - np.log1p([-band.low, -band.high])
    low, high = np.clip(
        report.fidelity.temperature * ends, min(margins.min(), 0.0), max(margins.max(), 0.0)
    )
    return float(low), float(high)


def reliability_curves(report: ConversionReport) -> Figure:
    """Observed share of leukemia against the calibrated probability, float and int8."""
    figure = empty_figure(5.2, 4.6)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=":")
    labels = np.array(report.cells.labels)
    band = report.fidelity.refer_band
    axes.axvspan(band.low, band.high, color=ORANGE, alpha=0.16, linewidth=0, label="refer band")
    looks: dict[str, tuple[tuple[float, ...], dict[str, Any]]] = {
        "float": (report.cells.float_margins, {"color": BLUE, "marker": "o", "markersize": 8}),
        "int8": (
            report.cells.int8_margins,
            {"color": VERMILLION, "marker": "s", "markersize": 4, "linestyle": (0, (4, 2))},
        ),
    }
    for name, (margins, look) in looks.items():
        bins = reliability(probabilities(np.array(margins) / report.fidelity.temperature), labels)
        axes.plot([b.predicted for b in bins], [b.observed for b in bins], label=name, **look)
    axes.set(xlabel="probability of leukemia", ylabel="share that is leukemia", aspect="equal")
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.legend(loc="upper left")
    return figure


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
