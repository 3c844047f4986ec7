"""The report on a study with recipes of its own: which holds for people it never saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from calibration.probabilities.predictions import Predictions, read_predictions
from edge.documents.html import to_html
from edge.documents.markdown import to_markdown
from edge.documents.model import Report, Section, Table
from edge.documents.words import estimate, number
from edge.records.json_text import read_json
from edge.whole_file import save_bytes
from train.report.people_sections import (
    decided_both_ways,
    people_told_apart,
    what_descriptors_say,
)
from train.report.results import CLASSIFIER_TITLES, FEATURE_TITLES, NETWORK_TITLES
from train.report.trials import Ranked, Trial, rank
from train.study import BASELINES, Study, System

_HELD_OUT = "held-out"

Runs = Sequence[tuple[System, str, Path]]
"""System, split and folder of every run of a study."""


def write_ranking(study: Study, runs: Runs, out: Path) -> list[Path]:
    """Write ``recipes.md``, its figures, and ``recipes.html``, which needs no other file.

    Parameters
    ----------
    study : Study
    runs : sequence of (System, str, Path)
    out : Path
        Folder.

    Returns
    -------
    list of Path

    Raises
    ------
    DataRefused
        If predictions cannot be read, or are not of the same cells.
    """
    ranked = rank(read_trials(study, runs))
    report = describe_ranking(study, ranked, read_importances(runs))
    files = {
        "recipes.md": to_markdown(report).encode(),
        "recipes.html": to_html(report).encode(),
        **{figure.file: figure.image for figure in report.figures},
    }
    for name, content in files.items():
        save_bytes(out / name, content)
    return [out / name for name in files]


def read_trials(study: Study, runs: Runs) -> list[Trial]:
    """Read the predictions of a study's runs, recipe by recipe; each baseline is a recipe too."""
    trials = []
    for name, recipe in dict.fromkeys(_key(system) for system, _, _ in runs):
        of_it = [run for run in runs if _key(run[0]) == (name, recipe)]
        for stem in _stems(name, of_it[0][2]):
            trials.append(_trial(study, stem, recipe, of_it))
    return trials


def read_importances(runs: Runs) -> dict[str, list[dict[str, float]]]:
    """Read what baselines lost by shuffled descriptors: title -> split by split."""
    found: dict[str, list[dict[str, float]]] = {}
    for system, _, folder in runs:
        for stem in _stems(system.system, folder) if system.system == BASELINES else []:
            if lost := read_json(folder / f"{stem}.json").get("importance"):
                found.setdefault(_title(stem, ""), []).append(lost)
    return found


def describe_ranking(
    study: Study,
    ranked: Sequence[Ranked],
    importances: Mapping[str, Sequence[Mapping[str, float]]],
) -> Report:
    """Say which recipe holds, what every change bought, and what it is worth to people."""
    notices = [
        "Research software: nothing here is a diagnosis, and no number here says how well it would"
        " do in a laboratory.",
        f"Data: {study.dataset}. Nobody tested was trained on. Recipes were compared on these very"
        " people: the best of them is flattered by what chance gave it.",
        "Intervals (95 %) are over people and seeds; where a place has one person of a label,"
        " over that person's cells, so that they say little about others.",
    ]
    sections = [Section("How well each holds", [_ranking_table(ranked)])]
    if changed := _changes_table(ranked):
        sections.append(Section("What each change bought", [changed]))
    sections.append(people_told_apart(ranked))
    if len(ranked[0].places) > 1:
        sections.append(decided_both_ways(ranked))
    if importances:
        sections.append(what_descriptors_say(importances))
    return Report("Recipes on people they never saw", notices, sections)


def _ranking_table(ranked: Sequence[Ranked]) -> Table:
    first = ranked[0]
    others = [f"{name}{what}" for name in first.others for what in ("", ", balanced accuracy")]
    rows = []
    for each in ranked:
        seeds = [(place.lowest, place.highest) for place in each.places.values()]
        spread = max(high - low for low, high in seeds)
        on_others = [
            text
            for place in each.others.values()
            for text in (estimate(place.estimate), number(place.balanced_accuracy))
        ]
        rows.append(
            (
                each.trial.title,
                estimate(each.mean),
                *(estimate(place.estimate) for place in each.places.values()),
                *on_others,
                number(spread) if len(next(iter(each.trial.held_out.values()))) > 1 else "-",
            )
        )
    return Table(
        "AUROC by recipe, the best mean over the people held out first",
        ("recipe", "mean", *first.places, *others, "between seeds"),
        rows,
        "A column is the people a split holds out, or another set. Between seeds: the largest"
        " difference between two seeds on a split. Balanced accuracy is at probability 0.5.",
    )


def _changes_table(ranked: Sequence[Ranked]) -> Table | None:
    found = {(each.trial.system, each.trial.recipe): each for each in ranked}
    others = list(ranked[0].others)
    rows = []
    for each in ranked:
        base = found.get((each.trial.system, each.trial.base))
        if each.trial.base and base:
            rows.append(
                (
                    each.trial.title,
                    each.trial.base,
                    "; ".join(f"{name} {value}" for name, value in each.trial.changes.items()),
                    signed(each.bought(base)),
                    *(signed(each.bought_on(other, base)) for other in others),
                )
            )
    columns = ("recipe", "changes", "in", "mean over people", *others)
    note = "Positive: better than the recipe it changes, on the same people, cells and seeds."
    return Table("AUROC bought", columns, rows, note) if rows else None


def signed(found: object) -> str:
    """Write a difference with its interval, signs and all."""
    value, low, high = (getattr(found, name) for name in ("value", "low", "high"))
    return f"{value:+.3f} ({low:+.3f} to {high:+.3f})"


def _key(system: System) -> tuple[str, str]:
    return system.system, "" if system.system == BASELINES else system.recipe


def _stems(system: str, folder: Path) -> list[str]:
    """Names that the files of a system begin with: its own, or those of all baselines."""
    if system != BASELINES:
        return [system]
    ending = f"-{_HELD_OUT}.csv"
    return sorted(path.name.removesuffix(ending) for path in folder.glob(f"*{ending}"))


def _trial(study: Study, stem: str, recipe: str, runs: Runs) -> Trial:
    held_out: dict[str, list[Predictions]] = {}
    others: dict[str, list[Predictions]] = {name: [] for name in study.also}
    for _, split, folder in runs:
        held_out.setdefault(split, []).append(read_predictions(folder / f"{stem}-{_HELD_OUT}.csv"))
        for name in others:
            others[name].append(read_predictions(folder / f"{stem}-{name}.csv"))
    variant = study.recipes.get(recipe)
    base, changes = (variant.base, variant.changes) if variant else ("", {})
    return Trial(_title(stem, recipe), stem, recipe, base, changes, held_out, others)


def _title(stem: str, recipe: str) -> str:
    if recipe:
        return f"{NETWORK_TITLES.get(stem, stem)}, {recipe}"
    classifier, _, features = stem.partition("-")
    named = CLASSIFIER_TITLES.get(classifier, classifier)
    return f"{named}, on {FEATURE_TITLES.get(features, features)}"
