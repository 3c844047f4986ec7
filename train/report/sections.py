"""Sections of the report."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from calibration.cells.pictures import Pictures
from calibration.figures import draw_figure
from edge.documents.model import Figure, Heading, Part, Section, Text
from edge.documents.words import counted, number
from train.report import figures, paper, paper_tables, tables
from train.report.errors import sheet, what_it_is, worst_errors
from train.report.paper import NEGATIVE, POSITIVE
from train.report.results import Result, Results, System, leak_free_units, subjects_known
from train.report.runs import Split
from train.report.words import leak_free_protocol

FIGURE, PICTURES = "figure-", "worst-errors-"
"""How the names of the files begin that hold figures, and pictures of real cells."""

_MOST_SUBJECTS = 60  # rows of a figure that still fits on a page


def leak(results: Results) -> Section:
    """Paper split against people never seen."""
    protocol = leak_free_protocol(results)
    parts: list[Part] = [Text(words) for words in _leak_in_words(results, protocol)]
    parts += [
        _figure(
            "paper-split-against-people-never-seen",
            draw_figure(figures.comparison, results),
            "For every system, AUROC and balanced accuracy on the paper split and on people never"
            " seen; the numbers stand in the tables below.",
            "Every system on the paper split (disc, with its 95 % interval) and on people never"
            " seen (open marks; the upright bar is their mean). Dotted: chance.",
        ),
        tables.comparison_table(results, "auroc", "AUROC"),
        tables.comparison_table(results, "balanced_accuracy", "Balanced accuracy"),
    ]
    per_subject = tables.negative_subjects_table(results)
    return Section("What is left without the leak", [*parts, per_subject] if per_subject else parts)


def _leak_in_words(results: Results, protocol: str | None) -> list[str]:
    words = []
    for split in results.with_protocol("paper")[:1]:
        best = max(results.on(split), key=lambda result: result.evaluation.scores.auroc)
        words.append(
            f"Highest AUROC on the paper's kind of split: {best.system.title},"
            f" {number(best.evaluation.scores.auroc)}."
        )
    if protocol:
        means = {
            system: float(np.mean([unit.scores.auroc for unit in units]))
            for system in results.systems
            if (units := leak_free_units(results, protocol, system))
        }
        first = max(means, key=lambda system: means[system])
        units = leak_free_units(results, protocol, first)
        what = f"{NEGATIVE} subjects held out" if protocol == "holdout" else f"{protocol} splits"
        words.append(
            f"Highest mean AUROC on people never seen: {first.title}, {number(means[first])}"
            f" over {len(units)} {what}. It is the best of {len(means)} systems and was chosen on"
            " these very numbers, so that it flatters a little."
        )
    words.append(
        "For comparison, the winner of the ISBI 2019 challenge, also on people never seen, reached"
        f" a weighted F1 of {paper.WINNER_PRELIMINARY:.3f} on the preliminary and"
        f" {paper.WINNER_FINAL:.3f} on the final test set, trained on the whole training set."
    )
    return words


def beside_the_paper(results: Results) -> Section:
    """The paper's kinds of tables and figures, with its numbers."""
    parts: list[Part] = [
        Text(
            "The paper's kinds of tables, ours beside its published numbers."
            f" “{paper.NOT_STATED}” marks what the project has no record of; tables and figures"
            " are numbered here, not by the paper."
        ),
        paper_tables.crops_table(results),
        paper_tables.networks_table(),
        paper_tables.accuracies_table(results),
    ]
    for split in results.with_protocol("paper"):
        parts.append(
            tables.per_class_table(
                results,
                split,
                f"Table 4. Precision, recall and F1 per class, {split.title}",
                f"The paper's: {paper.NOT_STATED}.",
            )
        )
    parts += [paper_tables.baselines_table(results), paper_tables.timing_table(results)]
    parts += _training_curves(results)
    parts.append(
        _figure(
            "roc",
            draw_figure(figures.roc, results),
            "ROC curves per split; the areas stand in the tables.",
            "Figure 2. ROC curves, one panel per split.",
        )
    )
    for place, group in enumerate(figures.groups(results.shown), 1):
        parts.append(
            _figure(
                f"confusion-{place}",
                draw_figure(figures.confusion, results, group),
                f"Confusion matrices of {_titles(group)} per split; the tables have the counts.",
                f"Figure 3. Confusion matrices of {_titles(group)}: crops, and their share of the"
                " row.",
            )
        )
    return Section("Beside the paper", parts)


def _training_curves(results: Results) -> list[Part]:
    parts: list[Part] = []
    for place, group in enumerate(figures.groups(figures.trained(results)), 1):
        parts += [
            _figure(
                f"training-accuracy-{place}",
                draw_figure(figures.accuracy_curves, results, group),
                f"Accuracy of {_titles(group)} on the training and the test part, per epoch.",
                f"Figure 1a. Accuracy per epoch of {_titles(group)}. Dotted: the mean of the test"
                " accuracy over all epochs, which the paper calls validation accuracy.",
            ),
            _figure(
                f"training-loss-{place}",
                draw_figure(figures.loss_curves, results, group),
                f"Loss of {_titles(group)} on the training and the test part, per epoch.",
                f"Figure 1b. Loss per epoch of {_titles(group)}; the recipes differ in their loss.",
            ),
        ]
    return parts


def _titles(systems: Sequence[System]) -> str:
    return "; ".join(system.title for system in systems)


def every_split(results: Results) -> Section:
    """All scores of all systems, split by split."""
    parts: list[Part] = [
        Text(
            "Decisions at probability 0.5, all networks in evaluation mode. Intervals come from a"
            " bootstrap that draws subjects with replacement within each class, because cells of"
            " one person resemble each other. ECE in ten equal-width bins, not balanced."
        )
    ]
    for split in results.splits:
        parts += [
            Heading(split.title[0].upper() + split.title[1:]),
            tables.scores_table(results, split),
            tables.confusion_table(results, split),
        ]
        if split.protocol != "paper":  # there it is Table 4
            caption = f"Precision, recall and F1 per class, {split.title}"
            parts.append(tables.per_class_table(results, split, caption))
    return Section("Every system on every split", parts)


def every_subject(results: Results) -> Section:
    """Accuracy of each subject."""
    parts: list[Part] = []
    for split in results.splits:
        found = results.on(split)
        parts.append(Heading(split.title[0].upper() + split.title[1:]))
        if not subjects_known(found[0]):
            parts.append(Text("The files do not say whose cells these are."))
            continue
        rows = _subject_rows(found, results.shown)
        shown = [(title, {s: a[s] for s in results.shown if s in a}) for title, a in rows]
        parts.append(
            _figure(
                f"subjects-{_slug(split)}",
                draw_figure(figures.subjects, results, shown[:_MOST_SUBJECTS]),
                f"Accuracy of each subject, {split.title}; the table below has the numbers.",
                f"Accuracy of each subject, {split.title}, lowest first within each class."
                + (f" The first {_MOST_SUBJECTS}." if len(rows) > _MOST_SUBJECTS else ""),
            )
        )
        parts.append(tables.subjects_table(split, rows, [result.system for result in found]))
    return Section("Each subject", parts)


def _subject_rows(
    found: Sequence[Result], shown: Sequence[System]
) -> list[tuple[str, dict[System, float]]]:
    """Title and accuracies of each subject, negative ones first, lowest of those shown first."""
    first = found[0].run
    rows = []
    for label, title in enumerate((NEGATIVE, POSITIVE)):
        for subject in sorted(set(first.subjects[first.labels == label].tolist())):
            its = (first.subjects == subject) & (first.labels == label)
            accuracies = {
                result.system: float(np.mean((result.run.margins[its] >= 0) == (label == 1)))
                for result in found
            }
            of_shown = [accuracies[system] for system in shown if system in accuracies]
            mean = float(np.mean(of_shown or list(accuracies.values())))
            words = f"{subject} ({title}, {counted(int(its.sum()), 'crop')})"
            rows.append((label, mean, words, accuracies))
    return [(words, accuracies) for _, _, words, accuracies in sorted(rows, key=lambda r: r[:3])]


def what_probabilities_mean(results: Results) -> Section:
    """Reliability of the probabilities."""
    words = (
        "Raw probabilities, before temperature scaling. The networks are trained with class"
        f" weights, as if half of all cells showed {POSITIVE}, so that on a set with more their"
        " probabilities are too low by construction."
    )
    curves = [
        _figure(
            f"reliability-{place}",
            draw_figure(figures.reliability_curves, results, group),
            f"Share of crops that are {POSITIVE} against the probability given, per split, for"
            f" {_titles(group)}; the tables have the calibration errors.",
            f"Share of crops that are {POSITIVE} against the probability given, in ten bins:"
            f" {_titles(group)}. On the dotted line a probability means what it says.",
        )
        for place, group in enumerate(figures.groups(results.shown), 1)
    ]
    return Section("What the probabilities mean", [Text(words), *curves])


def differences(results: Results) -> Section:
    """McNemar's test between every two systems."""
    return Section(
        "Which differences are more than chance",
        [
            Text(
                "Below the diagonal: p of McNemar's exact test, two-sided, not corrected for the"
                " number of comparisons. Above it: how many crops only the system of the row"
                " decides correctly, and how many only that of the column. The test takes crops for"
                " independent; cells of one person are not, so that true p are larger."
            ),
            *(tables.mcnemar_table(results, split) for split in results.splits),
        ],
    )


def errors(results: Results, pictures: Pictures | None) -> Section:
    """The errors systems are surest about; `pictures` is None for a copy without any."""
    parts: list[Part] = [
        Text(
            "Crops decided wrongly, those a network was surest about first."
            + ("" if pictures else " Pictures of real cells are left out of this copy.")
        )
    ]
    for split in results.splits:
        if not pictures:
            rows = [(r.system, worst_errors(r)) for r in results.shown_on(split)]
            parts.append(tables.errors_table(split, rows))
            continue
        for result in results.shown_on(split):
            errors = worst_errors(result)
            image = draw_figure(sheet, errors, pictures, suffix="png")
            caption = f"{result.system.title}, {split.title}; p is the probability of {POSITIVE}."
            described = "; ".join(f"{e.name}: {what_it_is(e)}" for e in errors)
            name = f"{PICTURES}{_slug(split)}-{_word(result.system.title)}.png"
            parts.append(Figure(name, image, described or "No errors.", caption))
    return Section("The worst errors", parts)


def _figure(name: str, image: bytes, alt: str, caption: str) -> Figure:
    return Figure(f"{FIGURE}{name}.svg", image, alt, caption)


def _slug(split: Split) -> str:
    return _word(split.name)


def _word(words: str) -> str:
    """Make a file name of words."""
    kept = (letter if letter.isalnum() else "-" for letter in words.lower())
    return "-".join(part for part in "".join(kept).split("-") if part)
