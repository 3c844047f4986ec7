"""C-NMC 2019 in its published layouts: folds, preliminary set, counts, duplicates."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from calibration.cells.crop_set import load_crops
from calibration.cells.labelled_crops import LabelledCrop, find_labelled_crops
from edge.crops.drawn import draw_cell
from edge.crops.preprocess import to_crop
from edge.errors import DataRefused

REAL = Path(__file__).parents[3] / "shared" / "data" / "cnmc"
PRELIMINARY = "C-NMC_test_prelim_phase_data"
CSV = f"{PRELIMINARY}_labels.csv"


def image(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def table(path: Path, rows: list[tuple[str, str, str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("Patient_ID", "new_names", "labels"), *rows])


def cnmc(top: Path, training: str, preliminary: str, csv_in: str) -> Path:
    """A miniature of the download: two folds and two preliminary images."""
    for fold, label, subject in (
        (0, "all", "7"),
        (0, "hem", "H1"),
        (1, "all", "8"),
        (1, "hem", "h3"),
    ):
        name = f"UID_{subject}_1_1_{label}.bmp"
        image(top / training / f"fold_{fold}" / label / name, f"{fold}{label}")
    for number in (1, 2):
        image(top / preliminary / f"{number}.bmp", f"preliminary {number}")
    rows = [("UID_57_29_1_all.bmp", "1.bmp", "1"), ("UID_H49_29_1_hem.bmp", "2.bmp", "0")]
    table(top / csv_in / CSV, rows)
    return top


LAYOUTS = {
    "as published": ("C-NMC_training_data", PRELIMINARY, ""),
    "as TCIA unpacks": (
        "C-NMC_Leukemia/C-NMC_training_data",
        f"C-NMC_Leukemia/{PRELIMINARY}/{PRELIMINARY}",
        f"C-NMC_Leukemia/{PRELIMINARY}",
    ),
    "as others pack it": (
        "C-NMC_Leukemia/training_data",
        f"C-NMC_Leukemia/validation_data/{PRELIMINARY}",
        "C-NMC_Leukemia/validation_data",
    ),
    "table among the images": ("training_data", PRELIMINARY, PRELIMINARY),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_folds_and_preliminary_set_are_found_in_every_layout(tmp_path: Path, layout: str) -> None:
    found = find_labelled_crops(cnmc(tmp_path, *LAYOUTS[layout]))
    assert sorted((crop.part, crop.subject, crop.label) for crop in found.crops) == [
        ("fold_0", "7", 1),
        ("fold_0", "H1", 0),
        ("fold_1", "8", 1),
        ("fold_1", "H3", 0),
        ("preliminary", "57", 1),
        ("preliminary", "H49", 0),
    ]


def test_the_folder_of_one_part_is_enough(tmp_path: Path) -> None:
    top = cnmc(tmp_path, *LAYOUTS["as published"])
    assert len(find_labelled_crops(top / "C-NMC_training_data")) == 4
    assert {crop.part for crop in find_labelled_crops(top / "C-NMC_training_data").crops} == {
        "fold_0",
        "fold_1",
    }


def test_images_without_their_table_are_refused(tmp_path: Path) -> None:
    top = cnmc(tmp_path, *LAYOUTS["as published"])
    (top / CSV).unlink()
    with pytest.raises(DataRefused, match=rf"{PRELIMINARY} holds images, but {CSV} is neither"):
        find_labelled_crops(top)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (("UID_57_29_1_all.bmp", "1.bmp", "2"), r"1\.bmp has label '2'"),
        (("UID_57_29_1_all.bmp", "9.bmp", "1"), r"lists 9\.bmp, which is in neither"),
        (("UID_57_29_1_all.bmp", "1.bmp", "0"), r"1\.bmp is labelled hem, but its cell is named"),
    ],
)
def test_a_wrong_row_of_the_table_names_the_file(
    tmp_path: Path, row: tuple[str, str, str], words: str
) -> None:
    top = cnmc(tmp_path, *LAYOUTS["as published"])
    table(top / CSV, [row])
    with pytest.raises(DataRefused, match=words):
        find_labelled_crops(top)


def test_a_table_of_other_columns_is_refused(tmp_path: Path) -> None:
    top = cnmc(tmp_path, *LAYOUTS["as published"])
    (top / CSV).write_text("name,label\n1.bmp,1\n")
    with pytest.raises(DataRefused, match="has no columns Patient_ID, new_names and labels"):
        find_labelled_crops(top)


def test_a_large_image_of_cnmc_is_cut_to_its_centre(tmp_path: Path) -> None:
    bgr = draw_cell(1)[:, :, ::-1]
    large = np.pad(bgr, ((75, 75), (75, 75), (0, 0)))
    for label, subject, pixels in (("all", "7", large), ("hem", "H1", bgr)):
        path = tmp_path / "fold_0" / label / f"UID_{subject}_1_1_{label}.bmp"
        path.parent.mkdir(parents=True)
        assert cv2.imwrite(str(path), pixels)
    loaded = load_crops(find_labelled_crops(tmp_path), 70)
    assert (loaded.crops == to_crop(draw_cell(1), 70)).all()


def manifest_rows() -> list[dict[str, str]]:
    with (REAL / "manifest.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def rebuild(top: Path, rows: list[dict[str, str]]) -> None:
    """Small files under all names of the manifest, byte-identical where the real ones are."""
    prelim = []
    for row in rows:
        path = Path(row["path"])
        if "final" in row["path"]:
            continue
        image(top / path, row["sha256"])
        if PRELIMINARY in row["path"]:
            positive = len(prelim) < 1219
            cell = f"UID_{900 + len(prelim) % 28}_1_{len(prelim)}_all.bmp"
            cell = cell if positive else cell.replace("UID_", "UID_H").replace("_all", "_hem")
            prelim.append((cell, path.name, str(int(positive))))
    table(top / "validation_data" / CSV, prelim)


def merged(crops: list[LabelledCrop], *subjects: str) -> bool:
    """Whether crops named after these subjects count as one person's."""
    people = {
        crop.subject for crop in crops if crop.path.name.split("_")[1].upper() in set(subjects)
    }
    return len(people) == 1


@pytest.mark.slow
@pytest.mark.skipif(not REAL.is_dir(), reason="needs the manifest of C-NMC 2019")
def test_the_whole_set_has_its_published_counts_and_known_duplicates(tmp_path: Path) -> None:
    rebuild(tmp_path, manifest_rows())
    found = find_labelled_crops(tmp_path, keep_twins=True)
    training = [crop for crop in found.crops if crop.part.startswith("fold_")]
    assert len(training) == 10_661
    assert sum(crop.label for crop in training) == 7_272
    assert sum(crop.label == 0 for crop in training) == 3_389
    assert sum(crop.part == "preliminary" for crop in found.crops) == 1_867
    assert len({crop.path.name.split("_")[1].upper() for crop in training}) == 73
    assert len(find_labelled_crops(tmp_path / "training_data")) == 10_661 - 104
    for twins in (("20", "21"), ("51", "75", "78"), ("H3", "H10"), ("H2", "H4", "H5", "H6")):
        assert merged(training, *twins), twins
    assert len({crop.subject for crop in training}) == 73 - 1 - 2 - 1 - 3
