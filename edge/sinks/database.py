"""Results in an SQLite database: many runs in one file, read while they are written."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType

from edge.errors import OutputFailed, ResumeRefused
from edge.results import COLUMNS, Result
from edge.sinks.sink import START_AGAIN, Run, check_same_input, too_many

SCHEMA_VERSION = 2
"""``PRAGMA user_version`` of a results database; version 1 is migrated, any other refused."""

APPLICATION_ID = 0x65646765
"""``PRAGMA application_id`` of a results database: "edge" in ASCII."""

_PATIENCE = 30.0  # seconds that a run waits for another one to finish its batch

SCHEMA = """
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
  p_leukemia REAL,
  logit_hem REAL,
  logit_all REAL,
  quality TEXT,
  model TEXT NOT NULL,
  model_sha256 TEXT NOT NULL,
  error TEXT,
  supersedes INTEGER,
  file_version TEXT,
  superseded_by INTEGER,
  UNIQUE (run_id, idx)
);
"""
"""The tables; docs/results-database.md says what is in them."""

_MIGRATE_FROM_1 = """
ALTER TABLE results ADD COLUMN supersedes INTEGER;
ALTER TABLE results ADD COLUMN file_version TEXT;
ALTER TABLE results ADD COLUMN superseded_by INTEGER
"""

_PLACES = ", ".join("?" * len(COLUMNS))
# "index" is a word of SQL
_NAMES = ", ".join("idx" if column == "index" else column for column in COLUMNS)
_INSERT = f"INSERT INTO results (run_id, {_NAMES}) VALUES (?, {_PLACES})"
_SELECT = f"SELECT {_NAMES} FROM results WHERE run_id = ? ORDER BY idx"

_SUPERSEDE = "UPDATE results SET superseded_by = ? WHERE run_id = ? AND idx = ?"

_Row = tuple[object, ...]


class Database:
    """A database of results, open for one run; a :class:`~edge.sinks.sink.Sink`.

    Every flush is a transaction. In WAL mode others read meanwhile, and a killed
    process leaves whole transactions. With ``synchronous = NORMAL`` a power cut
    takes those since the last :meth:`sync`, and never damages the database.

    Parameters
    ----------
    path : Path
        Made if it is not there. Its folder must exist.
    run : Run
    resume : bool
        Go on with the last run in the database, if there is one, instead of adding a run.

    Attributes
    ----------
    connection : sqlite3.Connection
        Without transactions of its own; for one thread at a time.
    run_id : int

    Raises
    ------
    OutputFailed
        If the file cannot be written, or is no results database of this schema.
    ResumeRefused
        If the last run had other sources or another model.
    """

    schema = SCHEMA

    def __init__(self, path: Path, run: Run, resume: bool = False) -> None:
        self._path = path
        self._waiting: list[_Row] = []
        self._superseded: list[_Row] = []
        self._earlier = 0
        self._earlier_rows: sqlite3.Cursor | None = None
        with self._failing():
            self.connection = sqlite3.connect(
                path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
            )
        try:
            with self._failing():
                self._open()
                with self.transaction():
                    found = self._last_run(run) if resume else None
                    self.run_id = self._add_run(run) if found is None else found
                    self._set_finished(None)
                if resume:
                    self._earlier_rows = self.connection.execute(_SELECT, [self.run_id])
        except BaseException:
            self.connection.close()
            raise

    def _open(self) -> None:
        """Check whose database it is before anything in it changes."""
        if self._pragma("schema_version"):
            check_schema(self._path, self.connection)
        self._pragma("journal_mode = WAL")
        self._pragma("synchronous = NORMAL")
        self._pragma("foreign_keys = ON")
        with self.transaction():
            migration = _MIGRATE_FROM_1 if self._pragma("user_version") == 1 else ""
            for statement in f"{migration};{self.schema}".split(";"):
                self.connection.execute(statement)
            self._pragma(f"application_id = {APPLICATION_ID}")
            self._pragma(f"user_version = {SCHEMA_VERSION}")

    def _pragma(self, text: str) -> object:
        row = self.connection.execute(f"PRAGMA {text}").fetchone()
        return row[0] if row else None

    def _add_run(self, run: Run) -> int:
        self.connection.execute(
            "INSERT OR IGNORE INTO models VALUES (?, ?, ?)",
            [run.model_sha256, run.network, run.model_json],
        )
        added = self.connection.execute(
            "INSERT INTO runs (started, command, sources, edge_all, runtime, machine, threads,"
            " model_sha256) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                _now(),
                run.command,
                json.dumps(run.sources, ensure_ascii=False),
                run.edge_all,
                run.runtime,
                run.machine,
                run.threads,
                run.model_sha256,
            ],
        )
        assert added.lastrowid is not None
        return added.lastrowid

    def _last_run(self, run: Run) -> int | None:
        last = self.connection.execute(
            "SELECT id, sources, model_sha256 FROM runs ORDER BY id DESC LIMIT 1"
        ).fetchone()
        if last is None:
            return None
        run_id, sources, model_sha256 = last
        if json.loads(sources) != list(run.sources) or model_sha256 != run.model_sha256:
            raise ResumeRefused(
                f"{self._path} cannot be resumed: its last run, {run_id}, had other sources or"
                f" another model; {START_AGAIN}"
            )
        return int(run_id)

    def _set_finished(self, when: str | None) -> None:
        self.connection.execute("UPDATE runs SET finished = ? WHERE id = ?", [when, self.run_id])

    def __enter__(self) -> Database:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self.flush()
            if kind is None:
                with self._failing(), self.transaction():
                    self._set_finished(_now())
        finally:
            self._end_of_earlier()
            with self._failing():
                self.connection.close()

    def rows(self) -> Iterator[Result]:
        """Look at the results that are there already; see :class:`~edge.sinks.sink.Sink`."""
        with self._failing():
            found = self.connection.execute(_SELECT, [self.run_id]).fetchall()
        yield from (Result.from_row(dict(zip(COLUMNS, row, strict=True))) for row in found)

    def earlier(self, expected: Result) -> Result | None:
        """Take the next result that is there already; see :class:`~edge.sinks.sink.Sink`."""
        found = self._next_earlier()
        if found:
            check_same_input(self._path, found, expected)
            self._earlier += 1
        return found

    def check_end(self) -> None:
        """Refuse results of inputs that are not there."""
        if found := self._next_earlier():
            raise too_many(self._path, found)

    def _next_earlier(self) -> Result | None:
        if self._earlier_rows is None:
            return None
        with self._failing():
            row = self._earlier_rows.fetchone()
        if row is None:
            self._end_of_earlier()
            return None
        return Result.from_row(dict(zip(COLUMNS, row, strict=True)))

    def _end_of_earlier(self) -> None:
        if self._earlier_rows:
            self._earlier_rows.close()
            self._earlier_rows = None

    def write(self, result: Result) -> None:
        """Add one result, unless it is there already."""
        if result.index >= self._earlier:
            self._waiting.append((self.run_id, *result.row().values()))
            if result.supersedes is not None:
                self._superseded.append((result.index, self.run_id, result.supersedes))

    def flush(self) -> None:
        """Commit what waits, or nothing of it."""
        if self._waiting:
            try:
                with self._failing(), self.transaction():
                    self._insert()
            finally:
                self._waiting.clear()
                self._superseded.clear()

    def _insert(self) -> None:
        self.connection.executemany(_INSERT, self._waiting)
        self.connection.executemany(_SUPERSEDE, self._superseded)

    def sync(self) -> None:
        """Put what was committed on the disk."""
        if self._earlier_rows is None:  # before, nothing was written, and SQLite would refuse
            with self._failing():
                self._pragma("wal_checkpoint(PASSIVE)")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of what happens inside, or nothing."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.connection.execute("COMMIT")
        except BaseException:
            if self.connection.in_transaction:  # some errors have rolled back themselves
                self.connection.execute("ROLLBACK")
            raise

    @contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            no_database = type(error) is sqlite3.DatabaseError  # or a damaged one
            advice = "name another file" if no_database else "check the folder and the free space"
            raise OutputFailed(f"cannot write {self._path}: {error}; {advice}") from error


def check_schema(path: Path, connection: sqlite3.Connection) -> None:
    """Refuse a database that is not one of results, or of another schema.

    Raises
    ------
    OutputFailed
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID:
        raise OutputFailed(f"{path} is a database of another program; name another file")
    if version not in (1, SCHEMA_VERSION):
        raise OutputFailed(
            f"{path} has results of schema {version}, this edge-all writes {SCHEMA_VERSION};"
            " name another file, or use the edge-all that made it"
        )


def _now() -> str:
    """Time in UTC, to the second, as ISO 8601."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
