"""Results of a run in an SQLite file: what a database holds, and what gathers for a page."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

from edge.errors import OutputFailed, ResumeRefused
from edge.rows import Result, columns_of
from edge.sinks.file import is_stream
from edge.sinks.lock import foreign
from edge.sinks.schema import (
    LOOK_AGAIN,
    SCHEMA,
    SMALLEST,
    advice_on,
    check_health,
    check_schema,
    make_tables,
    patiently,
    quoted,
)
from edge.sinks.sink import START_AGAIN, Run

_SUPERSEDE = "UPDATE results SET superseded_by = ? WHERE run_id = ? AND idx = ?"

_INSERT_CROP = "INSERT INTO crops VALUES (?, ?, ?)"
_INSERT_LOOK = f"INSERT INTO looks VALUES (?, ?{', ?' * 10})"

_AT_ONCE = 500

_Row = Sequence[object]


class Store:
    """An SQLite file with results, open for one run.

    Every flush is a transaction. In WAL mode others read meanwhile, and a killed
    process leaves whole transactions. With ``synchronous = NORMAL`` a power cut
    takes those since the last :meth:`sync`, and never damages the file.

    Parameters
    ----------
    path : Path
        Made by :meth:`begin` if it is not there. Its folder must exist.
    tables : str
        Script that makes tables besides those of :data:`~edge.sinks.schema.SCHEMA`.

    Attributes
    ----------
    connection : sqlite3.Connection
        From :meth:`begin` on. Without transactions of its own; for one thread at a time.
    run_id : int
    """

    connection: sqlite3.Connection
    run_id: int

    def __init__(self, path: Path, tables: str = "") -> None:
        self._path = path
        self._schema = f"{SCHEMA};{tables}"
        self._waiting: dict[str, list[_Row]] = {}  # statement -> values

    def check(self, resume: bool) -> None:
        """Refuse what is there, if it is no results database or damaged, and change nothing.

        Raises
        ------
        OutputFailed, ResumeRefused
        """
        if is_stream(self._path):
            raise OutputFailed(f"cannot write {self._path}: it is a pipe or a device; name a file")
        if not self._path.exists() or not self._path.stat().st_size:
            return
        if self._path.is_file() and self._path.stat().st_size < SMALLEST:
            raise foreign(self._path, "results database")  # SQLite takes it for an empty one
        with self._failing(), contextlib.closing(self._connect()) as connection:
            check_schema(self._path, connection)
            if resume:
                check_health(self._path, connection)

    def begin(self, run: Run, resume: bool) -> None:
        """Add a run, or go on with the last one, if there is one.

        Raises
        ------
        OutputFailed
        ResumeRefused
            If the last run had other sources or another model.
        """
        self._contract = run.contract
        self._keeps_crops = run.keeps_crops
        self._keeps_looks = run.keeps_looks
        self._columns = columns_of(run.contract.names)
        self._insert = _insert_of(self._columns)
        with self._failing():
            self.connection = self._connect()
        try:
            with self._failing():
                self._make_tables()
                with self._transaction():
                    found = self._last_run(run) if resume else None
                    self.run_id = self._add_run(run) if found is None else found
                    self._set_finished(None)
        except BaseException:
            self.connection.close()
            raise

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
        with self._transaction():
            make_tables(self.connection, self._schema, self._contract.names)

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

    def _last_run(self, run: Run) -> int | None:
        last = self.connection.execute(
            "SELECT id, sources, model_sha256 FROM runs ORDER BY id DESC LIMIT 1"
        ).fetchone()
        if last is None:
            return None
        run_id, sources, model_sha256 = last
        if sources != _sources_of(run) or model_sha256 != run.model_sha256:
            raise ResumeRefused(
                f"{self._path} cannot be resumed: its last run, {run_id}, had other sources or"
                f" another model; {START_AGAIN}"
            )
        return int(run_id)

    def _set_finished(self, when: str | None) -> None:
        self.connection.execute("UPDATE runs SET finished = ? WHERE id = ?", [when, self.run_id])

    def rows(self) -> Iterator[Result]:
        """Look at the results of the run, some at a time: nothing is held, in memory or open.

        Raises
        ------
        ResumeRefused
            If one is no result.
        """
        last = -1
        select = (
            f"SELECT {_names(self._columns)} FROM results WHERE run_id = ? AND idx > ?"
            f" ORDER BY idx LIMIT {_AT_ONCE}"
        )
        while True:
            with self._failing():
                some = patiently(self.connection, select, [self.run_id, last]).fetchall()
            for row in some:
                result = self._result_of(row)
                yield result
                last = result.index
            if len(some) < _AT_ONCE:
                return

    def _result_of(self, row: _Row) -> Result:
        try:
            return Result.from_row(dict(zip(self._columns, row, strict=True)), self._contract)
        except ValueError as error:
            raise ResumeRefused(
                f"{self._path} cannot be resumed: a row of run {self.run_id} is no result"
                f" ({error}); {START_AGAIN}"
            ) from error

    def write(self, result: Result) -> None:
        """Let a result wait for a flush."""
        self.add(self._insert, (self.run_id, *result.row().values()))
        if self._keeps_crops and result.crop is not None:
            from edge.crops.png import png_of  # OpenCV, which few runs need here

            self.add(_INSERT_CROP, (self.run_id, result.index, png_of(result.crop)))
        if self._keeps_looks and result.crop is not None and result.decision is not None:
            from edge.crops.look import look_at

            if look := look_at(result.crop, self._contract.background):
                self.add(_INSERT_LOOK, (self.run_id, result.index, *look.numbers))
        if result.supersedes is not None:
            self.add(_SUPERSEDE, (result.index, self.run_id, result.supersedes))

    def add(self, statement: str, values: _Row) -> None:
        """Let another row wait for the same flush: it is written with the results, or not."""
        self._waiting.setdefault(statement, []).append(values)

    def flush(self) -> None:
        """Commit what waits, or nothing of it.

        Raises
        ------
        OutputFailed
        """
        try:
            if self._waiting:
                with self._failing(), self._transaction():
                    for statement, rows in self._waiting.items():
                        self.connection.executemany(statement, rows)
        finally:
            self._waiting.clear()

    def sync(self) -> None:
        """Put what was committed on the disk."""
        with self._failing():
            self._pragma("wal_checkpoint(PASSIVE)")

    def close(self, is_finished: bool) -> None:
        """Commit what waits, note the end of the run if it has come, and close the file.

        Raises
        ------
        OutputFailed
        """
        try:
            self.flush()
            if is_finished:
                with self._failing(), self._transaction():
                    self._set_finished(_now())
        finally:
            with self._failing():
                self.connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
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


def _names(columns: Sequence[str]) -> str:
    """Columns of the table; "index" is a word of SQL."""
    return ", ".join("idx" if column == "index" else quoted(column) for column in columns)


def _insert_of(columns: Sequence[str]) -> str:
    places = ", ".join("?" * len(columns))
    return f"INSERT INTO results (run_id, {_names(columns)}) VALUES (?, {places})"
