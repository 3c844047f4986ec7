"""The report: the paper's tables and figures with ours beside them, and what a leak hides."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from calibration.cells.pictures import Pictures
from edge.documents.html import to_html
from edge.documents.markdown import to_markdown
from edge.documents.model import Report, Section
from edge.documents.words import counted
from edge.errors import OutputFailed
from edge.models import cnmc
from edge.statistics.evaluation import REPLICATES
from edge.whole_file import save_bytes
from train.report import paper, sections, tables
from train.report.paper import NEGATIVE, POSITIVE
from train.report.results import Result, Results, measure_runs
from train.report.runs import read_runs
from train.report.sections import FIGURE, PICTURES


def write_report(
    runs: Sequence[Path], out: Path, pictures: Path | None, replicates: int = REPLICATES
) -> list[Path]:
    """Write a report on finished runs.

    Figures and pictures of an earlier report in the same folder are removed, so
    that a copy made without pictures of real cells holds none.

    Parameters
    ----------
    runs : sequence of Path
        Folders of finished runs (:mod:`train.report.runs`).
    out : Path
        Folder for ``report.md``, its figures, and ``report.html``, which needs no other file.
    pictures : Path or None
        Folder of labelled crops, to show the worst errors as pictures; without it
        they are only named.
    replicates : int
        Of the bootstrap behind the intervals.

    Returns
    -------
    list of Path
        The files written, ``report.md`` and ``report.html`` first.

    Raises
    ------
    DataRefused
        If a run or the folder of pictures cannot be used; names it.
    OutputFailed
        If a file cannot be written.
    """
    results = measure_runs(read_runs(runs), replicates)
    report = describe_study(results, _pictures(pictures) if pictures else None)
    files = {
        "report.md": to_markdown(report).encode(),
        "report.html": to_html(report).encode(),
        **{figure.file: figure.image for figure in report.figures},
    }
    try:
        for stale in [*out.glob(f"{FIGURE}*.svg"), *out.glob(f"{PICTURES}*.png")]:
            stale.unlink()
    except OSError as error:
        raise OutputFailed(f"the report cannot be written to {out}: {error.strerror}") from error
    for name, content in files.items():
        save_bytes(out / name, content)
    return [out / name for name in files]


def _pictures(folder: Path) -> Pictures:
    return Pictures(folder, cnmc.NAMES, cnmc.SIDE, cnmc.CONTRACT.background)


def describe_study(results: Results, pictures: Pictures | None) -> Report:
    """Put everything the report says in order."""
    return Report(
        f"{NEGATIVE.capitalize()} or {POSITIVE}, cell by cell: the paper's protocol and an honest"
        " one",
        _notices(results),
        [
            sections.leak(results),
            sections.beside_the_paper(results),
            sections.every_split(results),
            sections.every_subject(results),
            sections.what_probabilities_mean(results),
            sections.differences(results),
            sections.errors(results, pictures),
            Section("What made these numbers", [tables.made_by_table(results)]),
        ],
    )


def _notices(results: Results) -> list[str]:
    notices = [
        "Research software: nothing here is a diagnosis, and no number here says how well it"
        " would do in a laboratory.",
        *_what_data(results),
    ]
    for split in results.with_protocol("paper"):
        run = results.on(split)[0].run
        both = run.training.subjects & run.held_out.subjects
        notices.append(
            f"On the {split.title}, {len(both)} of the"
            f" {counted(len(run.held_out.subjects), 'test subject')} stand on both sides, as in"
            " the paper: its numbers flatter."
        )
    names = [split.title for split in results.splits if split.protocol != "paper"]
    if names:
        notices.append(
            f"On {', '.join(names)}, nobody tested was trained on: these are the honest numbers."
        )
    return notices


def _what_data(results: Results) -> list[str]:
    """Say what the crops are, how many, of how many people, and whose results these are not."""
    by_dataset: dict[str, list[Result]] = {}
    for result in results.measured.values():
        by_dataset.setdefault(result.run.dataset, []).append(result)
    whole = paper.CROPS.negative + paper.CROPS.positive
    lines, most = [], 0
    for dataset, found in sorted(by_dataset.items()):
        run = max((r.run for r in found), key=lambda run: run.training.crops + run.held_out.crops)
        crops = run.training.crops + run.held_out.crops
        negative = run.training.negative + run.held_out.negative
        people = run.training.subjects | run.held_out.subjects
        most = max(most, crops)
        lines.append(
            f"Data: {dataset}; {crops:,} crops ({negative:,} {NEGATIVE},"
            f" {crops - negative:,} {POSITIVE}) of {counted(len(people), 'subject')}."
        )
    if most < 0.99 * whole:  # all of C-NMC less its byte-identical crops is just above that
        lines.append(
            f"The paper had {whole:,} crops of C-NMC 2019 and this is {most / whole:.0%} of that:"
            " what is measured here is a result on a part of C-NMC and never the paper's result."
        )
    else:
        lines.append(
            "The paper's own split is not known: what is measured here is never the paper's result."
        )
    return lines
