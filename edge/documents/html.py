"""A report as one page that holds its figures and needs no network and no scripts."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path

from edge.documents.model import Figure, Heading, Part, Report, Section, Table, Text

_STYLE = Path(__file__).with_name("document.css")
_SHORT = 32  # characters: such a cell keeps to one line, as an interval is read as one


def to_html(report: Report) -> str:
    """Render a report; what comes from data cannot become markup."""
    return "\n".join(_page(report)) + "\n"


def _page(report: Report) -> Iterator[str]:
    title = escape(report.title)
    yield "<!DOCTYPE html>"
    yield '<html lang="en">'
    yield "<head>"
    yield '<meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield '<meta name="color-scheme" content="light">'
    yield f"<title>{title}</title>"
    yield f"<style>\n{_STYLE.read_text(encoding='utf-8')}</style>"
    yield "</head>"
    yield "<body>"
    yield f"<h1>{title}</h1>"
    yield '<ul class="notices">'
    yield from (f"<li>{escape(notice)}</li>" for notice in report.notices)
    yield "</ul>"
    yield '<nav aria-label="Sections">'
    yield "<ul>"
    for number, section in enumerate(report.sections, 1):
        yield f'<li><a href="#section-{number}">{escape(section.title)}</a></li>'
    yield "</ul>"
    yield "</nav>"
    for number, section in enumerate(report.sections, 1):
        yield from _section(number, section)
    yield "</body>"
    yield "</html>"


def _section(number: int, section: Section) -> Iterator[str]:
    yield f'<section id="section-{number}">'
    yield f"<h2>{escape(section.title)}</h2>"
    for part in section.parts:
        yield from _part(part)
    yield "</section>"


def _part(part: Part) -> Iterator[str]:
    if isinstance(part, Text):
        yield f"<p>{escape(part.words)}</p>"
    elif isinstance(part, Heading):
        yield f"<h3>{escape(part.words)}</h3>"
    elif isinstance(part, Figure):
        yield "<figure>"
        yield f'<img src="{part.data_uri}" alt="{escape(part.alt)}">'
        yield f"<figcaption>{escape(part.caption)}</figcaption>"
        yield "</figure>"
    else:
        yield from _table(part)


def _table(table: Table) -> Iterator[str]:
    right = table.aligned_right
    yield '<div class="wide" tabindex="0">'
    yield "<table>"
    yield f"<caption>{escape(table.caption)}</caption>"
    yield "<thead><tr>"
    for name, is_right in zip(table.columns, right, strict=True):
        yield f'<th scope="col"{_look(is_right)}>{escape(name)}</th>'
    yield "</tr></thead>"
    yield "<tbody>"
    for first, *rest in table.rows:
        cells = (
            f"<td{_look(is_right, cell)}>{escape(cell)}</td>"
            for cell, is_right in zip(rest, right[1:], strict=True)
        )
        yield f'<tr><th scope="row">{escape(first)}</th>{"".join(cells)}</tr>'
    yield "</tbody>"
    yield "</table>"
    yield "</div>"
    if table.note:
        yield f'<p class="note">{escape(table.note)}</p>'


def _look(is_right: bool, cell: str = "") -> str:
    if is_right:
        return ' class="right"'
    return ' class="short"' if 0 < len(cell) < _SHORT else ""
