"""What a report says, apart from how it is written."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass

_NUMBER = re.compile(r"[<+-]?[\d,.]+(e-?\d+)?%?|\d+:\d+|-|not .*")  # or what stands for one


@dataclass(frozen=True)
class Text:
    """A paragraph of plain text."""

    words: str


@dataclass(frozen=True)
class Heading:
    """A heading below a section's."""

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

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""

    @property
    def aligned_right(self) -> list[bool]:
        """Per column, whether it holds nothing but numbers."""
        return [
            bool(cells) and all(map(_NUMBER.fullmatch, cells))
            for cells in ([row[i] for row in self.rows] for i in range(len(self.columns)))
        ]


@dataclass(frozen=True)
class Figure:
    """A figure.

    Attributes
    ----------
    file : str
        Name of its file; the suffix, ``.svg``, ``.png`` or ``.jpg``, says what `image` is.
    image : bytes
    alt : str
        What it shows, for who cannot see it.
    caption : str
    """

    file: str
    image: bytes
    alt: str
    caption: str

    @property
    def data_uri(self) -> str:
        """The image as it stands in a page that needs no other file."""
        kind = {"svg": "image/svg+xml", "png": "image/png", "jpg": "image/jpeg"}[
            self.file.rpartition(".")[2]
        ]
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
