"""The page sees the field that the service looks at."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest
from command_helpers import edge_all

from edge.decoding.decode import decode
from edge.service.live_field import live_field_of

SIDE = 480  # of simulated fields, in pixels: searched in little time


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "r.db"
    source = f"sim:seed=1,frames=2,fps=0,width={SIDE},height={SIDE}"
    done = edge_all("run", source, "--out", path, "--keep-crops")
    assert done.exit_code == 0, done.output
    return path


def test_the_last_field_lies_beside_the_database_with_its_cells_marked(database: Path) -> None:
    picture = decode(live_field_of(database).read_bytes())
    assert picture.shape == (SIDE, SIDE, 3)
    refer = np.abs(picture.astype(int) - (230, 159, 0)).max(axis=2) < 40
    assert refer.sum() > 20  # boxes in the colour of the decision


def test_crops_of_a_camera_are_kept_where_it_is_asked_for(database: Path) -> None:
    with sqlite3.connect(database) as connection:
        (cells,) = connection.execute("SELECT count(*) FROM results WHERE box <> ''").fetchone()
        (crops,) = connection.execute("SELECT count(*) FROM crops").fetchone()
    assert crops == cells > 0
