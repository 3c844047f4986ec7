"""Databases to review: drawn cells, classified once; no decision on a drawing means anything."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

from command_helpers import edge_all

from edge.crops.drawn import write_samples
from edge.reviews.audit import AuditRule
from edge.reviews.database import ReviewDatabase, RunFacts, run_of
from edge.reviews.queues import DrawnCells
from edge.reviews.review import WAITING, CellKey, Item, Review, Shown

CELLS = 24


@functools.cache
def classified() -> Path:
    """Folder with ``results.db`` of 24 drawn cells of two smears; not to be changed."""
    folder = Path(tempfile.mkdtemp(prefix="edge-all-reviews-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for path in write_samples(folder / "first", CELLS)[CELLS // 2 :]:
        (folder / "second").mkdir(exist_ok=True)
        path.rename(folder / "second" / path.name)
    out = folder / "results.db"
    done = edge_all("classify", folder / "first", folder / "second", "--out", out, "--keep-crops")
    assert done.exit_code in (0, 3), done.output
    return folder


def database_in(folder: Path) -> ReviewDatabase:
    """A database of its own over the same cells."""
    shutil.copy(classified() / "results.db", folder / "results.db")
    return ReviewDatabase(folder / "results.db")


def last_run(database: ReviewDatabase) -> RunFacts:
    with database.reading() as connection:
        run = run_of(connection)
    assert run is not None
    return run


def nobody_drawn(run_id: int = 1) -> DrawnCells:
    return DrawnCells(AuditRule(run_id, 1, 0.0))


def review(
    index: int, label: str, reader: str = "Ada", item: Item | None = None, **facts: object
) -> Review:
    given: dict[str, object] = {
        "queue": WAITING,
        "blind": False,
        "audit_probability": None,
        "shown": Shown("00"),
    }
    return Review(reader, item or CellKey(1, index), label, **{**given, **facts})  # type: ignore[arg-type]
