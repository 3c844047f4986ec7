"""Figures of the report, as SVG that is the same bytes for the same numbers.

Line styles and markers differ as well as colours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

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
from edge.statistics.reliability import probabilities, reliability
from edge.statistics.scores import roc_curve
from train.data.split_file import PROTOCOLS
from train.report.paper import NEGATIVE, POSITIVE, validation_accuracy
from train.report.results import Result, Results, System, leak_free_units
from train.report.runs import Epoch

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = {"cnn": BLUE, "vgg16": VERMILLION, "resnet50": GREEN}
_MARKERS = {"cnn": "o", "vgg16": "s", "resnet50": "^"}
_LINES: tuple[Any, ...] = (
    "-",
    (0, (5, 2)),
    (0, (1.2, 1.6)),
    (0, (7, 2, 1.2, 2)),
    (0, (9, 2)),
    (0, (4, 1.5, 1, 1.5, 1, 1.5)),
)
_UNIT_MARKERS = "DsP^vXp"  # seven: none comes with the same line style and colour twice


def comparison(results: Results) -> Figure:
    """Paper split against people never seen: AUROC and balanced accuracy of every system."""
    figure = empty_figure(9.5, 1.6 + 0.27 * len(results.systems))
    left, right = figure.subplots(1, 2, sharey=True)
    for axes, score, title in (
        (left, "auroc", "AUROC"),
        (right, "balanced_accuracy", "balanced accuracy"),
    ):
        for row, system in enumerate(results.systems):
            _compare_one(axes, results, system, score, row)
        axes.axvline(0.5, color=GREY, linewidth=0.8, linestyle=":")
        axes.set(xlabel=title)
        axes.grid(axis="y", color="#e4e4e4", linewidth=0.8)
        axes.set_axisbelow(True)
    left.set_yticks(range(len(results.systems)), [s.title for s in results.systems])
    left.invert_yaxis()
    handles, labels = named_once(left)
    figure.legend(handles, labels, loc="outside upper center", ncols=min(6, len(labels)))
    return figure


def _compare_one(axes: Axes, results: Results, system: System, score: str, row: int) -> None:
    for split in results.with_protocol("paper"):
        result = results.measured.get((split, system))
        if result:
            e = result.evaluation.estimate(score)
            axes.plot([e.low, e.high], [row, row], color=BLUE, linewidth=2, alpha=0.5)
            axes.plot(e.value, row, "o", color=BLUE, markersize=7, label="paper split, 95 %")
    number = 0
    for protocol in PROTOCOLS[1:]:
        units = leak_free_units(results, protocol, system)
        for unit in units:
            marker = _UNIT_MARKERS[number % len(_UNIT_MARKERS)]
            label = f"{unit.name} never seen" if protocol == "holdout" else unit.name
            axes.plot(
                getattr(unit.scores, score),
                row,
                marker,
                color=VERMILLION,
                markerfacecolor="none",
                markersize=6,
                label=label,
            )
            number += 1
        if units:
            mean = np.mean([getattr(unit.scores, score) for unit in units])
            axes.plot(mean, row, "|", color="black", markersize=14, label=f"{protocol}: mean")


def groups(systems: Sequence[System]) -> list[list[System]]:
    """Systems that share a figure with a column each: those of one recipe, four at most."""
    recipes = dict.fromkeys((system.kind, system.recipe) for system in systems)
    by_recipe = [[s for s in systems if (s.kind, s.recipe) == recipe] for recipe in recipes]
    return [group[i : i + 4] for group in by_recipe for i in range(0, len(group), 4)]


def accuracy_curves(results: Results, systems: Sequence[System]) -> Figure:
    """Accuracy per epoch: a row per split, a column per system."""
    accuracies = [a for epoch in _epochs(results) for a in epoch.accuracies.values()]
    return _curves(results, systems, _accuracy_panel, "accuracy", (min(accuracies) - 0.02, 1.02))


def loss_curves(results: Results, systems: Sequence[System]) -> Figure:
    """Loss per epoch: a row per split, a column per system."""
    losses = [loss for epoch in _epochs(results) for loss in epoch.losses.values()]
    # a training that diverges has no finite loss
    highest = max((loss for loss in losses if np.isfinite(loss)), default=1.0)
    return _curves(results, systems, _loss_panel, "loss (nats)", (0.0, 1.05 * highest))


def _epochs(results: Results) -> list[Epoch]:
    return [epoch for result in results.measured.values() for epoch in result.run.history]


def trained(results: Results) -> list[System]:
    """Systems that have epochs."""
    found = {result.system for result in results.measured.values() if result.run.history}
    return [system for system in results.systems if system in found]


def _curves(
    results: Results,
    systems: Sequence[System],
    panel: Callable[[Axes, Result], None],
    what: str,
    limits: tuple[float, float],
) -> Figure:
    figure = empty_figure(1.2 + 2.9 * len(systems), 0.4 + 2.1 * len(results.splits))
    grid = figure.subplots(
        len(results.splits), len(systems), squeeze=False, sharey=True, sharex="col"
    )
    for split, row in zip(results.splits, grid, strict=True):
        for system, axes in zip(systems, row, strict=True):
            axes.set_title(f"{system.title}, {split.title}")
            axes.set_ylim(limits)
            result = results.measured.get((split, system))
            if result and result.run.history:
                panel(axes, result)
            else:
                _say_not_run(axes)
        row[0].set_ylabel(what)
    for axes in grid[-1]:
        axes.set_xlabel("epoch")
    return figure


def _accuracy_panel(axes: Axes, result: Result) -> None:
    history = result.run.history
    epochs = [epoch.epoch for epoch in history]
    ends = _lines(axes, epochs, [epoch.accuracies for epoch in history])
    mean = validation_accuracy([epoch.accuracies["test"] for epoch in history])
    if mean is not None:
        axes.plot([epochs[0], epochs[-1]], [mean] * 2, color=GREY, linewidth=0.9, linestyle=":")
        ends.append(("mean of test", mean, GREY))
    _label_ends(axes, epochs[-1], ends)


def _loss_panel(axes: Axes, result: Result) -> None:
    epochs = [epoch.epoch for epoch in result.run.history]
    _label_ends(axes, epochs[-1], _lines(axes, epochs, [e.losses for e in result.run.history]))


def _lines(
    axes: Axes, epochs: list[int], values: list[dict[str, float]]
) -> list[tuple[str, float, str]]:
    """Draw a line per part of the data; return name, last value and colour of each."""
    looks = {
        "training": (BLUE, _LINES[0]),
        "test": (VERMILLION, _LINES[1]),
        "validation": (GREEN, _LINES[3]),
    }
    ends = []
    for name, (colour, line) in looks.items():
        if name not in values[-1]:
            continue
        drawn = [of_epoch.get(name, np.nan) for of_epoch in values]
        marker = "o" if len(drawn) == 1 else ""
        axes.plot(epochs, drawn, color=colour, linestyle=line, marker=marker, linewidth=1.4)
        ends.append((name, drawn[-1], colour))
    return ends


def _label_ends(axes: Axes, x: float, ends: list[tuple[str, float, str]]) -> None:
    """Name lines at their right ends, moved apart so that the names do not overlap."""
    low, high = axes.get_ylim()
    apart, place = 0.1 * (high - low), np.inf
    for name, value, colour in sorted(ends, key=lambda end: -end[1]):
        place = min(value, place - apart)
        axes.annotate(
            name,
            (x, place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            color=colour,
            fontsize=8,
            annotation_clip=False,
        )


def roc(results: Results) -> Figure:
    """ROC curves: a panel per split, a line per system."""
    return _panel_per_split(results, results.shown, _roc_panel)


def _roc_panel(axes: Axes, results: Results, found: Sequence[Result]) -> None:
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=":")
    for result in found:
        x, y = roc_curve(result.run.margins, result.run.labels)
        auroc = f"{result.system.title}  {result.evaluation.scores.auroc:.3f}"
        axes.plot(x, y, label=auroc, **_line(results, result.system, every=0.2))
    axes.set(xlabel=f"{NEGATIVE} called {POSITIVE}", ylabel=f"{POSITIVE} found", aspect="equal")
    axes.legend(loc="lower right", title="AUROC", handlelength=3.2, fontsize=8)


def reliability_curves(results: Results, systems: Sequence[System]) -> Figure:
    """Observed share against probability: a panel per split, a line per system."""
    return _panel_per_split(results, systems, _reliability_panel)


def _reliability_panel(axes: Axes, results: Results, found: Sequence[Result]) -> None:
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=":")
    for result in found:
        bins = reliability(probabilities(result.run.margins), result.run.labels)
        axes.plot(
            [b.predicted for b in bins],
            [b.observed for b in bins],
            label=f"{result.system.title}  {result.evaluation.scores.ece:.3f}",
            **_line(results, result.system, every=1),
        )
    axes.set(
        xlabel=f"probability of {POSITIVE}", ylabel=f"share that is {POSITIVE}", aspect="equal"
    )
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.legend(loc="upper left", title="calibration error", handlelength=3.2, fontsize=8)


def _panel_per_split(
    results: Results,
    systems: Sequence[System],
    panel: Callable[[Axes, Results, Sequence[Result]], None],
) -> Figure:
    columns = min(2, len(results.splits))
    rows = -(-len(results.splits) // columns)
    figure = empty_figure(columns * 4.2, rows * 3.9)
    grid = figure.subplots(rows, columns, squeeze=False).flat
    for split, axes in zip(results.splits, grid, strict=False):
        found = [result for result in results.on(split) if result.system in systems]
        axes.set_title(split.title)
        if found:
            panel(axes, results, found)
        else:
            _say_not_run(axes)
    for axes in list(grid)[len(results.splits) :]:
        axes.set_visible(False)
    return figure


def confusion(results: Results, systems: Sequence[System]) -> Figure:
    """Confusion matrices: a row per split, a column per system."""
    figure = empty_figure(0.8 + 2.3 * len(systems), 0.3 + 2.45 * len(results.splits))
    grid = figure.subplots(len(results.splits), len(systems), squeeze=False)
    for split, row in zip(results.splits, grid, strict=True):
        for system, axes in zip(systems, row, strict=True):
            axes.set_title(f"{system.title}\n{split.title}")
            result = results.measured.get((split, system))
            if result:
                _confusion_panel(axes, result, first=system is systems[0])
            else:
                _say_not_run(axes)
    return figure


def _confusion_panel(axes: Axes, result: Result, first: bool) -> None:
    crops = np.array(result.evaluation.confusion)
    shares = crops / crops.sum(axis=1, keepdims=True)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1.7)  # pale enough for black numbers
    for (label, decision), share in np.ndenumerate(shares):
        axes.text(
            decision,
            label,
            f"{crops[label, decision]}\n{share:.0%}",
            ha="center",
            va="center",
        )
    axes.set_xticks([0, 1], [NEGATIVE, POSITIVE])
    axes.set_yticks([0, 1], [NEGATIVE, POSITIVE] if first else ["", ""])
    axes.set_xlabel("decided")
    if first:
        axes.set_ylabel("is")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def subjects(results: Results, rows: Sequence[tuple[str, dict[System, float]]]) -> Figure:
    """Accuracy of each subject, a row each.

    Parameters
    ----------
    results : Results
    rows : sequence of (str, dict)
        Title of the subject, and its accuracy per system.
    """
    legend = 0.2 * -(-len(results.systems) // 3)
    figure = empty_figure(8.5, 1.1 + legend + 0.22 * len(rows))
    axes = figure.subplots()
    for place, (_, accuracies) in enumerate(rows):
        for system, accuracy in accuracies.items():
            marks = {**_line(results, system, every=1), "linestyle": ""}
            axes.plot(accuracy, place, label=system.title, clip_on=False, **marks)
    axes.axvline(0.5, color=GREY, linewidth=0.8, linestyle=":")
    axes.set_yticks(range(len(rows)), [title for title, _ in rows])
    axes.set(xlim=(-0.02, 1.02), ylim=(len(rows) - 0.4, -0.6), xlabel="accuracy on its crops")
    axes.grid(axis="y", color="#e4e4e4", linewidth=0.8)
    axes.set_axisbelow(True)
    figure.legend(*named_once(axes), loc="outside upper center", ncols=3)
    return figure


def _line(results: Results, system: System, every: float) -> dict[str, Any]:
    """Look of a system: colour and marker by network, line style by place, filled by recipe."""
    place = results.shown.index(system)
    others = (PURPLE, ORANGE, SKY, *_COLOURS.values())
    colour = _COLOURS.get(system.name, others[place % len(others)])
    return {
        "color": colour,
        "linestyle": _LINES[place % len(_LINES)],
        "marker": _MARKERS.get(system.name, _UNIT_MARKERS[place % len(_UNIT_MARKERS)]),
        "markerfacecolor": "none" if system.recipe == "paper" else colour,
        "markevery": every,
        "markersize": 5,
        "linewidth": 1.4,
    }


def _say_not_run(axes: Axes) -> None:
    axes.text(0.5, 0.5, "not run", ha="center", va="center", transform=axes.transAxes, color=GREY)
    axes.set_axis_off()
