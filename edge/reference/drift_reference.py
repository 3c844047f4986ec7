"""What a model's cells looked like when it was released, to compare a device's cells with.

Data drift is today's cells against this reference. The same class counts both, in the
same fixed bins, so that devices compare without a network and merge by adding.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from edge.contract import NOT_DECIDED
from edge.crops.image_statistics import STATISTICS, ImageStatistics
from edge.decisions.decision import Verdict
from edge.errors import NotComparable
from edge.records.checks import items, number, record, string, whole
from edge.records.json_text import parse_json
from edge.reference.histogram import Histogram, divergence_by_chance, empty_histogram
from edge.statistics.distances import jensen_shannon

SCHEMA = 2
"""Version of the schema of ``reference.json`` that is written."""

SCHEMAS = (1, SCHEMA)
"""Versions that are read; a reader refuses any other."""

_PROBABILITY_IN = {1: "p_leukemia", 2: "probability"}
"""Schema -> name of the histogram of probabilities."""

# edges are binary fractions or one division, the same number on every machine
_LEVELS = tuple(8.0 * i for i in range(33))
_SHARES = tuple(i / 64 for i in range(65))
_OCTAVES = tuple(2.0**k * half for k in range(-11, -2) for half in (1.0, 1.5))
_EDGES = {
    "red": _LEVELS,
    "green": _LEVELS,
    "blue": _LEVELS,
    "foreground": _SHARES,
    "focus": (0.0, *_OCTAVES),
    "saturation": _SHARES,
}
_PROBABILITY_EDGES = tuple(i / 20 for i in range(21))


@dataclass(frozen=True)
class Shift:
    """How far one number's distribution is from the reference.

    Attributes
    ----------
    divergence : float
        :func:`edge.statistics.distances.jensen_shannon`, bits, 0..1.
    by_chance : float
        What it would be on average if nothing had changed but the sample
        (:func:`edge.reference.histogram.divergence_by_chance`).
    """

    divergence: float
    by_chance: float


@dataclass(frozen=True)
class DriftReference:
    """Counts of cells by how they look and what the network says of them.

    Attributes
    ----------
    schema : int
        :data:`SCHEMA`.
    cells_are : str
        Whose cells they are, in words.
    images : dict
        Name of :data:`edge.crops.image_statistics.STATISTICS` -> Histogram.
    probability : Histogram
        Calibrated probabilities of the second of two labels, or of the likeliest of more.
    decisions : dict
        Decision -> cells: how often each was made on these cells, which is not how often it is
        right among people.
    """

    schema: int
    cells_are: str
    images: dict[str, Histogram]
    probability: Histogram
    decisions: dict[str, int]

    def __post_init__(self) -> None:
        if set(self.images) != set(STATISTICS) or NOT_DECIDED not in self.decisions:
            raise ValueError("a drift reference lacks a statistic or a decision, or has another")
        totals = {histogram.total for histogram in (*self.images.values(), self.probability)}
        if totals != {sum(self.decisions.values())} or min(self.decisions.values()) < 0:
            raise ValueError("the histograms of a drift reference hold different numbers of cells")

    @property
    def cells(self) -> int:
        """How many cells were counted."""
        return self.probability.total

    def add(self, cells: Iterable[tuple[ImageStatistics, Verdict]]) -> DriftReference:
        """Return these counts with more cells in them."""
        given = list(cells)
        made = Counter(verdict.decision for _, verdict in given)
        return replace(
            self,
            images={
                name: histogram.add(getattr(statistics, name) for statistics, _ in given)
                for name, histogram in self.images.items()
            },
            probability=self.probability.add(verdict.probability for _, verdict in given),
            decisions={name: count + made[name] for name, count in self.decisions.items()},
        )

    def merge(self, other: DriftReference) -> DriftReference:
        """Return what counting all cells of both at once would give.

        Raises
        ------
        NotComparable
            If the bins differ.
        """
        self._require_same_decisions(other)
        whose = dict.fromkeys(words for words in (self.cells_are, other.cells_are) if words)
        return replace(
            self,
            cells_are=" and ".join(whose),
            images={
                name: histogram.merge(other.images[name]) for name, histogram in self.images.items()
            },
            probability=self.probability.merge(other.probability),
            decisions={
                name: count + other.decisions[name] for name, count in self.decisions.items()
            },
        )

    def compare(self, today: DriftReference) -> dict[str, Shift]:
        """Say how far today's cells are from these.

        Returns
        -------
        dict
            Name of an image statistic, ``probability`` or ``decisions`` -> Shift.

        Raises
        ------
        NotComparable
            If the bins differ, or one of them counted nothing.
        """
        self._require_same_decisions(today)
        pairs = {
            **{name: (histogram, today.images[name]) for name, histogram in self.images.items()},
            "probability": (self.probability, today.probability),
        }
        for mine, other in pairs.values():
            mine.require_same_bins(other)
        counts = {name: (mine.counts, other.counts) for name, (mine, other) in pairs.items()}
        counts["decisions"] = (
            tuple(self.decisions.values()),
            tuple(today.decisions[name] for name in self.decisions),
        )
        return {
            name: Shift(jensen_shannon(*pair), divergence_by_chance(*pair))
            for name, pair in counts.items()
        }

    def _require_same_decisions(self, other: DriftReference) -> None:
        if set(self.decisions) != set(other.decisions):
            raise NotComparable(
                f"decisions {', '.join(self.decisions)} and {', '.join(other.decisions)} cannot be"
                " compared: they are of networks for other cells"
            )

    def to_json(self) -> str:
        """Text of ``reference.json``, the same for the same counts."""
        return json.dumps(dataclasses.asdict(self), indent=1, sort_keys=True) + "\n"


def no_cells_yet(words: Sequence[str], cells_are: str = "") -> DriftReference:
    """Start counting, in the bins of this version.

    Parameters
    ----------
    words : sequence of str
        Decisions besides ``refer``: the words of the labels.
    cells_are : str
        As for :class:`DriftReference`.
    """
    return DriftReference(
        schema=SCHEMA,
        cells_are=cells_are,
        images={name: empty_histogram(_EDGES[name]) for name in STATISTICS},
        probability=empty_histogram(_PROBABILITY_EDGES),
        decisions=dict.fromkeys((*words, NOT_DECIDED), 0),
    )


_COUNT = whole(0, 10**12)
_HISTOGRAM = record({"edges": items(number(-1e9, 1e9), 2, 1001), "counts": items(_COUNT, 1, 1000)})


def parse_reference(text: bytes | str, words: Sequence[str]) -> DriftReference:
    """Read what :meth:`DriftReference.to_json` made.

    Parameters
    ----------
    text : bytes or str
    words : sequence of str
        Decisions besides ``refer``: the words of the labels of the model it is of.

    Raises
    ------
    ValueError
        If the text is not JSON, or a field is missing, unknown or impossible.
    NotComparable
        If it is of another schema.
    """
    return reference_of(parse_json(text), words)


def reference_of(fields: Any, words: Sequence[str]) -> DriftReference:
    """Make a reference of what JSON holds; errors as above."""
    schema = fields.get("schema") if isinstance(fields, dict) else None
    if type(schema) is int and schema not in SCHEMAS:
        raise NotComparable(
            f"the drift reference has schema {schema}, this edge-all reads"
            f" {' and '.join(map(str, SCHEMAS))}; install the edge-all that made it"
        )
    probability = _PROBABILITY_IN.get(schema if type(schema) is int else SCHEMA, "probability")
    record(
        {
            "schema": whole(SCHEMAS[0], SCHEMAS[-1]),
            "cells_are": string(2000),
            "images": record(dict.fromkeys(STATISTICS, _HISTOGRAM)),
            probability: _HISTOGRAM,
            "decisions": record(dict.fromkeys((*words, NOT_DECIDED), _COUNT)),
        }
    )("", fields)
    return DriftReference(
        schema=SCHEMA,
        cells_are=fields["cells_are"],
        images={name: _histogram(given) for name, given in fields["images"].items()},
        probability=_histogram(fields[probability]),
        decisions={name: fields["decisions"][name] for name in (*words, NOT_DECIDED)},
    )


def _histogram(fields: dict[str, list[int]]) -> Histogram:
    return Histogram(tuple(map(float, fields["edges"])), tuple(fields["counts"]))
