"""The report of a control: one self-contained page, or Markdown, JSON, JUnit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from edge.documents.charts import line_chart
from edge.documents.html import to_html
from edge.documents.junit import Check, to_junit
from edge.documents.markdown import to_markdown
from edge.documents.model import Figure, Part, Report, Section, Table, Text
from edge.drift.control import ChannelControl, ControlVerdict
from edge.drift.field_days import FIELD_WORDS
from edge.drift.smears import IN_WORDS
from edge.whole_file import save_bytes

_WORDS = {**IN_WORDS, **FIELD_WORDS}

SCHEMA = 1
"""Version of the schema of the JSON report."""

NOTICES = (
    "A control: the same slide day by day. It says whether microscope, camera and cutting out are"
    " as they were, nothing about today's smears.",
    "Research software: this is not a diagnosis.",
)


def write_control_report(path: Path, found: ControlVerdict) -> None:
    """Write a report in the format of the file's suffix.

    Raises
    ------
    OutputFailed
    """
    kind = path.suffix.lower()
    if kind == ".json":
        fields = {"schema": SCHEMA, "says": found.says, **asdict(found)}
        save_bytes(path, (json.dumps(fields, indent=1) + "\n").encode())
    elif kind == ".xml":
        checks = [
            Check(
                "control",
                each.channel,
                not each.is_out,
                f"{each.channel}: {' '.join(each.broken) or 'in control'}",
                " ".join(each.broken) if each.is_out else "",
            )
            for each in found.channels
        ] or [Check("control", "days", None, found.says)]
        save_bytes(path, to_junit("control", checks))
    else:
        report = Report("Control", NOTICES, [Section("Verdict", list(_parts(found, path.stem)))])
        if kind == ".md":
            for figure in report.figures:
                save_bytes(path.with_name(figure.file), figure.image)
        save_bytes(path, (to_markdown(report) if kind == ".md" else to_html(report)).encode())


def _parts(found: ControlVerdict, stem: str) -> Iterator[Part]:
    yield Text(f"{found.says}.")
    if not found.channels:
        return
    rows = [
        (
            _WORDS[each.channel],
            f"{each.mean:.4g}",
            f"{each.spread:.3g}",
            f"{each.deviations[-1]:+.2f}" if each.deviations else "-",
            " ".join(each.broken),
        )
        for each in found.channels
    ]
    note = (
        f"Established on the first {found.established} days. Rules of Westgard; 1-2s warns, the"
        " others reject. Each channel is judged by itself: of twelve that are as they were, 1-3s"
        " rejects one on about 3 days in 100; of five, on about 1."
    )
    columns = ("what", "mean", "spread", "last day, in spreads", "broken rules")
    yield Table("The last day", columns, rows, note)
    for each in found.channels:
        if each.deviations and each.broken:
            yield _chart(each, stem)


def _chart(each: ChannelControl, stem: str) -> Figure:
    title = f"Levey-Jennings chart of {_WORDS[each.channel]}, in spreads from the mean"
    chart = line_chart(
        each.deviations, title, "days since the control was established", (-3, -2, 2, 3)
    )
    return Figure(f"{stem}-{each.channel}.svg", chart, title, f"{title}; lines at 2 and 3.")
