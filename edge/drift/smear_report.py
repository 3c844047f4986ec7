"""The report of a data drift: JSON, Markdown, JUnit and one self-contained page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from edge.documents.charts import line_chart
from edge.documents.html import to_html
from edge.documents.junit import Check, to_junit
from edge.documents.markdown import to_markdown
from edge.documents.model import Figure, Part, Report, Section, Table, Text
from edge.documents.words import estimate
from edge.drift.accuracy_range import AccuracyRange
from edge.drift.monitor import ALARM, NO_VERDICT, Distance, SmearVerdict
from edge.drift.moving_averages import MovingAverage, moving_averages
from edge.drift.people import People
from edge.drift.smears import CHANNELS, FEWEST_CELLS, IN_WORDS, Smear
from edge.statistics.control_rules import BULL_SMEARS
from edge.whole_file import save_bytes

SCHEMA = 1
"""Version of the schema of the JSON report."""

NOTICES = (
    "Data drift: these smears against the people of a reference. It says nothing about whether"
    " the network is right about them.",
    "Research software: this is not a diagnosis.",
)

_MOST_SHOWN = 30  # smears in the table, the last ones


def write_smear_report(
    path: Path,
    found: SmearVerdict,
    reference: People,
    seen: People,
    distances: Sequence[Distance],
    accuracy: AccuracyRange,
) -> None:
    """Write a report in the format of the file's suffix.

    Parameters
    ----------
    path : Path
        As :func:`edge.drift.report.check_reports` takes it.
    found : SmearVerdict
    reference, seen : People
    distances : sequence of Distance
    accuracy : AccuracyRange

    Raises
    ------
    OutputFailed
    """
    kind = path.suffix.lower()
    if kind == ".json":
        fields = {
            "schema": SCHEMA,
            **asdict(found),
            "smears": [asdict(smear) for smear in seen.smears],
            "distances": [asdict(distance) for distance in distances],
            "accuracy_without_labels": asdict(accuracy),
            "moving_averages": [asdict(a) for a in moving_averages(reference, seen.smears)],
        }
        save_bytes(path, (json.dumps(fields, indent=1) + "\n").encode())
    elif kind == ".xml":
        passed = {ALARM: False, NO_VERDICT: None}.get(found.verdict, True)
        failure = found.says if passed is False else ""
        check = Check("smears.data-drift", "evidence", passed, found.says, failure)
        save_bytes(path, to_junit("data drift", [check]))
    else:
        report = _document_of(found, reference, seen, distances, accuracy, path.stem)
        if kind == ".md":
            for figure in report.figures:
                save_bytes(path.with_name(figure.file), figure.image)
        text = to_markdown(report) if kind == ".md" else to_html(report)
        save_bytes(path, text.encode())


def _document_of(
    found: SmearVerdict,
    reference: People,
    seen: People,
    distances: Sequence[Distance],
    accuracy: AccuracyRange,
    stem: str,
) -> Report:
    sections = [Section("Verdict", list(_verdict(found, reference, seen, stem)))]
    sections.append(Section("Accuracy without labels", list(_accuracy(accuracy))))
    sections.append(Section("Smears", [_smears(seen.smears)]))
    averages = moving_averages(reference, seen.smears)
    if averages:
        parts = list(_averages(averages, len(seen.smears), stem))
        sections.append(Section(f"Moving averages of {BULL_SMEARS} smears", parts))
    if distances:
        sections.append(Section("Descriptions without a verdict", [_distances(distances)]))
    return Report("Data drift of smears", NOTICES, sections)


def _verdict(found: SmearVerdict, reference: People, seen: People, stem: str) -> Iterator[Part]:
    yield Text(f"{found.says}.")
    if not found.evidence:
        return
    title = "Evidence after each smear, and the limit"
    chart = line_chart(
        np.log10(np.array(found.evidence) + 1).tolist(),
        title,
        "smears in the order in which they came; logarithm of the evidence and 1, base 10",
        [float(np.log10(found.run_length + 1))],
    )
    caption = (
        f"{title}: without a change it is reached once in {found.run_length:,.0f} smears on"
        " average, or more rarely."
    )
    yield Figure(f"{stem}-evidence.svg", chart, title, caption)
    yield _channels(found)
    yield _picture(found, reference, seen, stem)


def _channels(found: SmearVerdict) -> Table:
    rows = [
        (
            IN_WORDS[moved.channel],
            moved.side,
            f"{moved.evidence:,.2f}",
            f"{moved.p_value:.3f}",
        )
        for moved in found.channels[: len(CHANNELS)]
    ]
    note = "The conformal p-value is of the last smear alone, against the people of the reference."
    columns = ("what", "side", "evidence", "p-value")
    return Table("What moved, most first", columns, rows, note)


def _picture(found: SmearVerdict, reference: People, seen: People, stem: str) -> Figure:
    """The channel on top, smear by smear, between the least and the most of the people."""
    channel = found.channels[0].channel
    people = [s.values[channel] for s in reference.smears if s.cells >= FEWEST_CELLS]
    values = [s.values[channel] for s in seen.smears if s.cells >= FEWEST_CELLS]
    middle = float(np.median(people))
    off = [value - middle for value in values]
    ends = [min(people) - middle, max(people) - middle]
    title = f"{IN_WORDS[channel]}, less the median of the people of the reference"
    chart = line_chart(off, title, "smears in the order in which they came", ends)
    return Figure(
        f"{stem}-{channel}.svg", chart, title, f"{title}; broken lines: their least and most."
    )


def _accuracy(accuracy: AccuracyRange) -> Iterator[Part]:
    yield Text(f"{accuracy.says}.")
    if accuracy.guesses:
        rows = [(method, estimate(guess)) for method, guess in accuracy.guesses.items()]
        note = (
            "In parentheses: where 95 of 100 people like those with labels lie. All three guess by"
            " how sure the network is; where it is wrongly sure, all three are too high."
        )
        yield Table("Of today's smears together", ("guess", "accuracy"), rows, note)


def _averages(averages: Sequence[MovingAverage], smears: int, stem: str) -> Iterator[Part]:
    first = averages[0]
    title = f"{IN_WORDS[first.channel]}: Bull's average, in spreads between people from their mean"
    chart = line_chart(first.deviations, title, f"batches of {BULL_SMEARS} smears", (0,))
    yield Figure(f"{stem}-average-{first.channel}.svg", chart, title, f"{title}.")
    rows = [(IN_WORDS[each.channel], f"{each.deviations[-1]:+.2f}") for each in averages]
    note = (
        "A description without a verdict; an odd smear moves it little. Each batch begins where the"
        f" one before ended, and the last one ends with the last of {smears} smears."
    )
    columns = ("what", "last batch, in spreads between people")
    yield Table("Farthest off first", columns, rows, note)


def _smears(smears: Sequence[Smear]) -> Table:
    shown = smears[-_MOST_SHOWN:]
    rows = [
        (smear.name, f"{smear.cells}", *(f"{smear.values[channel]:.3f}" for channel in CHANNELS))
        for smear in shown
    ]
    note = f"The last {len(shown)} of {len(smears)}: medians over cells, and the share referred."
    return Table("What smears look like", ("smear", "cells", *CHANNELS), rows, note)


def _distances(distances: Sequence[Distance]) -> Table:
    rows = [
        (
            each.what,
            f"{each.stability_index:.3f}",
            f"{each.jensen_shannon:.3f}",
            f"{each.wasserstein:.3g}",
            f"{each.kolmogorov_smirnov:.3f}",
        )
        for each in distances
    ]
    columns = ("what", "PSI", "Jensen-Shannon, bits", "Wasserstein-1", "Kolmogorov-Smirnov")
    note = (
        "Of all cells together. Cells of one person resemble each other, so that none of these"
        " numbers tells by itself whether anything drifted."
    )
    return Table("Cells against those of the reference", columns, rows, note)
