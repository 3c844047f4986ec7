"""What reviews say: accuracy by the random audit, readers against each other, control cells."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from databases import query
from review_helpers import database_in, last_run, review

from edge.crops.drawn import write_samples
from edge.errors import DataRefused
from edge.reviews.agreement import audit_accuracy, compare_readers, score_controls
from edge.reviews.audit import AuditRule
from edge.reviews.book import add_reviews, set_audit_rule
from edge.reviews.controls import add_controls, controls_left
from edge.reviews.database import ReviewDatabase, run_of
from edge.reviews.queues import DrawnCells, count_waiting
from edge.reviews.review import AUDIT, CellKey, ControlKey


def test_two_readers_are_compared_on_the_cells_that_both_have_reviewed(tmp_path: Path) -> None:
    database = database_in(tmp_path)
    add_reviews(database, [review(n, "hem" if n < 4 else "all", "Ada") for n in range(8)])
    add_reviews(database, [review(n, "hem" if n < 5 else "all", "Ben") for n in range(2, 8)])
    add_reviews(database, [review(20, "unclear", "Cem")])
    with database.reading() as connection:
        (found,) = compare_readers(connection, last_run(database))
    assert (found.first, found.second) == ("Ada", "Ben")
    assert found.agreement.cells == 6
    assert found.agreement.alike == pytest.approx(5 / 6)


def with_many_cells(folder: Path, cells: int) -> ReviewDatabase:
    """A run of many cells, of which the network is sure and right four times of five."""
    database = database_in(folder)
    random = np.random.default_rng(5)
    with database.writing() as connection:
        connection.execute(
            "INSERT INTO runs (started, command, sources, edge_all, runtime, machine, threads,"
            " model_sha256) SELECT started, command, sources, edge_all, runtime, machine, threads,"
            " model_sha256 FROM runs"
        )
        for index, p in enumerate(random.uniform(0, 1, cells)):
            add_cell(connection, index, float(p))
    return database


def add_cell(connection: sqlite3.Connection, index: int, p: float) -> None:
    label, words = ("all", "leukemia") if p > 0.5 else ("hem", "healthy")
    connection.execute(
        "INSERT INTO results (run_id, source, file, idx, label, decision, p_leukemia, logit_hem,"
        " logit_all, model, model_sha256) VALUES (2, 's', ?, ?, ?, ?, ?, 0, 0, 'cnn', 'x')",
        [f"s/{index}", index, label, words if abs(p - 0.5) > 0.2 else "refer", p],
    )


def test_accuracy_by_the_audit_holds_for_all_cells_though_few_are_reviewed(
    tmp_path: Path,
) -> None:
    cells = 3000
    database = with_many_cells(tmp_path, cells)
    random = np.random.default_rng(6)
    labels = query(database.path, "SELECT label FROM results WHERE run_id = 2 ORDER BY idx")
    is_right = random.random(cells) < 0.8
    rule = set_audit_rule(database, 2, 0.1, seed=9)
    drawn = DrawnCells(rule)
    with database.reading() as connection:
        indices = drawn.look(connection)
    assert 200 < len(indices) < 400
    said = []
    for index in indices:
        (label,) = labels[index]
        truth = label if is_right[index] else {"hem": "all", "all": "hem"}[str(label)]
        said.append(truth)
    said[0] = "unclear"
    facts = {"queue": AUDIT, "blind": True, "audit_probability": rule.probability}
    add_reviews(
        database,
        [
            review(0, str(label), item=CellKey(2, index), **facts)
            for index, label in zip(indices, said, strict=True)
        ],
    )
    with database.reading() as connection:
        run = run_of(connection)
        assert run is not None
        found = audit_accuracy(connection, run, drawn)
    assert (found.drawn, found.reviewed, found.unclear) == (len(indices), len(indices), 1)
    assert found.estimate is not None
    assert found.estimate.low <= float(is_right.mean()) <= found.estimate.high
    assert found.estimate.high - found.estimate.low < 0.12
    assert 0 < found.decided_wrong < found.decided < len(indices)


def test_few_reviews_are_counted_and_estimate_nothing(tmp_path: Path) -> None:
    database = database_in(tmp_path)
    drawn = DrawnCells(AuditRule(1, 2, 1.0))
    add_reviews(database, [review(n, "all", audit_probability=1.0) for n in range(5)])
    add_reviews(database, [review(0, "hem", "Ben", audit_probability=1.0)])
    with database.reading() as connection:
        found = audit_accuracy(connection, last_run(database), drawn)
    assert (found.reviewed, found.contradicted, found.estimate) == (5, 1, None)


@pytest.fixture
def controls(tmp_path: Path) -> Path:
    folder = tmp_path / "controls"
    for n, path in enumerate(write_samples(folder, 5)):
        label = "all" if n < 3 else "not a cell"
        (folder / label).mkdir(exist_ok=True)
        path.rename(folder / label / path.name)
    return folder


def test_control_cells_are_no_results_and_say_how_well_a_reader_reads(
    tmp_path: Path, controls: Path
) -> None:
    database = database_in(tmp_path)
    run, drawn = last_run(database), DrawnCells(AuditRule(1, 2, 1.0))
    with database.reading() as connection:
        before = count_waiting(connection, run, drawn, "Ben")
    assert add_controls(database, controls) == 5
    assert add_controls(database, controls) == 5  # once and for all
    with database.reading() as connection:
        items = controls_left(connection, run.contract, "Ada")
    assert items == [ControlKey(number) for number in range(1, 6)]
    add_reviews(database, [review(0, "all", "Ada", item) for item in items[:4]])
    with database.reading() as connection:
        assert controls_left(connection, run.contract, "Ada") == items[4:]
        (score,) = score_controls(connection)
        assert (score.reader, score.shown, score.right) == ("Ada", 4, 3)
        assert count_waiting(connection, run, drawn, "Ben") == before
        assert audit_accuracy(connection, run, drawn).reviewed == 0
        assert compare_readers(connection, run) == []


def test_a_control_cell_has_one_label_and_can_be_read(tmp_path: Path, controls: Path) -> None:
    database = database_in(tmp_path)
    add_controls(database, controls)
    (controls / "hem").mkdir()
    shutil.copy(controls / "all" / "cell-000.png", controls / "hem")
    with pytest.raises(DataRefused, match=r"cell-000.png is hem here and all among"):
        add_controls(database, controls)
    (controls / "hem" / "cell-000.png").write_bytes(b"no image")
    with pytest.raises(DataRefused, match="cannot be a control cell: not-an-image"):
        add_controls(database, controls)
    with pytest.raises(DataRefused, match="has no control cells"):
        add_controls(database, tmp_path / "nothing")
