"""Smears as a service writes them: on the first page, and as subjects of what is exported."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from databases import query
from review_helpers import CELLS, database_in
from served import reader_of, served
from test_export import reviewed

from edge.reviews.book import add_reviews
from edge.reviews.database import ReviewDatabase
from edge.reviews.export import export_reviews
from edge.reviews.review import CellKey
from edge.reviews.smears import last_smears, smear_of_cell

TABLES = """
CREATE TABLE IF NOT EXISTS smears (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL, begun_by TEXT NOT NULL, started TEXT NOT NULL,
  seen TEXT NOT NULL, finished TEXT, says TEXT
);
CREATE TABLE IF NOT EXISTS smear_spans (
  smear_id INTEGER NOT NULL, run_id INTEGER NOT NULL, first_idx INTEGER NOT NULL, end_idx INTEGER
);
CREATE TABLE IF NOT EXISTS smear_requests (
  id INTEGER PRIMARY KEY, asked TEXT NOT NULL, name TEXT NOT NULL, smear_id INTEGER
);
"""


@pytest.fixture
def database(tmp_path: Path) -> ReviewDatabase:
    """Two smears of one name; the second goes on, from cell 10."""
    found = database_in(tmp_path)
    with closing(sqlite3.connect(found.path)) as connection, connection:
        connection.executescript(TABLES)
        connection.executemany(
            "INSERT INTO smears (name, begun_by, started, seen, finished, says)"
            " VALUES ('<b>S1</b>', 'key', '2026-01-01', '2026-01-01', ?, ?)",
            [("2026-01-02", "7 cells; no diagnosis"), (None, None)],
        )
        connection.executemany(
            "INSERT INTO smear_spans VALUES (?, 1, ?, ?)", [(1, 0, 10), (2, 10, None)]
        )
    return found


def test_a_cell_is_of_the_smear_whose_span_it_is_in(database: ReviewDatabase) -> None:
    with database.reading() as connection:
        of = [smear_of_cell(connection, CellKey(1, index)) for index in range(CELLS)]
        assert smear_of_cell(connection, CellKey(2, 0)) is None
        assert [smear.id for smear in last_smears(connection, 5)] == [2, 1]
    assert of == ["<b>S1</b>-1"] * 10 + ["<b>S1</b>-2"] * (CELLS - 10)


def test_smears_are_subjects_of_what_is_exported(database: ReviewDatabase, tmp_path: Path) -> None:
    add_reviews(database, [reviewed(database, index, "all") for index in (0, 9, 10)])
    assert export_reviews(database, tmp_path / "labelled").smears == 2
    folders = sorted(path.name for path in (tmp_path / "labelled" / "all").iterdir())
    assert len(folders) == 2
    assert all(name.startswith("b_S1") for name in folders)


def test_the_first_page_shows_them(database: ReviewDatabase) -> None:
    with served(database) as address, reader_of(address) as ada:
        text = ada.get("/").text
    assert " goes on: " in text
    assert "7 cells; no diagnosis" in text
    assert "&lt;b&gt;S1&lt;/b&gt;" in text


def test_the_page_asks_for_a_smear(database: ReviewDatabase) -> None:
    with served(database) as address, reader_of(address) as ada:
        for name, status in (("S2", 303), ("", 303), ("x" * 61, 400)):
            assert ada.post("/smear", data={"name": name}).status_code == status
    asked = query(database.path, "SELECT name, smear_id FROM smear_requests")
    assert asked == [("S2", None), ("", None)]


def test_without_a_service_nobody_is_asked(tmp_path: Path) -> None:
    with served(database_in(tmp_path)) as address, reader_of(address) as ada:
        assert ada.post("/smear", data={"name": "S2"}).status_code == 404
        assert "<h2>Smears</h2>" not in ada.get("/").text
