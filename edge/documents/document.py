"""What a report says, apart from how it is written: rendered as Markdown and as HTML."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import ClassVar

_NUMBER = re.compile(r"[<+-]?[\d,.]+(e-?\d+)?%?|\d+:\d+|-|not .*")  # or what stands for one


@dataclass(frozen=True)
class Text:
    """A paragraph of plain text."""

    kind: ClassVar[str] = "text"

    words: str


@dataclass(frozen=True)
class Heading:
    """A heading below a section's."""

    kind: ClassVar[str] = "heading"

    words: str


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes
    ----------
    caption : str
    columns : tuple of str
    rows : sequence of sequence of str
        The first cell of a row names it.
    note : str
        Below the table; may be empty.
    """

    kind: ClassVar[str] = "table"

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""

    @property
    def aligned_right(self) -> list[bool]:
        """Per column, whether it holds nothing but numbers."""
        return [
            bool(cells)
            and all(
                re.fullmatch(r"[<+-]?[\d,.]+(e-?\d+)?%?|\d+:\d+|-|not .*", cell) for cell in cells
            )
            for cells in ([row[i] for row in self.rows] for i in range(len(self.columns)))
        ]


@dataclass(frozen=True)
class Figure:
    """A figure.

    Attributes
    ----------
    file : str
        Name of its file; the suffix, ``.svg`` or ``.png``, says what `image` is.
    image : bytes
    alt : str
        What it shows, for who cannot see it.
    caption : str
    """

    kind: ClassVar[str] = "figure"
    file: str
    image: bytes
    alt: str
    caption: str

    @property
    def data_uri(self) -> str:
        """The image as it stands in a page that needs no other file."""
        kind = {"svg": "image/svg+xml", "png": "image/png"}[self.file.rpartition(".")[2]]
        return f"data:{kind};base64,{base64.b64encode(self.image).decode()}"


Part = Text | Heading | Table | Figure


@dataclass(frozen=True)
class Section:
    """A titled section."""

    title: str
    parts: Sequence[Part]


@dataclass(frozen=True)
class Report:
    """A report.

    Attributes
    ----------
    title : str
    notices : sequence of str
        What a reader must know before any number.
    sections : sequence of Section
    """

    title: str
    notices: Sequence[str]
    sections: Sequence[Section]

    @property
    def figures(self) -> list[Figure]:
        """All figures, in order."""
        return [p for section in self.sections for p in section.parts if isinstance(p, Figure)]


def to_markdown(report: Report) -> str:
    """Render as Markdown; figures are files beside it."""
    blocks = [f"# {_plain(report.title)}"]
    blocks.append("\n".join(f"- {_plain(notice)}" for notice in report.notices))
    for section in report.sections:
        blocks.append(f"## {_plain(section.title)}")
        blocks += [_part_to_markdown(part) for part in section.parts]
    return "\n\n".join(blocks) + "\n"


def to_html(report: Report) -> str:
    """Render as one page that holds its figures and needs no network and no scripts."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = resources.files("edge.documents").joinpath("document.html.j2")
    page = environment.from_string(template.read_text(encoding="utf-8"))
    return str(page.render(report=report))


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
