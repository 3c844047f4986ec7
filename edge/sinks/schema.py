"""What a results database is: its tables, whose it is, whether it is whole, who waits for it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

from edge.errors import OutputFailed, ResumeRefused
from edge.models import cnmc
from edge.process.interrupts import Patience
from edge.sinks.review_tables import REVIEW_TABLES

PATIENCE = 30.0
"""Seconds that a run waits for another one to finish its batch."""

LOOK_AGAIN = 0.1
"""Seconds that SQLite waits by itself."""

_LOCKED = "locked"  # as SQLite words it; codes of errors come with Python 3.11
_DAMAGED = "name another file, and save what can be read with sqlite3 OLD.db .recover"
_LONGEST_WORDS = 120  # characters of what SQLite says of damage

SMALLEST = 512
"""Bytes of the smallest database."""

SCHEMA_VERSION = 6
"""``PRAGMA user_version`` of a results database; earlier ones are migrated, others refused."""

APPLICATION_ID = 0x65646765
"""``PRAGMA application_id`` of a results database: "edge" in ASCII."""

SCHEMA = f"""
CREATE TABLE IF NOT EXISTS models (
  sha256 TEXT PRIMARY KEY,
  network TEXT NOT NULL,
  metadata TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS runs (
  id INTEGER PRIMARY KEY,
  started TEXT NOT NULL,
  finished TEXT,
  command TEXT NOT NULL,
  sources TEXT NOT NULL,
  edge_all TEXT NOT NULL,
  runtime TEXT NOT NULL,
  machine TEXT NOT NULL,
  threads INTEGER NOT NULL,
  model_sha256 TEXT NOT NULL REFERENCES models (sha256)
);
CREATE TABLE IF NOT EXISTS results (
  run_id INTEGER NOT NULL REFERENCES runs (id),
  source TEXT NOT NULL,
  file TEXT NOT NULL,
  idx INTEGER NOT NULL,
  label TEXT,
  decision TEXT,
  {cnmc.P_COLUMN} REAL,
  {cnmc.LOGIT_COLUMNS[0]} REAL,
  {cnmc.LOGIT_COLUMNS[1]} REAL,
  quality TEXT,
  model TEXT NOT NULL,
  model_sha256 TEXT NOT NULL,
  error TEXT,
  supersedes INTEGER,
  file_version TEXT,
  sample TEXT,
  parent TEXT,
  box TEXT,
  superseded_by INTEGER,
  um_per_pixel REAL,
  cell_area INTEGER,
  UNIQUE (run_id, idx)
);
CREATE TABLE IF NOT EXISTS smears (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  begun_by TEXT NOT NULL,
  started TEXT NOT NULL,
  seen TEXT NOT NULL,
  finished TEXT,
  cells INTEGER,
  decided INTEGER,
  positive INTEGER,
  referred INTEGER,
  failed INTEGER,
  share REAL,
  share_low REAL,
  share_high REAL,
  corrected REAL,
  corrected_low REAL,
  corrected_high REAL,
  says TEXT,
  fields INTEGER,
  light REAL,
  red REAL,
  blue REAL,
  focus REAL
);
CREATE TABLE IF NOT EXISTS smear_spans (
  smear_id INTEGER NOT NULL REFERENCES smears (id),
  run_id INTEGER NOT NULL REFERENCES runs (id),
  first_idx INTEGER NOT NULL,
  end_idx INTEGER
);
CREATE TABLE IF NOT EXISTS smear_requests (
  id INTEGER PRIMARY KEY,
  asked TEXT NOT NULL,
  name TEXT NOT NULL,
  smear_id INTEGER REFERENCES smears (id)
);
CREATE TABLE IF NOT EXISTS looks (
  run_id INTEGER NOT NULL,
  idx INTEGER NOT NULL,
  red REAL NOT NULL,
  green REAL NOT NULL,
  blue REAL NOT NULL,
  foreground REAL NOT NULL,
  focus REAL NOT NULL,
  saturation REAL NOT NULL,
  area INTEGER NOT NULL,
  rim_red REAL NOT NULL,
  rim_green REAL NOT NULL,
  rim_blue REAL NOT NULL,
  PRIMARY KEY (run_id, idx)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS deliveries (
  smear_id INTEGER NOT NULL REFERENCES smears (id),
  receiver TEXT NOT NULL,
  delivered TEXT NOT NULL,
  PRIMARY KEY (smear_id, receiver)
);
CREATE TABLE IF NOT EXISTS latencies (
  at_most REAL PRIMARY KEY,
  frames INTEGER NOT NULL,
  seconds REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS outages (
  id INTEGER PRIMARY KEY,
  ended TEXT NOT NULL,
  what TEXT NOT NULL,
  seconds REAL NOT NULL
);
{REVIEW_TABLES}
CREATE TABLE IF NOT EXISTS drift_reports (
  id INTEGER PRIMARY KEY,
  created TEXT NOT NULL,
  model_sha256 TEXT NOT NULL,
  has_failed INTEGER NOT NULL,
  report TEXT NOT NULL
);
"""
"""The tables; docs/results-database.md says what is in them."""

MIGRATIONS = {
    1: (
        "ALTER TABLE results ADD COLUMN supersedes INTEGER",
        "ALTER TABLE results ADD COLUMN file_version TEXT",
        "ALTER TABLE results ADD COLUMN sample TEXT",
        "ALTER TABLE results ADD COLUMN parent TEXT",
        "ALTER TABLE results ADD COLUMN box TEXT",
        "ALTER TABLE results ADD COLUMN superseded_by INTEGER",
    ),
    2: (
        "ALTER TABLE results ADD COLUMN um_per_pixel REAL",
        "ALTER TABLE results ADD COLUMN cell_area INTEGER",
    ),
    3: (),  # tables of smears, which are made where they are missing
    4: (),  # likewise of reviews
    5: (),  # likewise of looks, deliveries, how the service fared, and reports of drift
}
"""Schema version -> what makes the next one of it, besides the tables that are missing."""


def make_tables(connection: sqlite3.Connection, schema: str, labels: Sequence[str]) -> None:
    """Make the tables that are missing, and bring those of an earlier version up to this one.

    Parameters
    ----------
    connection : sqlite3.Connection
        In a transaction, of a database that :func:`check_schema` accepts.
    schema : str
        Statements that make what is not there.
    labels : sequence of str
        Of the contract: columns ``p_<label>`` and ``logit_<label>`` of each that are missing are
        added, so that one database holds runs of any networks.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version:
        for step in range(version, SCHEMA_VERSION):
            for statement in MIGRATIONS[step]:
                connection.execute(statement)
    for statement in _statements_of(schema):
        connection.execute(statement)
    there = {name.casefold() for _, name, *_ in connection.execute("PRAGMA table_info(results)")}
    for kind in ("p", "logit"):
        for label in labels:
            if f"{kind}_{label}".casefold() not in there:
                column = quoted(f"{kind}_{label}")
                connection.execute(f"ALTER TABLE results ADD COLUMN {column} REAL")
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _statements_of(script: str) -> Iterator[str]:
    """Statements of a script one by one: sqlite3 would end the transaction before all of them."""
    begun = ""
    for line in script.splitlines(keepends=True):
        begun += line
        if sqlite3.complete_statement(begun):
            yield begun
            begun = ""
    yield begun


def quoted(column: str) -> str:
    """Name of a column as SQL takes it, whatever is in it."""
    doubled = column.replace('"', '""')
    return f'"{doubled}"'


def patiently(
    connection: sqlite3.Connection, statement: str, values: Sequence[object] = ()
) -> sqlite3.Cursor:
    """Run a statement, waiting for others who have the database; not in SQLite, deaf to signals.

    Raises
    ------
    sqlite3.OperationalError
        If they still have it when patience is over.
    """
    patience = Patience(PATIENCE)
    while True:
        try:
            return connection.execute(statement, values)
        except sqlite3.OperationalError as error:
            if _LOCKED not in str(error) or patience.is_over():
                raise


def advice_on(error: sqlite3.Error) -> str:
    """What to do about an error of SQLite."""
    if _LOCKED in str(error):
        return "another program is writing it: wait for it, or name another file"
    if isinstance(error, sqlite3.IntegrityError):
        return "another run is writing the same results: wait for it, or name another file"
    if "not a database" in str(error):
        return "name another file"
    if "malformed" in str(error) or "decode" in str(error):
        return _DAMAGED
    return "check the folder and the free space"


def check_schema(path: Path, connection: sqlite3.Connection) -> None:
    """Refuse a database that is not one of results, or of another schema.

    Raises
    ------
    OutputFailed
    """
    (tables,) = connection.execute("PRAGMA schema_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if not tables and application in (0, APPLICATION_ID):
        return  # a run was killed before it made them
    if application != APPLICATION_ID:
        raise OutputFailed(f"{path} is a database of another program; name another file")
    if version != SCHEMA_VERSION and version not in MIGRATIONS:
        raise OutputFailed(
            f"{path} has results of schema {version}, this edge-all writes {SCHEMA_VERSION};"
            " name another file, or use the edge-all that made it"
        )


def check_health(path: Path, connection: sqlite3.Connection) -> None:
    """Refuse to go on with a database that is damaged, as far as its structure tells.

    Raises
    ------
    ResumeRefused
    """
    (found,) = patiently(connection, "PRAGMA integrity_check(1)").fetchone()
    if found != "ok":
        words = " ".join(str(found).split())[:_LONGEST_WORDS]
        raise ResumeRefused(f"{path} cannot be resumed: it is damaged ({words}); {_DAMAGED}")
