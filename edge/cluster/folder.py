"""The results of a run on a cluster: a folder with a Parquet file a shard, and a manifest.

The manifest has a line of JSON for the run, one for each shard whose file is there, and one when
all are. A line is added behind its file; so a run that was killed goes on behind the last line.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType

from edge.cluster.job import Shard
from edge.cluster.tables import Counts, Table, read_table, write_table
from edge.errors import OutputFailed, ResumeRefused
from edge.sinks.file import cannot_write
from edge.sinks.lock import LockFile, foreign
from edge.sinks.sink import START_AGAIN

SUFFIX = ".parquet"
"""What the name of such a folder ends with."""

MANIFEST = "_manifest.jsonl"
"""Its file: readers of Parquet pass over names that begin so."""

SCHEMA = 1
"""Version of the manifest."""


@dataclass(frozen=True)
class ClusterRun:
    """Facts of a run: those that must be the same for it to go on, and others.

    Attributes
    ----------
    sources : tuple of str
    network, model_sha256 : str
        Of the model file.
    labels : tuple of str
        Their names.
    strict : bool
    pixel_size : float or None
        Micrometres a pixel, where it was given.
    shard : int
        Samples a file.
    record : dict of str
        What may differ between parts of a run: versions, machines, the command.
    """

    sources: tuple[str, ...]
    network: str
    model_sha256: str
    labels: tuple[str, ...]
    strict: bool
    pixel_size: float | None
    shard: int
    record: dict[str, str] = field(compare=False)

    def to_dict(self) -> dict[str, object]:
        """Line of a manifest."""
        return {"schema": SCHEMA, **asdict(self)}


@dataclass(frozen=True)
class Part:
    """A file that is there: line of a manifest."""

    file: str
    first: int
    rows: int
    failed: int
    inputs: str


class ResultFolder:
    """A folder of Parquet files of one run, locked; a context manager.

    Parameters
    ----------
    path : Path
    run : ClusterRun

    Attributes
    ----------
    parts : list of Part
        That are there, in their order.
    is_complete : bool
        Whether the last run wrote all.

    Raises
    ------
    OutputFailed
        If something else is there, or another run writes it.
    ResumeRefused
        If it holds another run, or is damaged.
    """

    def __init__(self, path: Path, run: ClusterRun) -> None:
        self.path = path
        self.parts: list[Part] = []
        self.is_complete = False
        self._manifest = path / MANIFEST
        self._lock = LockFile(path)
        self._lock.take()
        try:
            self._open(run)
        except BaseException:
            self._lock.release()
            raise

    def __enter__(self) -> ResultFolder:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._lock.release()

    def _open(self, run: ClusterRun) -> None:
        if self.path.exists() and not self.path.is_dir():
            raise foreign(self.path, "folder of results")
        try:
            self.path.mkdir(exist_ok=True)
            if self._manifest.exists():
                self._go_on(run)
            elif any(not each.name.startswith(".") for each in self.path.iterdir()):
                raise foreign(self.path, "folder of results")
            else:
                self._append(run.to_dict())
        except OutputFailed:
            raise
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def _go_on(self, run: ClusterRun) -> None:
        whole, _, cut_off = self._manifest.read_bytes().rpartition(b"\n")
        try:
            lines = [json.loads(line) for line in whole.splitlines()]
        except ValueError as error:
            raise self._refused(f"its {MANIFEST} is damaged") from error
        if cut_off:
            with self._manifest.open("r+b") as file:
                file.truncate(len(whole) + bool(whole))
        if not lines:  # killed at its very start
            self._append(run.to_dict())
            return
        self._check_run(lines[0], run)
        for line in lines[1:]:
            if line.get("is_complete"):
                self.is_complete = True
            else:
                self.parts.append(Part(**line))

    def _check_run(self, found: Mapping[str, object], run: ClusterRun) -> None:
        wanted = json.loads(json.dumps(run.to_dict()))
        for name, value in wanted.items():
            if name != "record" and found.get(name) != value:
                raise self._refused(f"its {name} was {found.get(name)!r} and is {value!r} now")

    def table_of(self, shard: Shard) -> Table | None:
        """Results of a shard that an earlier run has written; None if there are none.

        Raises
        ------
        ResumeRefused
            If those of other samples are there, or the file is damaged.
        """
        if shard.number >= len(self.parts):
            return None
        part = self.parts[shard.number]
        if part.inputs != shard.fingerprint:
            raise self._refused(f"{part.file} has the results of other inputs than are there now")
        try:
            table = read_table(self.path / part.file)
        except (OSError, ValueError) as error:
            raise self._refused(f"{part.file} cannot be read: {error}") from error
        if table.num_rows != part.rows:
            raise self._refused(f"{part.file} has {table.num_rows} rows, not {part.rows}")
        return table

    def write(self, shard: Shard, first: int, table: Table, counts: Counts) -> None:
        """Write the results of the next shard; whoever kills the process now loses none of them.

        Raises
        ------
        OutputFailed
        """
        name = f"part-{shard.number:06d}{SUFFIX}"
        part = Part(name, first, counts.rows, counts.failed, shard.fingerprint)
        try:
            write_table(self.path / name, table)
            self._append(asdict(part))
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def finish(self, shards: int) -> None:
        """Say that all results are there.

        Raises
        ------
        ResumeRefused
            If an earlier run had more shards.
        """
        if shards < len(self.parts):
            raise self._refused(f"it has {len(self.parts)} files, and inputs are for {shards} now")
        if not self.is_complete:
            self._append({"is_complete": True, "shards": shards})

    def _append(self, line: Mapping[str, object]) -> None:
        with self._manifest.open("ab") as file:
            file.write(json.dumps(line).encode() + b"\n")

    def _refused(self, why: str) -> ResumeRefused:
        return ResumeRefused(f"{self.path} cannot be gone on with: {why}; {START_AGAIN}")
