"""Hidden control cells: their label is known, they say how well a reader reads."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from edge.contract import Contract
from edge.crops.png import png_of
from edge.decoding.decode import decode
from edge.errors import CropUnreadable, DataRefused
from edge.files import read_bytes
from edge.reviews.database import ReviewDatabase
from edge.reviews.labels import choices_of
from edge.reviews.review import ControlKey


def add_controls(database: ReviewDatabase, folder: Path) -> int:
    """Put the images of a folder into the database as control cells; those that are there stay.

    Parameters
    ----------
    database : ReviewDatabase
    folder : Path
        A folder for each label with images in it. They should look like the cells of the run: one
        that is told apart by its size or background is not hidden.

    Returns
    -------
    int
        How many control cells the database has now.

    Raises
    ------
    DataRefused
        If there is none, or one cannot be read, or one image has two labels.
    OutputFailed
    """
    found = [
        (each.name, file)
        for each in sorted(folder.glob("*/"))
        for file in sorted(each.iterdir())
        if file.is_file() and not file.name.startswith(".")
    ]
    if not found:
        raise DataRefused(
            f"{folder} has no control cells; put images into {folder}/LABEL, a folder for each"
            " label"
        )
    rows = [(label, *_image(file)) for label, file in found]
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    with database.writing() as connection:
        for (label, sha256, png), (_, file) in zip(rows, found, strict=True):
            connection.execute(
                "INSERT OR IGNORE INTO controls (label, sha256, png, added) VALUES (?, ?, ?, ?)",
                [label, sha256, png, now],
            )
            (there,) = connection.execute(
                "SELECT label FROM controls WHERE sha256 = ?", [sha256]
            ).fetchone()
            if there != label:
                raise DataRefused(
                    f"{file} is {label} here and {there} among the controls of {database.path};"
                    " a control has one label, for good"
                )
        (count,) = connection.execute("SELECT count(*) FROM controls").fetchone()
    return int(count)


def _image(file: Path) -> tuple[str, bytes]:
    try:
        png = png_of(decode(read_bytes(file)))
    except CropUnreadable as error:
        raise DataRefused(f"{file} cannot be a control cell: {error}") from error
    return hashlib.sha256(png).hexdigest(), png


def controls_left(
    connection: sqlite3.Connection, contract: Contract, reader: str
) -> Sequence[ControlKey]:
    """Control cells of labels of a contract that a reader has not been shown."""
    names = [choice.name for choice in choices_of(contract)]
    places = ", ".join("?" * len(names))
    rows = connection.execute(
        f"SELECT id FROM controls WHERE label IN ({places}) AND id NOT IN"
        " (SELECT control_id FROM valid_reviews WHERE reader = ? AND control_id IS NOT NULL)",
        [*names, reader],
    )
    return [ControlKey(number) for (number,) in rows]
