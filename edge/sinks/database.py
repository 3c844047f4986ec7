"""Results in an SQLite database: many runs in one file, read while they are written."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType

from edge.errors import OutputFailed, ResumeRefused
from edge.process.interrupts import Patience
from edge.rows import COLUMNS, Result
from edge.sinks.file import is_stream
from edge.sinks.lock import LockFile, foreign
from edge.sinks.schema import (
    LOOK_AGAIN,
    PATIENCE,
    SCHEMA,
    SMALLEST,
    advice_on,
    check_health,
    check_schema,
    make_tables,
    patiently,
)
from edge.sinks.sink import START_AGAIN, Run, check_same_input, too_many

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
    begin : bool
        Call :meth:`begin`, too.

    Attributes
    ----------
    connection : sqlite3.Connection
        Without transactions of its own; for one thread at a time.
    run_id : int

    Raises
    ------
    OutputFailed
        If the file cannot be written, is no results database of this schema, or another
        run is writing it and this one is to go on with one.
    ResumeRefused
        If the last run had other sources or another model, or the database is damaged.
    """

    schema = SCHEMA
    alone = False  # runs share a database
    _named: Path | None = None  # what people know it by, if not by its path

    def __init__(self, path: Path, run: Run, resume: bool = False, begin: bool = True) -> None:
        self._path = path
        self._run = run
        self._resume = resume
        self._waiting: list[_Row] = []
        self._superseded: list[_Row] = []
        self._earlier = 0
        self._earlier_rows: sqlite3.Cursor | None = None
        self._begun = False
        self._lock = LockFile(path, self._named)
        # a resumed run is nobody else's; to add runs side by side is no harm
        self._lock.take(
            shared=not (resume or self.alone),
            patience=None if resume or self.alone else Patience(PATIENCE),
        )
        with ExitStack() as if_refused:
            if_refused.callback(self._lock.release)
            self._check()
            if begin:
                self.begin()
            if_refused.pop_all()

    def _check(self) -> None:
        """Refuse what is there, if it is no results database or damaged, and change nothing."""
        if is_stream(self._path):
            raise OutputFailed(f"cannot write {self._path}: it is a pipe or a device; name a file")
        if not self._path.exists() or not self._path.stat().st_size:
            return
        if self._path.is_file() and self._path.stat().st_size < SMALLEST:
            raise foreign(self._path, "results database")  # SQLite takes it for an empty one
        with self._failing(), contextlib.closing(self._connect()) as connection:
            check_schema(self._path, connection)
            if self._resume:
                check_health(self._path, connection)

    def begin(self) -> None:
        """Add the run, or go on with the last one; see :class:`~edge.sinks.sink.Sink`."""
        with self._failing():
            self.connection = self._connect()
        try:
            with self._failing():
                self._make_tables()
                with self.transaction():
                    found = self._last_run() if self._resume else None
                    self.run_id = self._add_run(self._run) if found is None else found
                    self._set_finished(None)
                if self._resume:
                    self._earlier_rows = self.connection.execute(_SELECT, [self.run_id])
            if not self.alone:
                self._lock.share()
        except BaseException:
            self.connection.close()
            raise
        self._begun = True

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=LOOK_AGAIN, isolation_level=None, check_same_thread=False
        )
        try:
            patiently(connection, "PRAGMA schema_version")  # the first look takes a lock
        except BaseException:
            connection.close()
            raise
        return connection

    def _make_tables(self) -> None:
        self._pragma("journal_mode = WAL")
        self._pragma("synchronous = NORMAL")
        self._pragma("foreign_keys = ON")
        with self.transaction():
            make_tables(self.connection, self.schema)

    def _pragma(self, text: str) -> None:
        patiently(self.connection, f"PRAGMA {text}")

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
                _sources_of(run),
                run.edge_all,
                run.runtime,
                run.machine,
                run.threads,
                run.model_sha256,
            ],
        )
        assert added.lastrowid is not None
        return added.lastrowid

    def _last_run(self) -> int | None:
        last = self.connection.execute(
            "SELECT id, sources, model_sha256 FROM runs ORDER BY id DESC LIMIT 1"
        ).fetchone()
        if last is None:
            return None
        run_id, sources, model_sha256 = last
        run = self._run
        if sources != _sources_of(run) or model_sha256 != run.model_sha256:
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
        if not self._begun:
            self._lock.release()
            return
        try:
            self._end_of_earlier()  # or what others wrote meanwhile is in the way of writing
            self.flush()
            if kind is None:
                with self._failing(), self.transaction():
                    self._set_finished(_now())
        finally:
            try:
                with self._failing():
                    self.connection.close()
            finally:
                self._let_go()

    def _let_go(self) -> None:
        """Let others write it: the run has ended."""
        self._lock.release()

    def rows(self) -> Iterator[Result]:
        """Look at the results that are there already; see :class:`~edge.sinks.sink.Sink`."""
        with self._failing():
            found = patiently(self.connection, _SELECT, [self.run_id]).fetchall()
        yield from map(self._result_of, found)

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
        return self._result_of(row)

    def _result_of(self, row: _Row) -> Result:
        try:
            return Result.from_row(dict(zip(COLUMNS, row, strict=True)))
        except ValueError as error:
            raise ResumeRefused(
                f"{self._path} cannot be resumed: a row of run {self.run_id} is no result"
                f" ({error}); {START_AGAIN}"
            ) from error

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
        patiently(self.connection, "BEGIN IMMEDIATE")
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
            raise OutputFailed(f"cannot write {self._path}: {error}; {advice_on(error)}") from error


def _sources_of(run: Run) -> str:
    return json.dumps(run.sources, ensure_ascii=False)


def _now() -> str:
    """Time in UTC, to the second, as ISO 8601."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
