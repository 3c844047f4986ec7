"""Near-duplicates: copies are found, different cells are not, and no split separates them."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from calibration.cells.crop_set import CropSet
from edge.contract import BLACK, NATURAL
from edge.crops.drawn import draw_cell
from edge.crops.preprocess import UInt8Image, to_crop
from edge.models.cnmc import NAMES, SIDE
from train.cli.main import app
from train.data.audit import audit
from train.data.near_duplicates import (
    NearDuplicate,
    find_near_duplicates,
    like_pairs,
    one_name_each,
    remark_on_labels,
)
from train.data.split import choose_subjects, holdout_split, subject_splits

CELLS = 12


def coded(rgb: UInt8Image, suffix: str, quality: int) -> UInt8Image:
    flag = {".jpg": cv2.IMWRITE_JPEG_QUALITY, ".webp": cv2.IMWRITE_WEBP_QUALITY}[suffix]
    return np.asarray(cv2.imdecode(cv2.imencode(suffix, rgb, [flag, quality])[1], 1), np.uint8)


COPIES = {
    "turned by 90": lambda cell: np.rot90(cell),
    "turned by 180": lambda cell: np.rot90(cell, 2),
    "turned by 270": lambda cell: np.rot90(cell, 3),
    "mirrored": lambda cell: cell[:, ::-1],
    "mirrored and turned": lambda cell: np.rot90(cell[::-1]),
    "JPEG": lambda cell: coded(cell, ".jpg", 60),
    "WebP": lambda cell: coded(cell, ".webp", 70),
    "half": lambda cell: cv2.resize(cell, (225, 225), interpolation=cv2.INTER_AREA),
    "larger": lambda cell: cv2.resize(cell, (600, 600), interpolation=cv2.INTER_CUBIC),
    "cut closer": lambda cell: cell[12:-12, 12:-12],
    "darker": lambda cell: (cell * 0.9).astype(np.uint8),
}


@pytest.fixture(scope="module")
def cells() -> list[UInt8Image]:
    return [draw_cell(seed) for seed in range(CELLS)]


@pytest.mark.parametrize("kind", COPIES)
def test_copies_are_found_and_different_cells_are_not(cells: list[UInt8Image], kind: str) -> None:
    copies = [np.ascontiguousarray(COPIES[kind](cell)) for cell in cells]
    pairs = like_pairs(np.stack([to_crop(image, SIDE) for image in (*cells, *copies)]))
    assert [(i, j) for i, j, _ in pairs] == [(i, i + CELLS) for i in range(CELLS)]


def test_crops_without_a_cell_are_like_no_other() -> None:
    crops = np.zeros((3, 70, 70, 3), np.uint8)
    assert like_pairs(crops) == []
    assert like_pairs(crops[:0]) == like_pairs(crops[:1]) == []


def test_neighbouring_parts_of_a_field_are_no_duplicates() -> None:
    field = np.random.default_rng(0).integers(60, 250, (20, 40, 3)).astype(np.uint8)
    field = cv2.resize(field, (560, 280), interpolation=cv2.INTER_CUBIC)
    parts = [field[:280, x : x + 140] for x in range(0, 421, 70)]  # each overlaps by half
    assert like_pairs(np.stack([to_crop(np.ascontiguousarray(part), SIDE) for part in parts])) == []


def on_natural(seed: int) -> UInt8Image:
    """A drawn cell on a light ground that is not flat."""
    cell = to_crop(draw_cell(seed), 96)
    ground = np.random.default_rng(seed).integers(200, 240, cell.shape).astype(np.uint8)
    return np.where(cell.max(axis=2, keepdims=True) > 0, cell, ground)


def test_cells_are_compared_and_not_the_ground_they_lie_on() -> None:
    cells = [on_natural(seed) for seed in range(CELLS)]
    turned = [np.rot90(cell) for cell in cells]
    pairs = like_pairs(np.stack([*cells, *turned]), NATURAL)
    assert [(i, j) for i, j, _ in pairs] == [(i, i + CELLS) for i in range(CELLS)]


def test_one_cell_with_two_labels_is_said() -> None:
    data = people(["H1", "7", "8"])
    assert remark_on_labels(data, [NearDuplicate("cell-1.png", "cell-2.png", 0.9)]) == []
    (remark,) = remark_on_labels(data, [NearDuplicate("cell-0.png", "cell-2.png", 0.9)])
    assert "1 pairs of crops show one cell with two labels, as cell-0.png and cell-2.png" in remark


def people(subjects: list[str]) -> CropSet:
    n = len(subjects)
    return CropSet(
        crops=np.zeros((n, 70, 70, 3), np.uint8),
        labels=np.array([not subject.startswith("H") for subject in subjects], np.int32),
        subjects=np.array(subjects),
        names=np.array([f"cell-{i}.png" for i in range(n)]),
        parts=np.array([""] * n),
        hashes=np.array([f"hash{i}" for i in range(n)]),
        sha256="data",
        label_names=NAMES,
        background=BLACK,
    )


@settings(max_examples=15)
@given(
    ties=st.lists(st.tuples(st.integers(0, 39), st.integers(0, 39)), max_size=6),
    seed=st.integers(0, 50),
)
def test_no_split_separates_a_person_or_a_near_duplicate_or_keeps_cells_of_nobody(
    ties: list[tuple[int, int]], seed: int
) -> None:
    # two crops each of 12 people with and 8 without leukemia, and two of nobody
    subjects = [f"{i}" for i in range(12) for _ in "ab"] + [f"H{i}" for i in range(8) for _ in "ab"]
    data = people([*subjects, ""])
    data.labels[-1] = 0
    like = [NearDuplicate(f"cell-{i}.png", f"cell-{j}.png", 0.9) for i, j in ties if i != j]
    same = one_name_each(data, like)
    assert same[-1] == ""
    chosen = choose_subjects(data, seed, like=like)
    splits = [holdout_split(data, chosen)] if len(set(same)) > 12 else []
    for split in (*splits, *subject_splits(data, 2, seed, like)):
        assert audit(split, like).clean
        assert split.left_out == ("cell-40.png",)
        assert len(split.training) + len(split.test) == 40


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Cells with copies beside them, called as file managers and augmentation call them."""
    top = tmp_path_factory.mktemp("copied")
    turned = np.ascontiguousarray(np.rot90(draw_cell(4)))
    files = {
        "hem/UID_H1_1_1_hem.png": draw_cell(0),
        "hem/UID_H1_1_1_hem (1).jpg": draw_cell(0),
        "hem/uid_h1_2_1_hem - Copy.png": draw_cell(1),
        "hem/UID_H7_1_1_hem.png": draw_cell(2),
        "hem/H8/UID_H8_1_1_hem.png": draw_cell(3),
        "hem/nobody.png": draw_cell(7),
        "all/UID_11_1_1_all.png": draw_cell(4),
        "all/UID_11_1_1_all_rot90.png": turned,
        "all/UID_12_1_1_all.png": draw_cell(5),
        "all/14/one.png": draw_cell(6),
        "all/14/two.jpg": turned,  # a cell of 11
    }
    for name, rgb in files.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(top / name), cv2.resize(rgb, (140, 140))[:, :, ::-1])
    return top


def command(*arguments: str | Path) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, list(map(str, arguments)))
    return done.exit_code, done.stdout, done.stderr


def test_a_split_of_copies_keeps_people_and_pictures_together(copied: Path, tmp_path: Path) -> None:
    wanted = ("--data", copied, "--protocol", "subject", "--folds", "2", "--out", tmp_path / "s")
    code, printed, said = command("split", *wanted)
    assert code == 0
    assert printed.count("1 crops of unknown people are left out") == 2
    assert "whose cells 1 of 11 crops are: hem/nobody.png" in said
    for path in sorted((tmp_path / "s").iterdir()):
        split = json.loads(path.read_text())
        assert split["left_out"] == ["hem/nobody.png"]
        sides = [{member["subject"] for member in split[side]} for side in ("training", "test")]
        assert sorted(sides[0] | sides[1]) == ["11", "12", "14", "H1", "H7", "H8"]
        assert not sides[0] & sides[1]
        assert any({"11", "14"} <= side for side in sides)
    code, printed, _ = command("audit", *sorted((tmp_path / "s").iterdir()), "--data", copied)
    assert code == 0, printed


def test_holding_one_of_two_out_who_share_a_picture_fails(copied: Path, tmp_path: Path) -> None:
    wanted = ("--data", copied, "--hold-out", "H1,14", "--out", tmp_path / "s")
    code, _, said = command("split", *wanted)
    assert code == 3
    assert "2 near-duplicates across the sides" in said
    assert not (tmp_path / "s").exists()


def test_the_audit_fails_on_a_split_made_when_a_copy_was_a_person(
    copied: Path, tmp_path: Path
) -> None:
    assert (
        command("split", "--data", copied, "--hold-out", "H7,12", "--out", tmp_path / "s")[0] == 0
    )
    (path,) = (tmp_path / "s").iterdir()
    split = json.loads(path.read_text())
    moved = [m for m in split["training"] if m["name"].endswith(("(1).jpg", "_rot90.png"))]
    for member in moved:
        member["subject"] = Path(member["name"]).stem
    split["training"] = [m for m in split["training"] if m not in moved]
    split["test"] += moved
    path.write_text(json.dumps({**split, "sha256": sha256_of(split)}))
    code, printed, said = command("audit", path)
    assert code == 3
    assert "2 people stand on both sides (11, H1): 2 of 4 test crops are theirs" in printed
    assert "near-duplicates were not looked for" in printed
    assert "not leak-free" in said
    code, printed, _ = command("audit", path, "--data", copied)
    assert code == 3
    assert "all/UID_11_1_1_all.png and all/UID_11_1_1_all_rot90.png are one picture" in printed


def sha256_of(fields: dict[str, object]) -> str:
    from train.data.split_file import Member, Split

    sides = [
        tuple(Member(**member) for member in fields[side])  # type: ignore[attr-defined]
        for side in ("training", "test")
    ]
    return Split("holdout", "", None, "", *sides).sha256


def test_people_nobody_knows_cannot_be_held_out(tmp_path: Path) -> None:
    for seed, name in enumerate(("hem/a.png", "hem/b.png", "all/c.png", "all/d.png")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        assert cv2.imwrite(str(tmp_path / name), draw_cell(seed))
    for options in ([], ["--protocol", "subject", "--folds", "2"]):
        code, _, said = command("split", "--data", tmp_path, "--out", tmp_path / "s", *options)
        assert code == 2
        assert "nothing says whose cells the hem crops are, so no person can be held out" in said


def test_names_of_near_duplicates_are_those_of_the_data() -> None:
    data = people(["H1", "7"])
    data.crops[:] = to_crop(draw_cell(0), SIDE)
    (pair,) = find_near_duplicates(data)
    assert (pair.first, pair.second) == ("cell-0.png", "cell-1.png")
    assert pair.likeness == pytest.approx(1, abs=1e-5)
