"""From the microscope to decisions: fields are captured, their cells cut out, found again."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import json
import sqlite3
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from command_helpers import edge_all
from edge_helpers import write_changed_model

from edge.fields.stage import box_of
from edge.instrument.flat_field import measure_flat_field
from edge.instrument.store import Instrument, StoredScale
from edge.models.cnmc import CONTRACT
from edge.sources.cameras.simulated.scenes import DrawnSmear
from edge.sources.cameras.simulated.smear import WHITE
from edge.sources.field_facts import read_facts
from edge.sources.names import is_cell

SMEAR = "seed=1,fps=0,width=480,height=360,um=0.3,white=4"
UM = 0.3


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three fields with their crops."""
    folder = tmp_path_factory.mktemp("captured") / "d"
    done = edge_all("capture", f"sim:{SMEAR}", "-n", 3, "--cells", "--out", folder)
    assert done.exit_code == 0, done.stderr
    crops = len(list((folder / "cells").glob("*.png")))
    assert f"{crops} cells of them in {folder / 'cells'}" in done.stderr
    assert len(done.stdout.splitlines()) == 3  # the fields alone
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that says its scale."""
    contract = dataclasses.replace(CONTRACT, um_per_pixel=0.3)
    return write_changed_model(tmp_path_factory.mktemp("model") / "m.tflite", contract=contract)


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def test_a_crop_is_the_cell_on_black_and_says_where_it_was(captured: Path) -> None:
    crops = sorted((captured / "cells").glob("*.png"))
    assert len(crops) >= 8
    for path in crops:
        facts = read_facts(path.with_suffix(".json"))
        assert facts.cell is not None
        assert is_cell(path.name)
        field = cv2.imread(str(captured / facts.cell.field))
        crop = cv2.imread(str(path))
        box = facts.cell.box
        side = crop.shape[0]
        assert crop.shape == (facts.height, facts.width, 3) == (side, side, 3)
        inside = crop.any(axis=2)
        assert inside.sum() == pytest.approx(facts.cell.area, rel=0.02)
        x, y = (side - box.width + 1) // 2, (side - box.height + 1) // 2
        cut = crop[y : y + box.height, x : x + box.width]
        there = field[box.y : box.y + box.height, box.x : box.x + box.width]
        seen = cut.any(axis=2)
        assert np.array_equal(cut[seen], there[seen])
        assert facts.um_per_pixel == UM


def test_white_cells_of_the_smear_are_found_and_nothing_else(captured: Path) -> None:
    smear = DrawnSmear(1, 480, 360, UM, white=4)
    found = [read_facts(path) for path in (captured / "cells").glob("*.json")]
    for path in captured.glob("*.json"):
        field = read_facts(path)
        boxes = [each.cell.box for each in found if each.cell and each.cell.field == field.image]
        number = field.facts["number"]
        assert isinstance(number, int)
        things = [thing for thing in smear.things(number) if thing.kind == WHITE]
        whole = [thing for thing in things if not thing.is_cut_off]
        assert len(boxes) == len(whole)
        for thing in whole:
            middle = thing.box.x + thing.box.width / 2, thing.box.y + thing.box.height / 2
            near = [
                abs(box.x + box.width / 2 - middle[0]) + abs(box.y + box.height / 2 - middle[1])
                for box in boxes
            ]
            assert min(near) < 6


def test_crops_beside_fields_are_not_taken_for_fields_and_the_scale_comes_with_both(
    captured: Path, model: Path, tmp_path: Path
) -> None:
    arguments = ("--model", model, "--out")
    done = edge_all("classify", captured, "--fields", *arguments, tmp_path / "fields.csv")
    cut = edge_all("classify", captured / "cells", *arguments, tmp_path / "cells.csv")
    assert done.exit_code == cut.exit_code == 0, done.output
    of_fields, of_cells = rows(tmp_path / "fields.csv"), rows(tmp_path / "cells.csv")
    assert f"left out: {len(of_cells)} (crops of cells" in done.stderr
    wanted = ("parent", "box", "cell_area", "um_per_pixel")
    assert [[row[name] for name in wanted] for row in of_fields] == [
        [row[name] for name in wanted] for row in of_cells
    ]
    assert {row["um_per_pixel"] for row in of_cells} == {"0.3"}
    assert not any("scale-unknown" in row["quality"] for row in of_fields + of_cells)
    for field, cell in zip(of_fields, of_cells, strict=True):  # the same pixels, cut out before
        assert float(field["p_all"]) == pytest.approx(float(cell["p_all"]), abs=0.02)


def test_a_report_of_fields_comes_with_pictures_and_says_what_to_do_about_scale(
    captured: Path, tmp_path: Path
) -> None:
    done = edge_all("classify", captured, "--fields", "--report", tmp_path / "r.html")
    assert done.exit_code == 0, done.output
    assert len(list((tmp_path / "r-fields").glob("*.jpg"))) == 3
    assert "3 fields with boxes in the colours of the decisions" in done.stderr
    assert "does not say at which scale it knows cells" in done.stderr
    assert "--model" in done.stderr


def test_segment_leaves_crops_out_too(captured: Path, tmp_path: Path) -> None:
    done = edge_all("segment", captured, "--out", tmp_path)
    assert "cells in 3 fields" in done.stdout


def test_a_live_camera_streams_cells_into_every_sink(model: Path, tmp_path: Path) -> None:
    outs = [tmp_path / f"r.{suffix}" for suffix in ("csv", "jsonl", "db")]
    where = [option for out in outs for option in ("--out", out)]
    where += ["--report", tmp_path / "r.html"]
    camera = f"sim:frames=3,freeze=1,{SMEAR}"
    arguments = ["classify", camera, "--fields", "--model", model, *where]
    done = edge_all(*arguments, "--overlays", tmp_path / "o")
    assert done.exit_code == 1, done.output  # the camera froze once
    assert "1 failed" in done.stdout
    assert len(list((tmp_path / "o").iterdir())) == 2
    found = rows(outs[0])
    assert Counter(row["error"] for row in found)["frozen"] == 1
    cells = [row for row in found if not row["error"]]
    assert len({row["parent"] for row in cells}) == 2
    assert {row["um_per_pixel"] for row in cells} == {"0.3"}
    assert all(box_of(row["box"]).width > 20 for row in cells)
    samples = [row["sample"] for row in found]
    lines = outs[1].read_text().splitlines()
    assert [json.loads(line)["sample"] for line in lines] == samples
    with contextlib.closing(sqlite3.connect(outs[2])) as database:
        kept = database.execute("SELECT sample FROM results ORDER BY idx").fetchall()
    assert [sample for (sample,) in kept] == samples
    page = (tmp_path / "r.html").read_text()
    assert all(row["sample"] in page for row in cells)
    again = edge_all(*arguments, "--resume")
    assert again.exit_code == 1
    later = rows(outs[0])
    assert later[: len(found)] == found
    page = (tmp_path / "r.html").read_text()
    assert all(row["sample"] in page for row in later if row["parent"])
    assert len({row["parent"] for row in later if row["parent"]}) == 4


def test_light_of_the_instrument_is_evened_for_fields_that_name_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: Path
) -> None:
    monkeypatch.setenv("EDGE_ALL_INSTRUMENTS", str(tmp_path / "instruments"))
    instrument = Instrument("microscope", "40x")
    instrument.save_scale(StoredScale(UM, None, None, "given"))
    lit = f"{SMEAR},vignette=0.6,tint=1+0.9+0.7,objective=40x"
    done = edge_all("capture", f"sim:{lit}", "-n", 1, "--out", tmp_path / "d")
    assert done.exit_code == 0, done.output

    def classify(name: str) -> list[dict[str, str]]:
        out = tmp_path / f"{name}.csv"
        edge_all("classify", tmp_path / "d", "--fields", "--model", model, "--out", out)
        return rows(out)

    uneven = classify("uneven")
    empty = DrawnSmear(1, 480, 360, UM, is_empty=True).pixels(0)
    y, x = np.mgrid[-1:1:360j, -1:1:480j]
    light = (1 - 0.2 * (x**2 + y**2))[..., None] * (1, 0.9, 0.7)
    frame = np.clip(empty * light, 0, 255).astype(np.uint8)
    instrument.save_flat_field(measure_flat_field([frame]), 1)
    even = classify("even")
    assert len(even) >= len(uneven) > 0
    assert [row["p_all"] for row in uneven] != [row["p_all"] for row in even]
    small = measure_flat_field([frame[:180, :240]])
    instrument.save_flat_field(small, 1)
    (refused,) = classify("refused")
    assert refused["error"] == "unsupported"
    done = edge_all("segment", tmp_path / "d", "--out", tmp_path / "cut")
    assert done.exit_code == 1
    assert "the flat field of microscope, 40x" in done.stderr
