"""A classifier of a source that rests: results come at once, and leaving does not wait."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from pathlib import Path

import pytest
from edge_helpers import SEVERAL_CHUNKS

from edge.engine.classifier import Classifier


class Live:
    """A source that gives what it is given, and rests between."""

    def __init__(self) -> None:
        self._paths: queue.SimpleQueue[Path | None] = queue.SimpleQueue()

    def give(self, *paths: Path | None) -> None:
        for path in paths:
            self._paths.put(path)

    def __iter__(self) -> Iterator[Path]:
        while (path := self._paths.get()) is not None:
            yield path


@pytest.mark.parametrize("at_once", [1, 5, 30])
def test_results_do_not_wait_for_a_source_that_rests(
    classifier: Classifier, cells: list[Path], at_once: int
) -> None:
    source = Live()
    results = classifier.classify_each(source)
    for start in range(0, SEVERAL_CHUNKS - at_once + 1, at_once):
        given = cells[start : start + at_once]
        source.give(*given)  # and only when all their results are here comes the next one
        assert [next(results).file for _ in given] == [str(path) for path in given]
    source.give(None)
    assert list(results) == []


def test_leaving_a_source_that_rests_does_not_wait_for_it(cells: list[Path]) -> None:
    source = Live()
    with Classifier(threads=1) as classifier:
        results = classifier.classify_each(source)
        source.give(cells[0])
        assert next(results).error is None
        results.close()  # type: ignore[attr-defined]
    source.give(None)
