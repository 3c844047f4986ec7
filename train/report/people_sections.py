"""Sections of the report on recipes that count people: told apart, decided, and by what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from calibration.figures import BLUE, GREY, VERMILLION, draw_figure, empty_figure
from edge.documents.model import Figure, Part, Section, Table, Text
from edge.documents.words import counted, estimate, number
from train.baselines.importance import GROUPS
from train.report.paper import NEGATIVE, POSITIVE
from train.report.people import (
    ALLOWED,
    LEAST_CELLS,
    Decided,
    Person,
    decide_at_best,
    decide_unseen,
    people_of,
    separate,
)
from train.report.trials import Ranked

if TYPE_CHECKING:
    from matplotlib import figure

_DRAWN = 4  # systems whose people are drawn, the best first
_MOST_DESCRIPTORS = 15

ASKED = 0.1
"""Share of a label that may be decided wrongly in the table of all systems."""


def people_told_apart(ranked: Sequence[Ranked]) -> Section:
    """How well the mean score of a person's cells separates people."""
    found = [(each.trial.title, people_of(each.trial)) for each in ranked]
    rows = []
    for title, people in found:
        apart = separate(people)
        counts = [sum(p.label == label for p in people) for label in (0, 1)]
        rows.append((title, *map(str, counts), estimate(apart) if apart else "not measured"))
    table = Table(
        "AUROC over people",
        ("recipe", f"{NEGATIVE} people", f"{POSITIVE} people", "AUROC over people"),
        rows,
        f"People held out with {LEAST_CELLS} cells or more, each by the mean margin of its cells."
        " The interval is exact for so few people (Lehmann's model), and says how few they are.",
    )
    drawn = found[:_DRAWN]
    dots = Figure(
        "figure-people.svg",
        draw_figure(_dots, drawn),
        f"Mean score of every person, {NEGATIVE} and {POSITIVE}, of {len(drawn)} systems.",
        f"Each dot is a person: the mean margin of the cells. The {counted(len(drawn), 'system')}"
        " with the best mean AUROC of cells.",
    )
    return Section("People told apart", [table, dots])


def _dots(found: Sequence[tuple[str, Sequence[Person]]]) -> figure.Figure:
    drawn = empty_figure(8.5, 1.0 + 0.62 * len(found))
    axes = drawn.subplots()
    for place, (_, people) in enumerate(found):
        spread = float(np.std([person.score for person in people])) or 1.0
        for person in people:
            axes.plot(
                person.score / spread,
                place + (0.16 if person.label else -0.16),
                "o" if person.label else "D",
                color=VERMILLION if person.label else BLUE,
                markerfacecolor="none",
                label=POSITIVE if person.label else NEGATIVE,
            )
    axes.axvline(0, color=GREY, linewidth=0.8, linestyle=":")
    axes.set_yticks(range(len(found)), [title for title, _ in found])
    axes.set(xlabel="mean margin of a person's cells, of its spread between people")
    axes.set_ylim(len(found) - 0.5, -0.5)
    entries = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    drawn.legend(entries.values(), entries, loc="outside upper center", ncols=2)
    return drawn


def decided_both_ways(ranked: Sequence[Ranked]) -> Section:
    """How many cells can be decided if no more than so many of a label may be decided wrongly."""
    rows = [(each.trial.title, *_shares(decide_unseen(each.trial, ASKED))) for each in ranked]
    best = ranked[0].trial
    curve = [
        (f"{allowed:.0%}", *_shares(decide_unseen(best, allowed)), *_decided(best_there_is))
        for allowed, best_there_is in ((a, decide_at_best(best, a)) for a in ALLOWED)
    ]
    told = (f"{POSITIVE} missed", f"{NEGATIVE} called {POSITIVE}")
    decided = (f"{NEGATIVE} decided", f"{POSITIVE} decided")
    parts: list[Part] = [
        Text(
            "A refer band is chosen on the people of all other splits and decides the people of"
            " one: what stands here was not tuned on who it is measured on. Every person weighs"
            " alike within the label; decided is a share of all cells, rightly or wrongly."
        ),
        Table(
            f"Where at most {ASKED:.0%} of a label may be decided wrongly",
            ("recipe", *told, *decided),
            rows,
            "The band keeps its promise on those it was chosen on; on others, the first two"
            " columns say what became of it.",
        ),
        Table(
            f"What more or less care costs: {best.title}",
            ("allowed", *told, *decided, *(f"{name} at best" for name in decided)),
            curve,
            "At best: the band chosen on these very people. No choice of a band decides more.",
        ),
    ]
    return Section("Decided in both directions", parts)


def _shares(found: Decided) -> tuple[str, ...]:
    return (number(found.missed), number(found.false_alarms), *_decided(found))


def _decided(found: Decided) -> tuple[str, str]:
    return number(found.negative), number(found.positive)


def what_descriptors_say(importances: Mapping[str, Sequence[Mapping[str, float]]]) -> Section:
    """What classifiers of descriptors miss most when it is shuffled.

    Parameters
    ----------
    importances : mapping
        Title of a classifier -> AUROC lost by descriptor or group, split by split.
    """
    parts: list[Part] = []
    for title, splits in importances.items():
        means = {name: float(np.mean([each[name] for each in splits])) for name in splits[0]}
        single = sorted((name for name in means if name not in GROUPS), key=lambda n: -means[n])
        rows = [
            (name, f"{means[name]:+.3f}", *(f"{each[name]:+.3f}" for each in splits))
            for name in [*GROUPS, *single[:_MOST_DESCRIPTORS]]
        ]
        splits_named = tuple(f"split {place}" for place in range(1, len(splits) + 1))
        parts.append(
            Table(
                f"AUROC lost when it is shuffled: {title}",
                ("descriptor", "mean", *splits_named),
                rows,
                "On people held out. Below 0: what misleads about these people. Descriptors that"
                " say the same stand in for each other, so groups are shuffled whole as well.",
            )
        )
    return Section("What the trees see", parts)
