"""Finding labelled crops: layouts, subjects, twins."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest

from calibration.cells.crop_set import load_crops
from calibration.cells.labelled_crops import find_labelled_crops, subject_of
from edge.errors import DataRefused


def put(folder: Path, name: str, content: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def subjects(data: Path) -> dict[str, str]:
    return {crop.path.name: crop.subject for crop in find_labelled_crops(data).crops}


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("UID_51_12_3_all", "51"),
        ("UID_H10_1_1_hem", "H10"),
        ("UID_h3_1_1_hem", "H3"),
        ("UID_51_12_3_blast", None),
        ("cell-001", None),
    ],
)
def test_a_subject_is_read_off_the_file_name(name: str, subject: str | None) -> None:
    assert subject_of(name) == subject


@pytest.mark.parametrize(
    "layout",
    ["{}", "fold_0/{}", "C-NMC_Leukemia/training_data/fold_1/{}", "a/b c/{}"],
)
def test_labels_come_from_the_folder_at_any_depth(tmp_path: Path, layout: str) -> None:
    put(tmp_path, layout.format("hem") + "/one.bmp", "1")
    put(tmp_path, layout.format("all") + "/two.BMP", "2")
    put(tmp_path, layout.format("all") + "/notes.txt", "3")
    assert [(crop.path.name, crop.label) for crop in find_labelled_crops(tmp_path).crops] == [
        ("two.BMP", 1),
        ("one.bmp", 0),
    ]


def test_a_crop_of_which_nothing_says_whose_it_is_has_no_subject_and_is_named(
    tmp_path: Path,
) -> None:
    put(tmp_path, "hem/one.png", "1")
    put(tmp_path, "all/two.png", "2")
    remarks: list[str] = []
    found = find_labelled_crops(tmp_path, on_remark=remarks.append)
    assert [crop.subject for crop in found.crops] == ["", ""]
    (remark,) = remarks
    assert remark.startswith("nothing says whose cells 2 of 2 crops are: all/two.png, hem/one.png")


def test_byte_identical_crops_count_once_and_tie_their_subjects_together(tmp_path: Path) -> None:
    put(tmp_path, "hem/UID_H2_1_1_hem.bmp", "twin a")
    put(tmp_path, "hem/UID_H4_1_1_hem.bmp", "twin a")
    put(tmp_path, "hem/UID_H4_1_2_hem.bmp", "twin b")
    put(tmp_path, "hem/UID_H6_1_1_hem.bmp", "twin b")
    put(tmp_path, "hem/UID_H6_1_2_hem.bmp", "own")
    put(tmp_path, "hem/UID_H9_1_1_hem.bmp", "another's")
    put(tmp_path, "all/UID_20_1_1_all.bmp", "leukemic")
    assert subjects(tmp_path) == {
        "UID_20_1_1_all.bmp": "20",
        "UID_H2_1_1_hem.bmp": "H2",
        "UID_H4_1_2_hem.bmp": "H2",
        "UID_H6_1_2_hem.bmp": "H2",
        "UID_H9_1_1_hem.bmp": "H9",
    }


def test_a_manifest_ties_subjects_whose_twins_are_not_there(tmp_path: Path) -> None:
    put(tmp_path, "hem/UID_H3_1_1_hem.bmp", "one")
    put(tmp_path, "hem/UID_H10_1_1_hem.bmp", "two")
    put(tmp_path, "all/UID_20_1_1_all.bmp", "leukemic")
    with (tmp_path / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "bytes", "sha256"])
        writer.writerow(["x/UID_H3_9_9_hem.bmp", 1, "same"])
        writer.writerow(["x/UID_H10_9_9_hem.bmp", 1, "same"])
        writer.writerow(["x/1.bmp", 1, "same"])
    assert set(subjects(tmp_path).values()) == {"H10", "20"}


def refused_folders(folder: Path) -> dict[str, Path]:
    put(folder, "one-class/hem/one.png", "1")
    put(folder, "contradiction/hem/UID_7_1_1_all.png", "1")
    put(folder, "contradiction/all/UID_8_1_1_all.png", "2")
    put(folder, "both/hem/one.png", "same")
    put(folder, "both/all/two.png", "same")
    (folder / "empty").mkdir()
    names = ("missing", "empty", "one-class", "contradiction", "both")
    return {name: folder / name for name in names}


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("missing", "is not a folder"),
        ("empty", "no image in a folder of a label"),
        ("one-class", "no image of label all"),
        (
            "contradiction",
            r"UID_7_1_1_all\.png is labelled hem, but its cell is named UID_7_1_1_all",
        ),
        ("both", "the same image, labelled hem and all"),
    ],
)
def test_a_folder_that_cannot_be_used_is_refused_by_name(
    tmp_path: Path, case: str, words: str
) -> None:
    with pytest.raises(DataRefused, match=words) as refused:
        find_labelled_crops(refused_folders(tmp_path)[case])
    assert case in str(refused.value)


def test_the_cache_is_keyed_by_content_and_serves_a_moved_folder(
    labelled: Path, tmp_path: Path
) -> None:
    first = load_crops(find_labelled_crops(labelled), 70, cache=tmp_path)
    (cached,) = tmp_path.glob("*.npy")
    np.save(cached, 255 - np.load(cached))  # so that it shows where crops come from
    moved = shutil.copytree(labelled, tmp_path / "moved")
    second = load_crops(find_labelled_crops(moved), 70, cache=tmp_path)
    assert (second.crops == 255 - first.crops).all()
    assert (second.labels == first.labels).all()
    assert second.sha256 == first.sha256


def test_an_unreadable_crop_is_named(tmp_path: Path) -> None:
    put(tmp_path, "hem/one.png", "no image")
    put(tmp_path, "all/two.png", "no image either")
    with pytest.raises(DataRefused, match=r"two\.png: not-an-image.*repair or remove"):
        load_crops(find_labelled_crops(tmp_path), 70, cache=tmp_path)
