"""Numbers in the text that Prometheus reads, version 0.0.4.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Of the text."""

COUNTER, GAUGE, HISTOGRAM = "counter", "gauge", "histogram"
"""Kinds of families."""


@dataclass(frozen=True)
class Measured:
    """One number.

    Attributes
    ----------
    value : float
    labels : mapping
        Name -> text.
    suffix : str
        Behind the name of the family: ``_bucket``, ``_sum`` and ``_count`` of a histogram.
    """

    value: float
    labels: Mapping[str, str]
    suffix: str = ""


@dataclass(frozen=True)
class Family:
    """Numbers of one name.

    Attributes
    ----------
    name, kind, words : str
    numbers : tuple of Measured
    """

    name: str
    kind: str
    words: str
    numbers: tuple[Measured, ...]


def text_of(families: Iterable[Family]) -> str:
    """Write families; those without a number are left out."""
    return "".join(f"{line}\n" for family in families for line in _lines_of(family))


def _lines_of(family: Family) -> Iterator[str]:
    if not family.numbers:
        return
    yield f"# HELP {family.name} {_escaped(family.words)}"
    yield f"# TYPE {family.name} {family.kind}"
    for each in family.numbers:
        labels = ",".join(f'{name}="{_quoted(text)}"' for name, text in each.labels.items())
        yield f"{family.name}{each.suffix}{{{labels}}} {each.value!r}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")


def _quoted(text: str) -> str:
    return _escaped(text).replace('"', r"\"")
