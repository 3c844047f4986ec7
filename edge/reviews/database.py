"""A results database as people look at it: read beside a run that writes it, reviews added."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from edge.contract import Contract
from edge.errors import NoInputs, OutputFailed
from edge.models.metadata import parse_metadata
from edge.reviews.review import CellKey
from edge.rows import Result
from edge.sinks.schema import (
    LOOK_AGAIN,
    SCHEMA,
    SCHEMA_VERSION,
    SMALLEST,
    advice_on,
    check_schema,
    make_tables,
    patiently,
)


@dataclass(frozen=True)
class RunFacts:
    """A run of the database.

    Attributes
    ----------
    id : int
    started : str
        UTC, ISO 8601.
    finished : str or None
        None while it runs, and if it was cut off.
    sources : str
        JSON list.
    network, model_sha256 : str
    contract : Contract
    """

    id: int
    started: str
    finished: str | None
    sources: str
    network: str
    model_sha256: str
    contract: Contract

    @property
    def reads(self) -> str:
        """What it reads, for people."""
        return ", ".join(map(str, json.loads(self.sources)))


class ReviewDatabase:
    """A results database with room for reviews; brought to this version when it is opened.

    A connection is opened for each use and closed after it: threads share nothing, and nothing is
    held between requests.

    Parameters
    ----------
    path : Path

    Raises
    ------
    NoInputs
        If it is not there, or no results database of a version this edge-all knows.
    OutputFailed
        If it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_file() or path.stat().st_size < SMALLEST:
            raise NoInputs(
                f"{path} is no results database; make one with edge-all classify CROPS --out {path}"
            )
        try:
            with contextlib.closing(self._connect()) as connection:
                check_schema(path, connection)
        except (sqlite3.Error, OutputFailed) as error:
            raise NoInputs(f"{path} is no results database to be used: {error}") from error
        self._bring_up_to_date()

    def _bring_up_to_date(self) -> None:
        with self.writing() as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version != SCHEMA_VERSION:
                make_tables(connection, SCHEMA, ())

    def _connect(self) -> sqlite3.Connection:
        # rw: a database that went away is not made again, empty
        connection = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode=rw",
            uri=True,
            timeout=LOOK_AGAIN,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            patiently(connection, "PRAGMA schema_version")  # the first look takes a lock
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Look at one state of the database, whatever is written meanwhile.

        Raises
        ------
        OutputFailed
        """
        with self._failing(), contextlib.closing(self._connect()) as connection:
            connection.execute("PRAGMA query_only = ON")
            connection.execute("BEGIN")
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """All of what happens inside, or nothing; at the end it is on the disk.

        Results may be made again, what a person said may not: ``synchronous = FULL``, unlike runs.

        Raises
        ------
        OutputFailed
        """
        with self._failing(), contextlib.closing(self._connect()) as connection:
            patiently(connection, "PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            patiently(connection, "BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise OutputFailed(f"cannot use {self.path}: {error}; {advice_on(error)}") from error


_RUNS = (
    "SELECT id, started, finished, sources, network, model_sha256, metadata"
    " FROM runs JOIN models ON sha256 = model_sha256"
)


def runs_of(connection: sqlite3.Connection, most: int = 100) -> list[RunFacts]:
    """Runs of a database, the last one first."""
    rows = connection.execute(f"{_RUNS} ORDER BY id DESC LIMIT ?", [most])
    return [_run_of(row) for row in rows]


def run_of(connection: sqlite3.Connection, run_id: int | None = None) -> RunFacts | None:
    """Give a run by its number, the last one by default; None where there is none."""
    wanted = "max(id)" if run_id is None else "id"
    row = connection.execute(
        f"{_RUNS} WHERE id = (SELECT {wanted} FROM runs WHERE ? IS NULL OR id = ?)",
        [run_id, run_id],
    ).fetchone()
    return None if row is None else _run_of(row)


def _run_of(row: tuple[int, str, str | None, str, str, str, str]) -> RunFacts:
    number, started, finished, sources, network, model_sha256, metadata = row
    contract = _contract_of(metadata)
    return RunFacts(number, started, finished, sources, network, model_sha256, contract)


@lru_cache(maxsize=16)  # a page looks at its run, and to check a model's metadata takes longest
def _contract_of(metadata: str) -> Contract:
    return parse_metadata(metadata).contract


def result_of(connection: sqlite3.Connection, run: RunFacts, cell: CellKey) -> Result | None:
    """Read the result of a cell; None where there is none, or another took its place."""
    found = connection.execute(
        "SELECT * FROM results WHERE run_id = ? AND idx = ? AND superseded_by IS NULL",
        [cell.run_id, cell.index],
    )
    row = found.fetchone()
    if row is None:
        return None
    names = [name for name, *_ in found.description]
    given = dict(zip(names, row, strict=True))
    return Result.from_row(given | {"index": given["idx"]}, run.contract)


def decisions_of(connection: sqlite3.Connection, run_id: int) -> dict[str | None, int]:
    """Count the results of a run by decision; under None those that failed."""
    return dict(
        connection.execute(
            "SELECT decision, count(*) FROM results"
            " WHERE run_id = ? AND superseded_by IS NULL GROUP BY decision",
            [run_id],
        ).fetchall()
    )
