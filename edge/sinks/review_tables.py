"""Tables of what people say of cells, beside the results: rows are added, never changed."""

from __future__ import annotations

REVIEW_TABLES = """
CREATE TABLE IF NOT EXISTS crops (
  run_id INTEGER NOT NULL,
  idx INTEGER NOT NULL,
  png BLOB NOT NULL,
  PRIMARY KEY (run_id, idx),
  FOREIGN KEY (run_id, idx) REFERENCES results (run_id, idx)
);
CREATE TABLE IF NOT EXISTS audits (
  run_id INTEGER PRIMARY KEY REFERENCES runs (id),
  seed INTEGER NOT NULL,
  probability REAL NOT NULL,
  time TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS controls (
  id INTEGER PRIMARY KEY,
  label TEXT NOT NULL,
  sha256 TEXT NOT NULL UNIQUE,
  png BLOB NOT NULL,
  added TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS reviews (
  id INTEGER PRIMARY KEY,
  time TEXT NOT NULL,
  reader TEXT NOT NULL,
  run_id INTEGER,
  idx INTEGER,
  control_id INTEGER REFERENCES controls (id),
  label TEXT,
  undoes INTEGER UNIQUE REFERENCES reviews (id),
  queue TEXT NOT NULL,
  blind INTEGER NOT NULL,
  audit_probability REAL,
  shown TEXT NOT NULL,
  CHECK ((label IS NULL) = (undoes IS NOT NULL)),
  CHECK ((run_id IS NULL) = (idx IS NULL) AND (run_id IS NULL) <> (control_id IS NULL)),
  FOREIGN KEY (run_id, idx) REFERENCES results (run_id, idx)
);
CREATE INDEX IF NOT EXISTS reviews_of_cells ON reviews (run_id, idx);
CREATE INDEX IF NOT EXISTS results_by_decision ON results (run_id, decision, superseded_by);
CREATE INDEX IF NOT EXISTS results_superseded ON results (run_id, idx)
  WHERE superseded_by IS NOT NULL;
CREATE TRIGGER IF NOT EXISTS reviews_are_not_changed BEFORE UPDATE ON reviews
BEGIN
  SELECT RAISE(ABORT, 'reviews are only added');
END;
CREATE TRIGGER IF NOT EXISTS reviews_are_not_removed BEFORE DELETE ON reviews
BEGIN
  SELECT RAISE(ABORT, 'reviews are only added');
END;
CREATE VIEW IF NOT EXISTS valid_reviews AS
WITH standing AS (
  SELECT * FROM reviews
  WHERE undoes IS NULL
    AND NOT EXISTS (SELECT 1 FROM reviews AS undone WHERE undone.undoes = reviews.id)
)
SELECT * FROM standing
WHERE NOT EXISTS (
  SELECT 1 FROM standing AS later
  WHERE later.id > standing.id AND later.reader = standing.reader
    AND later.run_id IS standing.run_id AND later.idx IS standing.idx
    AND later.control_id IS standing.control_id
);
"""
"""The tables; docs/results-database.md says what is in them.

A review stands until a row undoes it, and the last one of a reader of a cell counts: the view has
those. Control cells are no results and have no row among them.
"""
