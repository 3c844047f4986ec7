"""What stands in a database."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path


def query(path: Path, text: str) -> list[tuple[object, ...]]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute(text).fetchall()
