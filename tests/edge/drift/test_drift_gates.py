"""The gates of quantization drift: cells are a sample, and chance fails no network."""

from __future__ import annotations

import numpy as np
import pytest

from edge.drift.clipping import LayerClipping
from edge.drift.comparison import Answered, Cells, Comparison, compare_networks
from edge.drift.gates import NOT_HELD, DriftGate, DriftLimits, judge_clipping, judge_drift
from edge.statistics.answers import answers_of

PEOPLE = 10
BAND = (0.3, 0.7)


def compared(n: int, flips: int) -> Comparison:
    """Two networks on cells, half of each label; of the first label so many flip, none decided."""
    labels = np.arange(n) % 2
    margin = np.where(labels, 2.0, -2.0)
    flipped = np.flatnonzero(labels == 0)[:flips]
    before = margin.copy()
    before[flipped] = -0.01
    after = before.copy()
    after[flipped] = 0.01
    names = np.array([f"{cell}.png" for cell in range(n)])
    people = np.array([f"person {cell // 2 % PEOPLE}" for cell in range(n)])
    cells = Cells(names, labels, people)
    return compare_networks(answered("float", before), answered("int8", after), cells, 1.0)


def answered(name: str, margin: np.ndarray) -> Answered:
    logits = np.column_stack((np.zeros_like(margin), margin)).astype(np.float32)
    return Answered(name, logits, answers_of(logits, 1.0, BAND, None))


def gate(name: str, n: int, flips: int) -> DriftGate:
    found = judge_drift(compared(n, flips), n, DriftLimits())
    return next(each for each in found if each.name == name)


@pytest.mark.parametrize(
    ("n", "flips", "result"),
    [
        (100, 0, "skipped"),  # one flip would be more than is allowed
        (100, 1, "skipped"),
        (100, 8, "failed"),
        (200, 1, "passed"),
        (300, 2, "skipped"),  # 0.67 %, of a network of which 0.5 % flip as likely as not
        (300, 8, "failed"),
        (1200, 6, "passed"),
        (1200, 7, "skipped"),
        (1200, 15, "failed"),
    ],
)
def test_more_flips_than_allowed_fail_where_they_are_no_chance(
    n: int, flips: int, result: str
) -> None:
    found = gate("agreement", n, flips)
    assert found.result == result
    assert found.value == (n - flips) / n
    if result == "skipped":
        assert found.says.endswith(("do not tell", "give more"))


@pytest.mark.parametrize(("flips", "result"), [(0, "passed"), (1, "skipped"), (40, "failed")])
def test_a_loss_of_f1_fails_where_its_interval_leaves_no_doubt(flips: int, result: str) -> None:
    found = gate("weighted-f1-loss", 300, flips)
    assert found.result == result
    assert ("may be chance" in found.says) == (result == "skipped")


def test_without_labels_f1_is_not_judged() -> None:
    margin = np.linspace(-2, 2, 300)
    cells = Cells(np.array([str(cell) for cell in range(300)]))
    same = compare_networks(answered("float", margin), answered("int8", margin), cells, 1.0)
    assert [each.result for each in judge_drift(same, 300, DriftLimits())] == [
        "passed",
        "passed",
        "passed",
        "skipped",
    ]


@pytest.mark.parametrize(
    ("clipped", "cells", "limit", "result"),
    [
        (0, 100, 0.03, "passed"),
        (3, 100, 0.03, "passed"),
        (4, 100, 0.03, "skipped"),  # one in thirty is allowed: this may be chance
        (8, 100, 0.03, "failed"),
        (0, 12, 0.03, "skipped"),
        (4, 12, 0.03, "failed"),
        (100, 100, NOT_HELD, "skipped"),  # ranges that cut off on purpose
    ],
)
def test_the_layer_that_cuts_off_most_cells_is_judged(
    clipped: int, cells: int, limit: float, result: str
) -> None:
    layers = [LayerClipping("a", "CONV_2D", 0, cells), LayerClipping("b", "ADD", clipped, cells)]
    found = judge_clipping(layers, limit)
    assert (found.result, found.value) == (result, clipped / cells)


def test_a_network_without_layers_of_its_twin_is_not_judged_by_their_ranges() -> None:
    assert judge_clipping([], 0.03).passed is None
