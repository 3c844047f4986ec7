"""Representative set: the command, its manifest, and what is refused or left out."""

from __future__ import annotations

import csv
import json
import resource
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from edge_helpers import encoded, small_cell
from typer.testing import CliRunner

from calibration.cli import app
from calibration.representative.select import load_cells, load_representative, select_cells
from calibration.representative.strategies import STRATEGIES
from convert.chosen_cells import labelled_cells
from edge.contract import NATURAL
from edge.decoding.decode import decode
from edge.errors import DataRefused
from edge.models.cnmc import CONTRACT, SIDE


def select(*arguments: str | Path) -> Any:
    return CliRunner().invoke(app, ["select", *map(str, arguments)])


def refusal(out: Path, *arguments: str | Path) -> str:
    """What a selection that must fail says, in one line; it leaves nothing behind."""
    done = select(*arguments, "--out", out)
    assert done.exit_code == 2, done.output
    assert not out.exists()
    assert not out.parent.exists() or not list(out.parent.glob(".*"))
    (line,) = done.stderr.strip().splitlines()
    return line


def write_unlabelled(folder: Path, n: int) -> Path:
    """Write n different cells, in a folder without labels."""
    folder.mkdir()
    cells = [small_cell(seed) for seed in range(5)]
    for i in range(n):
        pixels = np.roll(cells[i % 5], i, axis=1) * (0.5 + i / n)
        path = folder / f"cell-{i:03}.png"
        path.write_bytes(encoded(np.clip(pixels, 0, 255).astype(np.uint8)))
    return folder


@pytest.fixture(scope="module")
def unlabelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 130 cells without labels; tests copy it before they spoil it."""
    return write_unlabelled(tmp_path_factory.mktemp("unlabelled") / "crops", 130)


@pytest.fixture
def spoilt(unlabelled: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return shutil.copytree(unlabelled, tmp_path / "crops")


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_selecting_twice_gives_the_same_bytes(
    labelled: Path, tmp_path: Path, strategy: str
) -> None:
    for name in ("one.json", "other.json"):
        done = select(labelled, "--n", 120, "--strategy", strategy, "--out", tmp_path / name)
        assert done.exit_code == 0, done.output
        assert f"120 of 216 cells, {strategy}, seed 0" in done.stdout
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "other.json").read_bytes()
    assert sorted(path.name for path in tmp_path.glob("*.json")) == ["one.json", "other.json"]


def test_a_manifest_is_read_again_and_finds_its_cells(labelled: Path, tmp_path: Path) -> None:
    chosen = select_cells(labelled, 120, seed=3)
    chosen.save(tmp_path / "cells.json")
    assert load_representative(tmp_path / "cells.json") == chosen
    crops = load_cells(chosen, labelled, SIDE)
    assert crops.shape == (120, SIDE, SIDE, 3)
    assert len({crop.tobytes() for crop in crops}) == 120
    assert {cell.label for cell in chosen.cells} == {"hem", "all"}
    assert {cell.subject for cell in chosen.cells} == {"H1", "H2", "H3", "7", "8", "9"}


def test_a_folder_without_labels_is_chosen_from(unlabelled: Path, tmp_path: Path) -> None:
    done = select(unlabelled, "--n", 110, "--out", tmp_path / "cells.json")
    assert done.exit_code == 0, done.output
    chosen = load_representative(tmp_path / "cells.json")
    assert len(load_cells(chosen, unlabelled, SIDE)) == 110
    assert {(cell.label, cell.subject) for cell in chosen.cells} == {(None, None)}


def test_fewer_cells_than_asked_for_are_all_taken(unlabelled: Path) -> None:
    assert len(select_cells(unlabelled, 300).cells) == 130


def test_what_cannot_be_used_is_left_out_by_name(spoilt: Path, tmp_path: Path) -> None:
    whole = (spoilt / "cell-000.png").read_bytes()
    (spoilt / "cut.png").write_bytes(whole[:-30])
    (spoilt / "empty.png").write_bytes(b"")
    (spoilt / "gone.png").symlink_to("nowhere")
    (spoilt / "night.png").write_bytes(encoded(np.zeros((50, 50, 3), np.uint8)))
    (spoilt / "twin.bmp").write_bytes(encoded(decode(whole), ".bmp"))
    done = select(spoilt, "--out", tmp_path / "cells.json")
    assert done.exit_code == 1
    chosen = load_representative(tmp_path / "cells.json")
    assert {cell.name: cell.reason for cell in chosen.refused} == {
        "cut.png": "truncated",
        "empty.png": "empty",
        "gone.png": "not-found",
        "night.png": "black",
        "twin.bmp": "duplicate",
    }
    assert len(chosen.cells) == 130
    for cell in chosen.refused:
        assert f"left out: {cell.name}: {cell.reason}: " in done.stderr


def test_a_duplicate_alone_is_no_failure(spoilt: Path, tmp_path: Path) -> None:
    shutil.copy(spoilt / "cell-003.png", spoilt / "again.png")
    done = select(spoilt, "--out", tmp_path / "cells.json")
    assert done.exit_code == 0
    assert "left out: cell-003.png: duplicate: the same crop as again.png" in done.stderr


def test_many_cells_left_out_are_counted_and_named_in_the_manifest(
    spoilt: Path, tmp_path: Path
) -> None:
    for i in range(25):
        (spoilt / f"empty-{i:02}.png").write_bytes(b"")
    done = select(spoilt, "--out", tmp_path / "cells.json")
    assert done.exit_code == 1
    assert len(done.stderr.strip().splitlines()) == 21
    assert f"... and 5 more; {tmp_path / 'cells.json'} names them all" in done.stderr
    assert len(load_representative(tmp_path / "cells.json").refused) == 25


def test_a_set_that_is_too_small_is_refused(spoilt: Path, tmp_path: Path) -> None:
    for path in sorted(spoilt.iterdir())[:90]:
        path.write_bytes(encoded(np.zeros((50, 50, 3), np.uint8)))
    said = refusal(tmp_path / "cells.json", spoilt)
    assert f"{spoilt} leaves 40 cells to choose from without 90 black" in said
    assert "cell-000.png is black; a representative set needs at least 50" in said


def test_a_set_that_is_all_black_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "night"
    folder.mkdir()
    for i in range(120):
        (folder / f"{i}.png").write_bytes(encoded(np.zeros((50 + i, 50, 3), np.uint8)))
    said = refusal(tmp_path / "cells.json", folder)
    assert "leaves 0 cells to choose from without 120 black" in said


def test_an_empty_missing_or_single_class_folder_is_refused(labelled: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    out = tmp_path / "out" / "cells.json"
    assert "holds no image" in refusal(out, tmp_path / "empty")
    assert "is not a folder" in refusal(out, tmp_path / "nothing")
    assert "all of one label" in refusal(out, labelled, "--exclude", "7,8,9")


def test_held_out_subjects_are_excluded(labelled: Path, tmp_path: Path) -> None:
    done = select(labelled, "--exclude", "h2, 8", "--out", tmp_path / "cells.json")
    assert done.exit_code == 0, done.output
    assert "72 cells were excluded" in done.stdout
    chosen = load_representative(tmp_path / "cells.json")
    assert len(chosen.cells) == chosen.candidates == 144
    assert not {cell.subject for cell in chosen.cells} & {"H2", "8"}


def held_out_file(path: Path, names: list[str]) -> Path:
    """A file of predictions, as training writes it."""
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["name", "subject", "label", "margin"])
        rows.writerows([name, "H1", 0, 0.5] for name in names)
    return path


def test_cells_of_predictions_and_manifests_are_excluded_by_hash(
    labelled: Path, tmp_path: Path
) -> None:
    data = shutil.copytree(labelled, tmp_path / "data")
    measured = sorted((data / "hem").glob("UID_H1_*"))[:10]
    copied = decode(measured[0].read_bytes())
    (data / "hem" / "A.bmp").write_bytes(encoded(copied, ".bmp"))  # found before the original
    shutil.copy(measured[1], data / "hem" / "B.png")
    names = [f"fold_1/hem/{path.name}" for path in measured]  # as seen from another folder
    listed = held_out_file(tmp_path / "cnn-held-out.csv", names)
    first = select_cells(data, 100, exclude=[str(listed)])
    assert first.excluded == 12
    taken = {cell.sha256 for cell in first.cells}
    assert not {"hem/A.bmp", "hem/B.png"} & {cell.name for cell in first.cells}
    first.save(tmp_path / "first.json")
    second = select_cells(data, 100, exclude=[f"{listed},{tmp_path / 'first.json'}"])
    assert second.excluded == 112
    assert not taken & {cell.sha256 for cell in second.cells}
    assert second.candidates == 216 - 110


def test_an_exclusion_that_matches_nothing_is_refused(labelled: Path, tmp_path: Path) -> None:
    out = tmp_path / "out" / "cells.json"
    said = refusal(out, labelled, "--exclude", "H99")
    assert "no cell of subject H99; there are 7, 8, 9, H1, H2, H3" in said
    other = held_out_file(tmp_path / "other.csv", ["fold_1/all/UID_50_1_1_all.png"])
    assert "none of the 1 cells" in refusal(out, labelled, "--exclude", other)
    (tmp_path / "no.csv").write_text("margin\n1\n")
    assert "lists no cells" in refusal(out, labelled, "--exclude", tmp_path / "no.csv")
    assert "lists no cells" in refusal(out, labelled, "--exclude", tmp_path / "gone.csv")


def test_cells_that_are_gone_or_changed_are_named(labelled: Path, tmp_path: Path) -> None:
    data = shutil.copytree(labelled, tmp_path / "data")
    chosen = select_cells(data, 100)
    gone, changed = chosen.cells[0].name, chosen.cells[1].name
    (data / gone).unlink()
    (data / changed).write_bytes(encoded(small_cell(9)))
    with pytest.raises(DataRefused, match="2 of 100 cells of the manifest") as refused:
        load_cells(chosen, data, SIDE)
    assert f"{gone}, {changed};" in str(refused.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "is no manifest"),
        ("", "is no manifest"),
        ("[]", "is no manifest"),
        ('{"schema": 1}', "is no manifest"),
        ('{"schema": 7}', "has schema 7, this edge-all reads 1"),
    ],
)
def test_what_is_no_manifest_is_refused(tmp_path: Path, content: str | None, words: str) -> None:
    if content is not None:
        (tmp_path / "cells.json").write_text(content)
    with pytest.raises(DataRefused, match=words):
        load_representative(tmp_path / "cells.json")


@contextmanager
def full_after(size: int) -> Iterator[None]:
    """Let no file grow beyond a size: what a full disk does to a writer."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_one_sentence_and_leaves_the_earlier_manifest(
    unlabelled: Path, tmp_path: Path
) -> None:
    out = tmp_path / "cells.json"
    out.write_text("earlier")
    with full_after(2000):
        done = select(unlabelled, "--out", out)
    assert done.exit_code == 2
    assert f"error: cannot write {out}: " in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert out.read_text() == "earlier"
    assert [path.name for path in tmp_path.iterdir()] == ["cells.json"]


def write_stained(folder: Path, kinds: dict[str, int]) -> Path:
    """Write nuclei on natural background, a folder for each label: label -> how many."""
    random = np.random.default_rng(0)
    for label, n in kinds.items():
        (folder / label).mkdir(parents=True)
        for i in range(n):
            pixels = random.integers(200, 256, (60, 60, 3), np.uint8)
            nucleus = np.hypot(*(np.mgrid[:60, :60] - 29.5)) < 8 + i % 12
            pixels[nucleus] = random.integers(40, 140, 3)
            (folder / label / f"{i:03}.png").write_bytes(encoded(pixels))
    return folder


def test_cells_of_any_labels_and_background_are_chosen_in_turn(tmp_path: Path) -> None:
    data = write_stained(tmp_path / "kinds", {"lymphocyte": 90, "monocyte": 70, "neutrophil": 20})
    out = tmp_path / "cells.json"
    options = ("--labels", "lymphocyte, monocyte,neutrophil", "--side", 48)
    done = select(data, "--n", 100, *options, "--background", "natural", "--out", out)
    assert done.exit_code == 0, done.output
    chosen = load_representative(out)
    assert Counter(cell.label for cell in chosen.cells)["neutrophil"] == 20
    assert load_cells(chosen, data, 96, NATURAL).shape == (100, 96, 96, 3)


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--background", "grey", "is none of black, natural"),
        ("--side", 16, "greater than or equal to 32"),
    ],
)
def test_what_no_contract_can_say_is_refused(
    labelled: Path, option: str, value: str | int, words: str
) -> None:
    done = select(labelled, option, value)
    assert done.exit_code == 2
    assert words in done.stderr


def test_an_unknown_strategy_is_refused_with_those_there_are(labelled: Path) -> None:
    done = select(labelled, "--strategy", "best")
    assert done.exit_code == 2
    assert all(name in done.stderr for name in STRATEGIES)


def test_conversion_takes_the_cells_of_a_manifest(labelled: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "cells.json"
    chosen = select_cells(labelled, 100, exclude=["H2,8"])
    chosen.save(manifest)
    cells = labelled_cells(labelled, CONTRACT, {"H2", "8"}, 300, manifest=manifest)
    assert cells.representative is not None
    assert (cells.representative == load_cells(chosen, labelled, SIDE)).all()
    assert chosen.sha256 in cells.representative_are
    with pytest.raises(DataRefused, match="cells that the fidelity is measured on"):
        labelled_cells(labelled, CONTRACT, {"H1", "7"}, 300, manifest=manifest)


def test_the_manifest_is_json_that_says_how_it_was_made(labelled: Path, tmp_path: Path) -> None:
    select_cells(labelled, 100, "random", 5, ["H1"]).save(tmp_path / "cells.json")
    fields = json.loads((tmp_path / "cells.json").read_text())
    assert (fields["schema"], fields["strategy"], fields["n"], fields["seed"]) == (
        1,
        "random",
        100,
        5,
    )
    assert (fields["candidates"], fields["excluded"]) == (180, 36)
    assert all(len(cell["sha256"]) == 64 for cell in fields["cells"])
    assert [cell["name"] for cell in fields["cells"]] == sorted(
        cell["name"] for cell in fields["cells"]
    )
