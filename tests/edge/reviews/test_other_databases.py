"""Databases of earlier versions, and of networks with other labels, are reviewed like any."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from databases import query
from review_helpers import database_in, last_run, nobody_drawn, review

from edge.crops.drawn import write_samples
from edge.errors import NoInputs
from edge.reviews.book import add_reviews
from edge.reviews.database import ReviewDatabase, decisions_of, result_of
from edge.reviews.labels import choices_of
from edge.reviews.queues import next_cell, waiting_cells
from edge.reviews.review import WAITING, CellKey
from edge.sinks.schema import SCHEMA_VERSION

WRITTEN = Path(__file__).parents[2] / "data" / "written-by-0.1.0" / "results.db"


def test_what_0_1_0_wrote_is_reviewed(tmp_path: Path) -> None:
    shutil.copy(WRITTEN, tmp_path / "results.db")
    before = query(tmp_path / "results.db", "SELECT file, decision, p_leukemia FROM results")
    database = ReviewDatabase(tmp_path / "results.db")
    assert query(database.path, "PRAGMA user_version") == [(SCHEMA_VERSION,)]
    assert query(database.path, "SELECT file, decision, p_leukemia FROM results") == before
    run = last_run(database)
    with database.reading() as connection:
        assert sum(decisions_of(connection, run.id).values()) == len(before)
        cell = next_cell(connection, run, nobody_drawn(), WAITING, "Ada")
        assert cell is not None
        result = result_of(connection, run, cell)
    assert result is not None
    assert (result.file, result.decision, round(result.probabilities[1], 6)) in before
    add_reviews(database, [review(cell.index, "hem")])


def test_a_database_of_a_later_version_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    path = database_in(tmp_path).path
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    with pytest.raises(NoInputs, match=f"of schema {SCHEMA_VERSION + 1}, this edge-all"):
        ReviewDatabase(path)
    assert query(path, "PRAGMA user_version") == [(SCHEMA_VERSION + 1,)]


def with_three_labels(folder: Path) -> ReviewDatabase:
    """A run of a network of three labels beside one of two."""
    database = database_in(folder)
    write_samples(folder / "three", 3)
    names = ("blue", "green", "dark red")
    with database.writing() as connection:
        ((text,),) = connection.execute("SELECT metadata FROM models").fetchall()
        metadata = json.loads(text)
        label = metadata["contract"]["labels"][0]
        metadata["contract"]["labels"] = [
            {**label, "name": name, "words": f"{name} cell"} for name in names
        ]
        metadata["contract"]["positive"] = None
        metadata["refer_band"], metadata["thresholds"] = None, [0.9, 0.9, 0.9]
        connection.execute(
            "INSERT INTO models VALUES ('three', 'other', ?)", [json.dumps(metadata)]
        )
        connection.execute(
            "INSERT INTO runs SELECT 2, started, finished, command, sources, edge_all, runtime,"
            " machine, threads, 'three' FROM runs"
        )
        for kind in ("p", "logit"):
            for name in names:
                connection.execute(f'ALTER TABLE results ADD COLUMN "{kind}_{name}" REAL')
        for index, p in enumerate((0.6, 0.4, 0.5)):
            file = str(folder / "three" / f"cell-00{index}.png")
            connection.execute(
                "INSERT INTO results (run_id, source, file, idx, label, decision, model,"
                ' model_sha256, "p_blue", "p_green", "p_dark red", "logit_blue", "logit_green",'
                ' "logit_dark red") VALUES (2, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0)',
                [*("three", file, index, "blue", "refer", "other", "three"), p, 0.3, 0.7 - p],
            )
    return database


def test_a_network_of_three_labels_is_reviewed_by_its_own(tmp_path: Path) -> None:
    database = with_three_labels(tmp_path)
    run = last_run(database)
    assert [choice.words for choice in choices_of(run.contract)] == [
        *("blue cell", "green cell", "dark red cell", "unclear", "not a cell")
    ]
    with database.reading() as connection:
        cells = waiting_cells(connection, run, nobody_drawn(run.id))
        result = result_of(connection, run, CellKey(2, 0))
    assert [cell.index for cell in cells] == [1, 2, 0]  # the least sure first
    assert result is not None
    assert result.probabilities == (0.6, 0.3, pytest.approx(0.1))
