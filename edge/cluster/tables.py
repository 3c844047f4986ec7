"""Results as tables of Apache Arrow, which Parquet files hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.contract import Contract
from edge.rows import Result, columns_of
from edge.smears import mark_shifted
from edge.whole_file import replacing

AREA = "area"
"""Last column, which other result files have not: by what the scale of a smear is judged."""

_WHOLE = ("index", "supersedes", "cell_area")

Table = Any
"""A `pyarrow.Table`, which has no types."""


@dataclass(frozen=True)
class Counts:
    """What the results of a table come to.

    Attributes
    ----------
    rows : int
    decisions : dict
        Decision -> rows; None: those without one.
    marked : int
        Decided ones with quality codes.
    """

    rows: int
    decisions: dict[str | None, int]
    marked: int

    @property
    def failed(self) -> int:
        """Rows without a decision."""
        return self.decisions.get(None, 0)


def table_of(results: Iterable[Result], labels: tuple[str, ...]) -> Table:
    """Make a table of results, with the columns that every result file has, and their areas."""
    return _table_of_rows([{**result.row(), AREA: result.area} for result in results], labels)


def _table_of_rows(rows: Sequence[Mapping[str, object]], labels: tuple[str, ...]) -> Table:
    import pyarrow

    def kind_of(column: str) -> Any:
        if column in _WHOLE or column == AREA:
            return pyarrow.int64()
        is_number = column.startswith(("p_", "logit_")) or column == "um_per_pixel"
        return pyarrow.float64() if is_number else pyarrow.string()

    fields = [(column, kind_of(column)) for column in (*columns_of(labels), AREA)]
    return pyarrow.Table.from_pylist(list(rows), pyarrow.schema(fields))


def numbered(table: Table, first: int) -> Table:
    """Give the rows of a table their positions among all rows of a run."""
    import pyarrow

    at = table.schema.names.index("index")
    positions = pyarrow.array(range(first, first + table.num_rows), pyarrow.int64())
    return table.set_column(at, table.schema.field(at), positions)


def outlines_of(table: Table) -> Iterable[Result]:
    """Results with what smears are judged by, and nothing else: making whole ones takes longer."""
    columns = ("source", "file", "error", "quality", AREA)
    values = (table.column(name).to_pylist() for name in columns)
    for source, file, error, quality, area in zip(*values, strict=True):
        yield Result(source, file, 0, "", "", error=error, quality=quality, area=area)


def with_shifted(table: Table, rows: Sequence[int], contract: Contract, strict: bool) -> Table:
    """Mark some rows of a table as cells of a smear that is shown at another scale."""
    changed = table.to_pylist()
    for number in rows:
        row = changed[number]
        result = mark_shifted(Result.from_row(row, contract), strict)
        changed[number] = {**result.row(), AREA: row[AREA]}
    return _table_of_rows(changed, contract.names)


def count(table: Table) -> Counts:
    """Count the decisions of a table."""
    import pyarrow.compute as of_columns

    found = of_columns.value_counts(table.column("decision")).to_pylist()
    decided = of_columns.is_valid(table.column("decision"))
    marked = of_columns.and_(decided, of_columns.is_valid(table.column("quality")))
    return Counts(
        table.num_rows,
        {each["values"]: each["counts"] for each in found},
        int(of_columns.sum(marked).as_py() or 0),
    )


def first_failures(table: Table, most: int, contract: Contract) -> list[Result]:
    """Give the first results without a decision, at most so many."""
    import pyarrow.compute as of_columns

    if most <= 0:
        return []
    failed = table.filter(of_columns.is_null(table.column("decision"))).slice(0, most)
    return [Result.from_row(row, contract) for row in failed.to_pylist()]


def write_table(path: Path, table: Table) -> None:
    """Write a table as a Parquet file, whole or not at all.

    Raises
    ------
    OSError
    """
    import pyarrow.parquet as parquet

    with replacing(path, durable=True) as file:
        parquet.write_table(table, file, compression="zstd")


def read_table(path: Path) -> Table:
    """Read a Parquet file.

    Raises
    ------
    OSError, ValueError
        `pyarrow.ArrowInvalid`, which is a ValueError, if it is none.
    """
    import pyarrow.parquet as parquet

    with path.open("rb") as file:
        return parquet.read_table(file)
