"""Cells of fields as samples: their crops are what the contract says, their rows say where."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from command_helpers import edge_all
from edge_helpers import write_changed_model

from edge.contract import BLACK, NATURAL, Contract
from edge.engine.reader import Reader
from edge.fields.drawn import draw_field
from edge.fields.overlay import as_png
from edge.fields.stage import CellStage, box_of
from edge.models.cnmc import CONTRACT
from edge.samples import Sample
from edge.stages import make_stage

UM = 0.25
SIZE = 480, 360, 8, 48  # width, height, cells, diameter
FIELD = Sample("s", "field.png", pixels=draw_field(1, *SIZE).rgb, um_per_pixel=UM, time=7.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two fields with eight cells each, and one without."""
    made = tmp_path_factory.mktemp("fields")
    for name, field in (
        ("a", draw_field(1, *SIZE)),
        ("b", draw_field(2, *SIZE)),
        ("c", draw_field(3, 320, 240, cells=0, platelets=0)),
    ):
        (made / f"{name}.png").write_bytes(as_png(field.rgb))
    return made


def contract(**fields: object) -> Contract:
    return dataclasses.replace(CONTRACT, **fields)  # type: ignore[arg-type]


def test_the_registered_stage_makes_of_a_field_its_cells() -> None:
    cells = list(make_stage("cells")(FIELD))
    assert len(cells) == 8
    assert len({cell.id for cell in cells}) == 8
    for cell in cells:
        assert (cell.parent, cell.time, cell.um_per_pixel) == ("field.png", 7.0, UM)
        assert cell.box is not None
        assert cell.id == f"field.png@{cell.box}"
        assert box_of(str(cell.box)) == cell.box
        assert cell.mask is not None
        assert cell.area == cell.mask.sum()
        assert cell.pixels is not None
        assert cell.pixels.shape[:2] == cell.mask.shape


def test_cells_are_brought_to_the_scale_of_the_contract() -> None:
    areas = [cell.area or 0 for cell in CellStage()(FIELD)]
    for um in (0.2, 0.35):
        reader = Reader(contract(um_per_pixel=um), [CellStage()])
        for area, prepared in zip(areas, reader.prepare(FIELD), strict=True):
            assert prepared.crop is not None
            inside = np.count_nonzero(prepared.crop.any(axis=2))
            assert inside == pytest.approx(area * (UM / um) ** 2, rel=0.12)


@pytest.mark.parametrize("background", [BLACK, NATURAL])
def test_around_a_cell_lies_what_the_contract_says(background: str) -> None:
    reader = Reader(contract(um_per_pixel=0.4, background=background), [CellStage()])
    for prepared in reader.prepare(FIELD):
        assert prepared.crop is not None
        border = np.concatenate((prepared.crop[0], prepared.crop[-1], prepared.crop[:, 0]))
        assert border.any() == (background == NATURAL)


def test_a_cell_at_the_edge_of_a_field_is_still_in_the_middle_of_its_crop() -> None:
    drawn = draw_field(1)
    box = min(drawn.boxes, key=lambda each: each.x)
    field = np.ascontiguousarray(drawn.rgb[:, max(box.x - 4, 0) :])
    cell = min(CellStage()(Sample("s", "f", pixels=field)), key=lambda each: each.box.x)  # type: ignore[union-attr]
    assert cell.mask is not None
    y, x = np.nonzero(cell.mask)
    assert abs(x.min() + x.max() - cell.mask.shape[1]) <= 3
    assert abs(y.min() + y.max() - cell.mask.shape[0]) <= 3


def test_what_is_left_out_is_counted_over_all_fields() -> None:
    stage = CellStage()
    for _ in range(2):
        list(stage(Sample("s", "f", pixels=draw_field(7, 320, 240, 4, 44, platelets=12).rgb)))
    (line,) = stage.left
    assert line.startswith("left out of 2 fields: ")
    assert " small (" in line


def rows(path: Path) -> Iterator[dict[str, str]]:
    yield from csv.DictReader(path.read_text().splitlines())


def test_rows_of_cells_say_where_they_are_and_a_field_without_any_says_so(
    folder: Path, tmp_path: Path
) -> None:
    done = edge_all(
        *("classify", folder, "--fields", "--out", tmp_path / "r.csv"),
        *("--report", tmp_path / "r.html", "--overlays", tmp_path / "overlays"),
    )
    assert done.exit_code == 1, done.output
    found = list(rows(tmp_path / "r.csv"))
    assert [row["error"] for row in found] == [""] * 16 + ["no-cells"]
    for row in found[:16]:
        assert row["parent"] == row["file"]
        assert row["sample"] == f"{row['file']}@{row['box']}"
        box = box_of(row["box"])
        assert 0.5 * box.width * box.height < int(row["cell_area"]) < box.width * box.height
    assert "left out of 3 fields: " in done.stderr
    assert (tmp_path / "r.html").read_text().count("a.png@") >= 8
    pictures = {path.name: cv2.imread(str(path)) for path in (tmp_path / "overlays").iterdir()}
    assert sorted(pictures) == ["a.png.jpg", "b.png.jpg", "c.png.jpg"]
    orange = np.array([0x00, 0x9F, 0xE6])  # blue, green, red of refer
    for name, picture in pictures.items():
        near = np.abs(picture.astype(int) - orange).max(axis=2) < 40
        assert (near.sum() > 500) == (name != "c.png.jpg")


def test_cells_of_unknown_scale_are_referred_and_the_reason_is_said(
    folder: Path, tmp_path: Path
) -> None:
    model = write_changed_model(tmp_path / "m.tflite", contract=contract(um_per_pixel=0.4))
    arguments = ("classify", folder / "a.png", "--fields", "--model", model)
    edge_all(*arguments, "--out", tmp_path / "unknown.csv")
    edge_all(*arguments, "--out", tmp_path / "known.csv", "--pixel-size", UM)
    for row in rows(tmp_path / "unknown.csv"):
        assert row["decision"] == "refer"
        assert row["quality"].split()[0] == "scale-unknown"
    assert not any("scale-unknown" in row["quality"] for row in rows(tmp_path / "known.csv"))
    strict = edge_all(*arguments, "--strict", "--out", tmp_path / "strict.csv")
    assert strict.exit_code == 1
    assert {row["error"] for row in rows(tmp_path / "strict.csv")} == {"quality"}
    assert "--pixel-size" in strict.stderr or "scale" in strict.stderr


def test_overlays_without_fields_are_refused(folder: Path, tmp_path: Path) -> None:
    done = edge_all("classify", folder, "--overlays", tmp_path)
    assert done.exit_code == 2
    assert "--fields" in done.stderr
