"""A run notices that the cells of a smear are shown at another scale, and marks them."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import functools
import sqlite3
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
import toy_source
from command_helpers import EDGE_ALL, Done, edge_all
from conftest import ROOT
from edge_helpers import encoded, write_changed_model
from sink_helpers import MODEL

from edge import events
from edge.contract import BLACK, Contract
from edge.crops.drawn import draw_cell
from edge.crops.preprocess import UInt8Image, to_crop
from edge.crops.scale import cell_area, diameters_of
from edge.engine.classifier import Classifier
from edge.reasons import SCALE_SHIFT
from edge.rows import Result
from edge.run import run
from edge.samples import Sample
from edge.smears import MOST_HELD, Smears

OF_FIRST_SCHEMA = ROOT / "tests" / "data" / "written-by-0.1.0" / "cnn.tflite"

CELLS, SIDE = 60, 70
CONTRACT = MODEL.metadata.contract
UM = 0.2  # micrometres a pixel of a crop of the model with a scale


draw_once = functools.lru_cache(draw_cell)


def shown_at(scale: float, seed: int) -> UInt8Image:
    cell = draw_once(seed)
    return to_crop(cell, SIDE, zoom=scale * SIDE / cell.shape[0])


def write_smear(folder: Path, scale: float, count: int = CELLS) -> Path:
    folder.mkdir(parents=True)
    for seed in range(count):
        (folder / f"cell-{seed:03d}.png").write_bytes(encoded(shown_at(scale, seed)))
    return folder


@pytest.fixture(scope="module")
def contract() -> Contract:
    """That of the shipped network, with the sizes of drawn cells, as if of 12 people."""
    areas = [cell_area(shown_at(1, seed), BLACK) for seed in range(CELLS)]
    people = [f"person {n % 12}" for n in range(12 * CELLS)]
    chance = np.random.default_rng(0)
    diameters = diameters_of([*chance.choice(areas, 12 * CELLS)], people)
    return dataclasses.replace(CONTRACT, diameters=diameters, um_per_pixel=UM)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, contract: Contract) -> Path:
    return write_changed_model(tmp_path_factory.mktemp("model") / "m.tflite", contract=contract)


@pytest.fixture(scope="module")
def smears(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("smears")
    write_smear(folder / "small", 0.8)
    write_smear(folder / "right", 1)
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def marked(row: dict[str, str]) -> bool:
    return SCALE_SHIFT in row["quality"].split()


def classify(*arguments: object) -> Done:
    return edge_all("classify", *arguments)


def test_a_smear_that_is_shown_smaller_is_marked_from_the_first_row_on(
    smears: Path, model: Path, tmp_path: Path
) -> None:
    out, database, page = (tmp_path / name for name in ("r.csv", "r.db", "r.html"))
    sources = [smears / "right", smears / "small"]
    done = classify(*sources, "--model", model, "--out", out, "--out", database, "--report", page)
    assert done.exit_code == 3
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"scale-shift: the cells of {smears / 'small'} are shown about 0.8")
    assert "--pixel-size" in line
    found = rows(out)
    assert [row["index"] for row in found] == [str(n) for n in range(2 * CELLS)]
    assert [marked(row) for row in found] == [False] * CELLS + [True] * CELLS
    assert {row["decision"] for row in found[CELLS:]} == {"refer"}
    assert {row["decision"] for row in found[:CELLS]} != {"refer"}
    with contextlib.closing(sqlite3.connect(database)) as connection:
        of_database = connection.execute("SELECT quality FROM results ORDER BY idx").fetchall()
    assert [quality or "" for (quality,) in of_database] == [row["quality"] for row in found]
    banner = f"scale-shift: the cells of {smears / 'small'} are shown larger"
    assert banner in page.read_text(encoding="utf-8")


def test_a_smear_at_the_right_scale_is_not_marked(
    smears: Path, model: Path, tmp_path: Path
) -> None:
    out, page = tmp_path / "r.csv", tmp_path / "r.html"
    done = classify(smears / "right", "--model", model, "--out", out, "--report", page)
    assert (done.exit_code, done.stderr) == (0, "")
    assert not any(map(marked, rows(out)))
    assert f"{SCALE_SHIFT}: the cells" not in page.read_text(encoding="utf-8")


def test_files_named_one_by_one_are_the_smear_of_their_folder(smears: Path, model: Path) -> None:
    done = classify(*sorted((smears / "small").iterdir()), "--model", model)
    assert done.exit_code == 3
    assert done.stderr.startswith(f"scale-shift: the cells of {smears / 'small'} are shown")
    assert done.stdout.count(f"({SCALE_SHIFT})") == CELLS


def test_strict_refuses_what_is_marked_and_exit_code_3_wins(
    smears: Path, model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "r.csv"
    done = classify(smears / "small", "--model", model, "--out", out, "--strict")
    assert done.exit_code == 3
    for row in rows(out):
        assert (row["decision"], row["error"], row["p_leukemia"]) == ("", "quality", "")
        assert marked(row)


@pytest.mark.parametrize("strict", [[], ["--strict"]])
def test_a_resumed_run_knows_the_smears_that_were_marked(
    smears: Path, model: Path, tmp_path: Path, strict: list[str]
) -> None:
    out = tmp_path / "r.csv"
    line = [smears / "small", "--model", model, "--out", out, *strict]
    classify(*line)
    whole = out.read_bytes()
    out.write_bytes(b"".join(whole.splitlines(keepends=True)[:53]))
    again = classify(*line, "--resume")
    assert again.exit_code == 3
    assert out.read_bytes() == whole  # of 8 cells alone nothing could be said
    assert "at another scale, as an earlier run found" in again.stderr
    assert classify(*line, "--resume").exit_code == 3


def test_a_model_file_without_sizes_marks_nothing(smears: Path) -> None:
    done = classify(smears / "small", "--model", OF_FIRST_SCHEMA)
    assert done.exit_code == 0
    assert SCALE_SHIFT not in done.output


def test_paths_on_standard_input_get_their_results_at_once(smears: Path, model: Path) -> None:
    paths = sorted((smears / "small").iterdir())
    pipe = subprocess.PIPE
    command = [*EDGE_ALL, "classify", "-", "--model", str(model)]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        found = []
        for n, path in enumerate(paths):
            process.stdin.write(f"{path}\n")
            process.stdin.flush()
            if n == 0:
                process.stdout.readline()  # the heading
            found.append(SCALE_SHIFT in process.stdout.readline())
        process.stdin.close()
        assert process.wait() == 3
    assert found == [False] * 49 + [True] * (CELLS - 49)


def test_a_service_hears_of_a_shift_before_the_rows_that_it_marks(model: Path) -> None:
    class Slide(toy_source.ToySource):
        def _samples(self) -> Iterator[Sample]:
            for seed in range(CELLS):
                yield Sample("slide", f"cell {seed}", pixels=shown_at(1.25, seed))

    with Classifier(model, threads=1) as classifier:
        seen = list(run(Slide("1"), classifier))
    (place,) = [n for n, event in enumerate(seen) if isinstance(event, events.ScaleShifted)]
    shift = seen[place]
    assert isinstance(shift, events.ScaleShifted)
    assert (shift.smear, shift.cells) == ("slide", 50)
    assert shift.factor == pytest.approx(1.25, rel=0.1)
    results = [event.result for event in seen[place:] if isinstance(event, events.SampleDone)]
    assert len(results) == 11
    assert all(SCALE_SHIFT in (each.quality or "") for each in results)


def result(smear: str, area: int | None, error: str | None = None) -> Result:
    decided = None if error else "healthy"
    return Result(smear, "f", 0, "cnn", "0", decision=decided, error=error, area=area)


def fed(
    contract: Contract, given: Iterable[Result], is_live: bool = False
) -> tuple[list[Result], list[events.ScaleShifted]]:
    assert contract.diameters is not None
    smears = Smears(contract.diameters, strict=False)
    found = [*smears.mark(given, is_live), *smears.judge_all()]
    results = [each for each in found if isinstance(each, Result)]
    return results, [each for each in found if isinstance(each, events.ScaleShifted)]


def areas(scale: float, count: int) -> list[int]:
    return [cell_area(shown_at(scale, seed), BLACK) for seed in range(count)]


def test_what_failed_stays_as_it_is_and_keeps_its_place(contract: Contract) -> None:
    failed = [result("a", None, "truncated")] * 3
    cells = [result("a", area) for area in areas(0.8, 40)]
    results, (shift,) = fed(contract, [*failed, *cells, *failed])
    assert results[:3] == results[-3:] == failed
    assert {each.quality for each in results[3:-3]} == {SCALE_SHIFT}
    assert (shift.smear, shift.cells) == ("a", 40)


def test_fewer_than_20_cells_say_nothing(contract: Contract) -> None:
    results, shifts = fed(contract, [result("a", area) for area in areas(0.7, 19)])
    assert not shifts
    assert all(each.quality is None for each in results)


def test_several_smears_are_judged_together_where_none_is_shifted_by_itself(
    contract: Contract,
) -> None:
    some = areas(1, 25)

    def shown(scale: float) -> list[Result]:
        shown = [round(area * scale**2) for area in some]
        return [result(f"smear {n}", area) for n in range(8) for area in shown]

    scales = np.arange(0.99, 0.8, -0.005)
    slightly = next(shown(scale) for scale in scales if fed(contract, shown(scale))[1])
    results, (shift,) = fed(contract, slightly)
    assert shift.smear is None
    assert shift.cells == 200
    assert all(each.quality is None for each in results)


@pytest.mark.parametrize("is_live", [True, False])
def test_results_wait_for_a_smear_only_where_files_are_there_and_never_for_long(
    contract: Contract, is_live: bool
) -> None:
    taken = 0

    def unreadable() -> Iterator[Result]:
        nonlocal taken
        while True:
            taken += 1
            yield result("a", None, "truncated")

    assert contract.diameters is not None
    stream = Smears(contract.diameters, strict=False).mark(unreadable(), is_live)
    next(stream)
    assert taken == (1 if is_live else MOST_HELD + 1)


def test_files_with_their_scale_are_brought_to_that_of_the_network(
    model: Path, tmp_path: Path
) -> None:
    half = tmp_path / "half"
    half.mkdir()
    write_smear(tmp_path / "right", 1, 30)
    for seed in range(30):
        cell = draw_once(seed)
        small = to_crop(cell, 2 * SIDE, zoom=SIDE / cell.shape[0])  # cells half the image wide
        (half / f"cell-{seed:03d}.png").write_bytes(encoded(small))
    found = []
    for folder, options in [("right", []), ("half", ["--pixel-size", UM]), ("half", [])]:
        out = tmp_path / f"{folder}{len(options)}.csv"
        classify(tmp_path / folder, "--model", model, "--out", out, *options)
        found.append(rows(out))
    right, brought, unscaled = found
    assert {row["um_per_pixel"] for row in brought} == {str(UM)}
    assert {row["um_per_pixel"] for row in right} == {""}
    assert all(not marked(row) for row in brought)
    assert all(marked(row) for row in unscaled)
    off = [
        abs(float(a["logit_all"]) - float(b["logit_all"]))
        for a, b in zip(right, brought, strict=True)
    ]
    assert max(off) < 0.5
    same = [a["decision"] == b["decision"] for a, b in zip(right, brought, strict=True)]
    assert np.mean(same) >= 0.9


def test_a_pixel_size_is_refused_where_the_scale_of_the_network_is_not_known(
    smears: Path, tmp_path: Path
) -> None:
    out = tmp_path / "r.csv"
    done = classify(smears / "right", "--pixel-size", "0.1", "--out", out)
    assert done.exit_code == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: images of 0.1 um a pixel cannot be brought to the scale")
    assert not out.exists()


@pytest.mark.parametrize("size", ["0", "-1", "nan", "1000", "wide"])
def test_a_pixel_size_that_cannot_be_is_refused(smears: Path, model: Path, size: str) -> None:
    assert classify(smears / "right", "--model", model, "--pixel-size", size).exit_code == 2


def test_a_sample_with_a_scale_is_brought_to_that_of_the_network(model: Path) -> None:
    cell = draw_once(4)
    with Classifier(model, threads=1) as classifier:
        plain = classifier.classify(cell)
        sample = Sample("s", "s", pixels=cell, um_per_pixel=UM * SIDE / cell.shape[0])
        scaled = classifier.classify(sample)
    assert scaled.logits == plain.logits
    assert scaled.um_per_pixel == sample.um_per_pixel


def test_doctor_says_which_scale_and_which_sizes_a_model_file_knows(model: Path) -> None:
    said = edge_all("doctor", "--model", model).stdout
    assert f"{UM:g} um a pixel of a crop; cells of " in said
    assert "of 12 people\n" in said
    first = edge_all("doctor", "--model", OF_FIRST_SCHEMA).stdout
    assert "nothing tells that cells come at another scale" in first
