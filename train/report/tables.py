"""Tables of the report that the paper has not: what a leak hides, and every system in full."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edge.documents.model import Table
from edge.documents.words import basis_words, number, p_value
from edge.statistics.mcnemar import mcnemar
from train.data.split_file import PROTOCOLS
from train.report.errors import WorstError, what_it_is
from train.report.paper import NEGATIVE, POSITIVE
from train.report.results import Result, Results, System, Unit, leak_free_units
from train.report.runs import Run, Split
from train.report.words import NOT_RUN, estimated, mean_of, on_paper_split, values_of

_WHAT_IS_AVERAGED = (
    f"The mean is over the {NEGATIVE} subjects held out, each against all {POSITIVE} crops of its"
    " split"
    " (holdout), or over the splits."
)

_PER_CLASS = {"precision": "precision", "recall": "recall", "f1": "F1"}


def comparison_table(results: Results, score: str, title: str) -> Table:
    """A score on the paper split, on people never seen, and what is lost between."""
    protocols = [p for p in PROTOCOLS[1:] if results.with_protocol(p)]
    columns = ["system", "paper split"]
    for protocol in protocols:
        columns += [f"{protocol}: mean", f"{protocol}: lowest to highest", "lost"]
    rows = []
    for system in results.systems:
        on_paper = on_paper_split(results, system)
        row = [system.title, estimated(on_paper, score)]
        for protocol in protocols:
            units = leak_free_units(results, protocol, system)
            row += [mean_of(units, score), _range(units, score), _lost(on_paper, units, score)]
        rows.append(row)
    return Table(
        f"{title}: paper split against people never seen",
        columns,
        rows,
        "Lost: what the paper split shows above the mean on people never seen."
        f" {_WHAT_IS_AVERAGED}",
    )


def negative_subjects_table(results: Results) -> Table | None:
    """AUROC and balanced accuracy per negative subject held out, or None without any."""
    systems = results.shown
    rows = []
    for split in results.with_protocol("holdout"):
        held_out = results.on(split)
        for subject in sorted({name for result in held_out for name in result.per_negative}):
            crops = int(
                np.sum((held_out[0].run.subjects == subject) & (held_out[0].run.labels == 0))
            )
            found = [results.measured.get((split, system)) for system in systems]
            cells = [_two_scores(result, subject) for result in found]
            positive = held_out[0].evaluation.positive
            rows.append(
                (subject, str(crops), f"{positive.crops} of {positive.subjects} subjects", *cells)
            )
    if not rows:
        return None
    return Table(
        f"Each {NEGATIVE} subject, never seen in training: AUROC / balanced accuracy",
        (
            f"{NEGATIVE} subject",
            f"{NEGATIVE} crops",
            f"against {POSITIVE} crops",
            *(system.title for system in systems),
        ),
        rows,
    )


def scores_table(results: Results, split: Split) -> Table:
    """All scores of every system on a split."""
    scores = {
        "accuracy": "accuracy",
        "balanced_accuracy": "balanced accuracy",
        "weighted_f1": "weighted F1",
        "auroc": "AUROC",
        "average_precision": "average precision",
        "ece": "ECE",
        "brier": "Brier",
    }
    evaluation = results.on(split)[0].evaluation
    return Table(
        f"All systems, {split.title}",
        ("system", *scores.values()),
        [
            (result.system.title, *(estimated(result, score) for score in scores))
            for result in results.on(split)
        ],
        basis_words({NEGATIVE: evaluation.negative, POSITIVE: evaluation.positive}),
    )


def per_class_table(results: Results, split: Split, caption: str, note: str = "") -> Table:
    """Precision, recall and F1 of both classes on a split."""
    scores = [f"{score}_{label}" for label in ("negative", "positive") for score in _PER_CLASS]
    return Table(
        caption,
        ("system", *(f"{t}: {s}" for t in (NEGATIVE, POSITIVE) for s in _PER_CLASS.values())),
        [
            (result.system.title, *(estimated(result, score) for score in scores))
            for result in results.on(split)
        ],
        note,
    )


def confusion_table(results: Results, split: Split) -> Table:
    """Confusion matrices of every system on a split, a row each."""
    return Table(
        f"Decisions, {split.title}",
        (
            "system",
            *(
                f"{is_so} decided {so}"
                for is_so in (NEGATIVE, POSITIVE)
                for so in (NEGATIVE, POSITIVE)
            ),
        ),
        [
            (result.system.title, *(str(n) for row in result.evaluation.confusion for n in row))
            for result in results.on(split)
        ],
    )


def mcnemar_table(results: Results, split: Split) -> Table:
    """McNemar's test between every two systems on a split."""
    found = results.on(split)
    right = [(result.run.margins >= 0) == (result.run.labels == 1) for result in found]
    rows = []
    for i, result in enumerate(found):
        row = [result.system.title]
        for j in range(len(found)):
            test = mcnemar(right[i], right[j])
            below = f"{test.only_first}:{test.only_second}"
            row.append("-" if i == j else p_value(test.p_value) if j < i else below)
        rows.append(row)
    return Table(
        f"McNemar's exact test, {split.title}",
        ("system", *(result.system.title for result in found)),
        rows,
    )


def subjects_table(
    split: Split, rows: Sequence[tuple[str, dict[System, float]]], systems: Sequence[System]
) -> Table:
    """Accuracy of each subject of a split."""
    return Table(
        f"Accuracy of each subject held out, {split.title}",
        ("subject", *(system.title for system in systems)),
        [
            (
                title,
                *(number(found[s]) if s in found else NOT_RUN for s in systems),
            )
            for title, found in rows
        ],
    )


def errors_table(split: Split, found: Sequence[tuple[System, Sequence[WorstError]]]) -> Table:
    """Names of the errors each system is surest about."""
    return Table(
        f"Surest errors, {split.title}",
        ("system", "crop", "subject", "is", f"probability of {POSITIVE}"),
        [
            (system.title, error.name, error.subject, what_it_is(error), number(error.p_positive))
            for system, errors in found
            for error in errors
        ],
    )


def made_by_table(results: Results) -> Table:
    """What made each number: systems that share everything else share a row."""
    rows: dict[tuple[str, ...], list[str]] = {}
    for split in results.splits:
        for result in results.on(split):
            run = result.run
            made_by = (
                split.title,
                run.recipe or "-",
                _pairs(run.settings),
                _pairs(run.versions),
                run.machine,
                run.code,
                run.data_sha256[:12],
                split.sha256[:12],
            )
            rows.setdefault(made_by, []).append(_timed(run))
    return Table(
        "Runs",
        (
            "split",
            "systems",
            "recipe",
            "settings",
            "versions",
            "machine",
            "code",
            "data's hash",
            "split's hash",
        ),
        [(split, "; ".join(systems), *rest) for (split, *rest), systems in rows.items()],
        "Hashes are the first twelve digits of SHA-256.",
    )


def _timed(run: Run) -> str:
    """Name of a system, and how long its epochs took where it has any."""
    if run.seconds_per_epoch is None:
        return run.name
    return f"{run.name} ({run.seconds_per_epoch:.2f} s per epoch)"


def _range(units: Sequence[Unit], score: str) -> str:
    values = values_of(units, score)
    return f"{number(min(values))}-{number(max(values))}" if values else NOT_RUN


def _lost(on_paper: Result | None, units: Sequence[Unit], score: str) -> str:
    if not on_paper or not units:
        return "-"
    return number(getattr(on_paper.evaluation.scores, score) - np.mean(values_of(units, score)))


def _two_scores(result: Result | None, subject: str) -> str:
    if not result:
        return NOT_RUN
    scores = result.per_negative[subject]
    return f"{number(scores.auroc)} / {number(scores.balanced_accuracy)}"


def _pairs(fields: dict[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in sorted(fields.items())) or "-"
