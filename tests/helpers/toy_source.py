"""A source in one file: ``toy:20`` gives 20 drawn fields of four cells each, slowly."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

import numpy as np

from edge.crops.drawn import draw_crop
from edge.models.cnmc import SIDE
from edge.rows import Result
from edge.samples import Sample
from edge.sources.registry import register_source

PAUSE = 0.01  # seconds between two fields: time to be killed in

DIFFERENT = 12
"""Cells that differ: drawing them takes longer than the run."""


class ToySource:
    how = ""
    is_live = True
    left = ()

    def __init__(self, fields: str) -> None:
        self.names = (f"toy:{fields}",)
        self._fields = int(fields)

    def __enter__(self) -> Iterable[Iterable[Sample]]:
        return [self._samples()]

    def __exit__(self, *_: object) -> None:
        """Nothing is left open."""

    def _samples(self) -> Iterator[Sample]:
        for number in range(self._fields):
            time.sleep(PAUSE)
            quarters = [draw_crop((4 * number + i) % DIFFERENT, SIDE) for i in range(4)]
            rows = [np.concatenate(quarters[i : i + 2], axis=1) for i in (0, 2)]
            yield Sample(self.names[0], f"field-{number}", pixels=np.concatenate(rows))

    def count(self) -> int | None:
        return self._fields

    def go_on_after(self, rows: Iterable[Result]) -> None:
        """It gives the same fields again."""


register_source("toy", ToySource)
