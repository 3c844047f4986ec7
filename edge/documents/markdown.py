"""A report as Markdown; its figures are files beside it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from edge.documents.model import Figure, Heading, Part, Report, Table, Text


def to_markdown(report: Report) -> str:
    """Render a report; what comes from data gets no meaning in Markdown."""
    blocks = [f"# {_plain(report.title)}"]
    blocks.append("\n".join(f"- {_plain(notice)}" for notice in report.notices))
    for section in report.sections:
        blocks.append(f"## {_plain(section.title)}")
        blocks += [_part_to_markdown(part) for part in section.parts]
    return "\n\n".join(blocks) + "\n"


def _part_to_markdown(part: Part) -> str:
    if isinstance(part, Text):
        return _plain(part.words)
    if isinstance(part, Heading):
        return f"### {_plain(part.words)}"
    if isinstance(part, Figure):
        return f"![{_plain(part.alt)}]({part.file})\n\n*{_plain(part.caption)}*"
    return _table_to_markdown(part)


def _table_to_markdown(table: Table) -> str:
    lines = [
        _row_to_markdown(table.columns),
        "|" + "|".join(" ---: " if right else " --- " for right in table.aligned_right) + "|",
        *(_row_to_markdown(row) for row in table.rows),
    ]
    note = f"\n\n{_plain(table.note)}" if table.note else ""
    return f"**{_plain(table.caption)}**\n\n" + "\n".join(lines) + note


def _row_to_markdown(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(_plain, cells)) + " |"


def _plain(words: str) -> str:
    """Keep Markdown from reading marks of its own in what comes from data."""
    return re.sub(r"([\\`*<>|\[\]]|(?<!\w)_|_(?!\w))", r"\\\1", " ".join(words.split()))
