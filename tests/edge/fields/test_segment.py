"""``edge-all segment``: crops, pictures and tables of fields, and a page about parameters."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import pytest
from command_helpers import edge_all

from edge.fields.drawn import draw_field
from edge.fields.overlay import as_png
from edge.fields.stage import box_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "fields"
    made.mkdir()
    for seed in (1, 2):
        drawn = draw_field(seed, 320, 240, cells=4, diameter=44)
        (made / f"{seed}.png").write_bytes(as_png(drawn.rgb))
    return made


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def test_crops_overlays_and_tables_are_written(folder: Path, tmp_path: Path) -> None:
    done = edge_all("segment", folder, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("8 cells in 2 fields")
    cells = table(tmp_path / "out" / "cells.csv")
    assert len(cells) == 8
    for row in cells:
        crop = cv2.imread(str(tmp_path / "out" / row["crop"]))
        assert crop.shape[0] == crop.shape[1]
        assert not crop[0].any()
        inside = crop.any(axis=2).sum()
        assert inside == pytest.approx(int(row["area"]), rel=0.02)
        box = box_of(row["box"])
        assert int(row["nucleus_area"]) < int(row["area"]) < box.width * box.height
    assert sorted(path.name for path in (tmp_path / "out/overlays").iterdir()) == ["1.jpg", "2.jpg"]
    assert {row["reason"] for row in table(tmp_path / "out" / "left-out.csv")} <= {"small"}


def test_fields_of_one_name_do_not_overwrite_each_other(folder: Path, tmp_path: Path) -> None:
    other = folder / "other"
    other.mkdir()
    (other / "1.png").write_bytes((folder / "2.png").read_bytes())
    edge_all("segment", folder, "--out", tmp_path / "out")
    assert len(list((tmp_path / "out" / "overlays").iterdir())) == 3
    assert len({row["crop"] for row in table(tmp_path / "out" / "cells.csv")}) == 12


def test_the_preview_shows_what_each_parameter_does(folder: Path, tmp_path: Path) -> None:
    done = edge_all("segment", folder / "1.png", "--out", tmp_path / "out", "--preview")
    assert done.exit_code == 0
    page = (tmp_path / "out" / "parameters.html").read_text()
    assert page.count("<figure>") == 11
    assert "level 0.55 in place of 0.4" in page
    assert page.count("data:image/jpeg;base64,") == 11


def test_a_parameter_changes_what_is_found(folder: Path, tmp_path: Path) -> None:
    areas = {}
    for level in ("0.2", "0.7"):
        edge_all("segment", folder, "--out", tmp_path / level, "--level", level)
        areas[level] = [int(row["area"]) for row in table(tmp_path / level / "cells.csv")]
    assert sum(areas["0.7"]) < sum(areas["0.2"])


def test_what_cannot_be_read_is_named_and_the_rest_is_done(folder: Path, tmp_path: Path) -> None:
    (folder / "3.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    done = edge_all("segment", folder, "--out", tmp_path / "out")
    assert done.exit_code == 1
    assert "3.png" in done.stderr
    assert "8 cells in 2 fields" in done.stdout


def test_a_folder_that_cannot_be_made_is_an_error_in_a_sentence(
    folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    done = edge_all("segment", folder, "--out", tmp_path / "file")
    assert done.exit_code == 2
    assert "Traceback" not in done.output


def test_fields_are_drawn_as_samples(tmp_path: Path) -> None:
    done = edge_all("samples", tmp_path / "drawn", "--fields", "-n", 2)
    assert done.stdout == f"drew 2 fields in {tmp_path / 'drawn'}\n"
    shapes = {cv2.imread(str(path)).shape for path in (tmp_path / "drawn").iterdir()}
    assert shapes == {(480, 640, 3)}
