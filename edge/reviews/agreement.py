"""What reviews say of the network, and of those who read."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from edge.contract import NOT_DECIDED
from edge.errors import DataRefused
from edge.reviews.database import RunFacts, result_of
from edge.reviews.queues import DrawnCells, sureness
from edge.reviews.review import CellKey
from edge.statistics.agreement import Agreement, cohens_kappa
from edge.statistics.evaluation import Estimate
from edge.statistics.prediction_powered import FEWEST_REVIEWS, Reviewed, accuracy_of


@dataclass(frozen=True)
class Readers:
    """Two readers, and how far they agree on the cells that both have reviewed."""

    first: str
    second: str
    agreement: Agreement


@dataclass(frozen=True)
class ControlScore:
    """A reader on hidden control cells: how many were shown, and called what they are."""

    reader: str
    shown: int
    right: int


@dataclass(frozen=True)
class AuditAccuracy:
    """How often the network finds the right label likeliest, over all cells of a run.

    Attributes
    ----------
    drawn, reviewed : int
        Cells that the audit draws, and those that somebody has reviewed.
    unclear : int
        Reviewed cells that have no label of the network, as people say: they are left out.
    contradicted : int
        Cells on which readers disagree: left out, too.
    decided_wrong, decided : int
        Of the reviewed cells that were decided, not referred.
    estimate : Estimate or None
        With its 95 % interval; None with fewer than 30 cells.
    """

    drawn: int
    reviewed: int
    unclear: int
    contradicted: int
    decided_wrong: int
    decided: int
    estimate: Estimate | None


def compare_readers(connection: sqlite3.Connection, run: RunFacts) -> list[Readers]:
    """Compare each two readers of a run on the cells that both have reviewed."""
    said = _said(connection, run.id)
    readers = sorted({reader for labels in said.values() for reader in labels})
    found = []
    for first, second in combinations(readers, 2):
        pairs = [
            (labels[first], labels[second])
            for labels in said.values()
            if first in labels and second in labels
        ]
        if pairs:
            ones, others = zip(*pairs, strict=True)
            found.append(Readers(first, second, cohens_kappa(ones, others)))
    return found


def score_controls(connection: sqlite3.Connection) -> list[ControlScore]:
    """Count the control cells that each reader called what they are."""
    rows = connection.execute(
        "SELECT reader, count(*), sum(valid_reviews.label = controls.label)"
        " FROM valid_reviews JOIN controls ON controls.id = control_id"
        " GROUP BY reader ORDER BY reader"
    )
    return [ControlScore(*row) for row in rows]


def audit_accuracy(
    connection: sqlite3.Connection, run: RunFacts, drawn: DrawnCells
) -> AuditAccuracy:
    """Estimate how often the network is right, by the cells drawn at random.

    What it expects of all cells is corrected by what reviews of the drawn ones found
    (:func:`edge.statistics.prediction_powered.accuracy_of`).
    """
    said = _said(connection, run.id, audit_only=True)
    names = set(run.contract.names)
    right, expected, with_probability = [], [], []
    unclear = contradicted = wrong = decided = 0
    for index, labels in said.items():
        given = set(labels.values())
        result = result_of(connection, run, CellKey(run.id, index))
        if result is None or result.probabilities is None:
            continue
        if len(given) > 1:
            contradicted += 1
            continue
        (label,) = given
        if label not in names:
            unclear += 1
            continue
        right.append(result.label == label)
        expected.append(max(result.probabilities))
        with_probability.append(drawn.rule.probability)
        if result.decision != NOT_DECIDED:
            decided += 1
            wrong += result.label != label
    estimate = None
    if len(right) >= FEWEST_REVIEWS:
        reviewed = Reviewed(np.array(right), np.array(expected), np.array(with_probability))
        estimate = _estimate(reviewed, _expected_of_all(connection, run))
    count = len(drawn.look(connection))
    return AuditAccuracy(count, len(said), unclear, contradicted, wrong, decided, estimate)


def _estimate(reviewed: Reviewed, everything: np.ndarray) -> Estimate | None:
    try:
        return accuracy_of(reviewed, everything)
    except DataRefused:
        return None


def _said(
    connection: sqlite3.Connection, run_id: int, audit_only: bool = False
) -> dict[int, dict[str, str]]:
    """Cell -> reader -> label, of the reviews that count."""
    rows = connection.execute(
        "SELECT idx, reader, label FROM valid_reviews WHERE run_id = ?"
        " AND (audit_probability IS NOT NULL OR NOT ?) ORDER BY id",
        [run_id, audit_only],
    )
    found: dict[int, dict[str, str]] = {}
    for index, reader, label in rows:
        found.setdefault(index, {})[reader] = label
    return found


def _expected_of_all(connection: sqlite3.Connection, run: RunFacts) -> np.ndarray:
    """What the network itself says of how likely it is right, of every cell."""
    rows = connection.execute(
        f"SELECT {sureness(run.contract)} FROM results WHERE run_id = ?"
        " AND superseded_by IS NULL AND decision IS NOT NULL",
        [run.id],
    )
    return np.array([share for (share,) in rows])
