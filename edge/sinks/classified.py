"""Which files a results database has decisions of, to look at them again."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from datetime import datetime, timedelta, timezone
from pathlib import Path

from edge.errors import NoInputs, OutputFailed
from edge.sinks.schema import check_schema

SUFFIXES = (".db", ".sqlite")
"""Of files that are results databases."""

_FILES = (
    "SELECT DISTINCT results.file FROM results JOIN runs ON runs.id = results.run_id"
    " WHERE results.error IS NULL AND results.parent IS NULL AND runs.started >= ?"
    " ORDER BY results.run_id, results.idx"
)


def files_of_results(path: Path, days: float | None = None) -> list[str]:
    """Files with a decision, as they were named, each once; those that are still there.

    Cells inside archives and fields are left out: they are no files of their own.

    Parameters
    ----------
    path : Path
        A results database.
    days : float, optional
        Only of runs that began within so many days.

    Raises
    ------
    NoInputs
        If it is no results database, or has none of them.
    """
    since = ""
    if days is not None:
        then = datetime.now(timezone.utc) - timedelta(days=days)
        since = then.strftime("%Y-%m-%dT%H:%M:%SZ")
    try:
        address = f"{path.absolute().as_uri()}?mode=ro"
        with contextlib.closing(sqlite3.connect(address, uri=True)) as connection:
            check_schema(path, connection)
            named = [file for (file,) in connection.execute(_FILES, [since])]
    except (sqlite3.Error, OutputFailed) as error:
        raise NoInputs(f"{path} is no results database that can be read: {error}") from error
    found = [file for file in named if os.path.isfile(file)]
    if not found:
        raise NoInputs(
            f"{path} has decisions of {len(named)} files, and none of them is there any more; name"
            " the cells themselves"
        )
    return found
