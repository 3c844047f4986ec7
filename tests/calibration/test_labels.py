"""Labels of any names, from folders and from CSV files: what is taken, counted and refused."""

from __future__ import annotations

import csv
import tempfile
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from edge_helpers import small_cell
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.cells.backgrounds import find_background
from calibration.cells.crop_set import load_crops
from calibration.cells.found_cells import find_cells
from calibration.cells.labelled_crops import LabelledCrops, find_labelled_crops
from calibration.cells.readings import is_part, plain
from edge.contract import check_name
from edge.errors import DataRefused
from edge.models.cnmc import NAMES
from edge.sources.names import is_hidden


def put(folder: Path, *names: str) -> Path:
    """Files of different bytes under these names; the folder."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return folder


def table(folder: Path, *lines: str, header: str = "file,label") -> Path:
    """A CSV file in a folder with the files a.png, b.png and c/d.png."""
    put(folder, "a.png", "b.png", "c/d.png")
    path = folder / "labels.csv"
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


def labels_of(found: LabelledCrops) -> dict[str, str]:
    return {crop.name: found.labels[crop.label] for crop in found.crops}


def can_be_label(name: str) -> bool:
    try:
        check_name(name)
    except ValueError:
        return False
    fits = len(name.encode()) < 200
    return fits and not (is_hidden(name) or is_part(name) or plain(name) in map(plain, NAMES))


names_of_labels = st.lists(
    st.text(min_size=1, max_size=12).filter(can_be_label), min_size=2, max_size=5, unique_by=plain
)


@settings(max_examples=40)
@given(names_of_labels)
def test_folders_of_any_names_are_labels_and_so_is_a_column(names: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        data = put(Path(folder) / "crops", *(f"{name}/x.png" for name in names))
        found = find_labelled_crops(data)
        assert found.labels == tuple(sorted(names))
        assert labels_of(found) == {f"{name}/x.png": name for name in names}
        with (data / "labels.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("file", "label"), *((f"{n}/x.png", n) for n in names)])
        listed = find_labelled_crops(data / "labels.csv")
        assert labels_of(listed) == labels_of(found)
        reverse = find_labelled_crops(data, labels=found.labels[::-1])
        assert reverse.labels == found.labels[::-1]
        assert labels_of(reverse) == labels_of(found) == labels_of(reverse.in_order(found.labels))


def test_labels_that_are_named_are_picked_ordered_and_the_rest_counted(tmp_path: Path) -> None:
    data = put(tmp_path, "mono/a.png", "neutro/b.png", "fold_1/lympho/c.png", "d.png")
    remarks: list[str] = []
    found = find_labelled_crops(data, ["Neutro", "lympho"], on_remark=remarks.append)
    assert found.labels == ("Neutro", "lympho")
    assert labels_of(found) == {"fold_1/lympho/c.png": "lympho", "neutro/b.png": "Neutro"}
    assert remarks[0].startswith("2 images stand in no folder of a label (Neutro, lympho), left")
    assert found.counts() == {"Neutro": 1, "lympho": 1}


def test_the_person_is_the_folder_below_the_label_or_nobody(tmp_path: Path) -> None:
    data = put(tmp_path, "a/20/x.png", "a/21/y.png", "b/20/z.png", "b/UID_7_1_1_hem.png")
    found = find_labelled_crops(data)
    # that 20 and 21 are one person is known of C-NMC alone, as is what its names say
    assert [crop.subject for crop in found.crops] == ["20", "21", "20", ""]


def test_leukemias_of_two_kinds_are_no_cnmc(tmp_path: Path) -> None:
    data = put(tmp_path, "all/20/x.png", "aml/21/y.png")
    assert find_labelled_crops(data).labels == ("all", "aml")


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["x.png"], "holds no image in a folder of a label"),
        (["a/x.png"], "holds crops of a only; a network tells two labels or more apart"),
        (["train/a/x.png", "test/b/y.png"], "test is called like a part of a data set"),
        (["a/x.png", "b/a/y.png"], "stands in a folder b in a folder a; leave one label"),
        (["a,b/x.png", "c/y.png"], "'a,b' cannot be a label"),
        (["Mono/x.png", "mono/y.png"], "are not all different"),
        (["a/x.png", "refer/y.png"], "a label is called refer, which means something else"),
    ],
)
def test_folders_that_give_no_labels_are_refused(
    tmp_path: Path, names: list[str], words: str
) -> None:
    with pytest.raises(DataRefused) as refused:
        find_labelled_crops(put(tmp_path / "d", *names))
    assert words in str(refused.value)
    assert len(str(refused.value).replace(str(tmp_path), "")) < 300


def test_a_label_without_crops_is_refused_by_name(tmp_path: Path) -> None:
    data = put(tmp_path, "a/x.png", "b/y.png")
    with pytest.raises(DataRefused, match="holds no image of label eosinophil"):
        find_labelled_crops(data, ["a", "b", "eosinophil"])


def test_a_table_says_label_and_person(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "a.png,x,patient 007",
        "b.png, y ,",
        "c\\d.png,x,7",
        header="\ufefffile,label,subject",
    )
    found = find_labelled_crops(path)
    assert found.labels == ("x", "y")
    assert labels_of(found) == {"a.png": "x", "b.png": "y", "c/d.png": "x"}
    assert [crop.subject for crop in found.crops] == ["7", "", "7"]


def test_a_table_of_cnmcs_labels_is_in_its_order_and_its_names_say_whose(tmp_path: Path) -> None:
    put(tmp_path, "UID_H3_1_1_hem.png", "UID_20_1_1_all.png")
    path = table(tmp_path, "UID_20_1_1_all.png,all", "UID_H3_1_1_hem.png,hem")
    found = find_labelled_crops(path)
    assert found.labels == NAMES
    assert {crop.subject for crop in found.crops} == {"H3", "20"}


def test_rows_without_a_label_or_of_others_are_counted(tmp_path: Path) -> None:
    remarks: list[str] = []
    path = table(tmp_path, "a.png,x", "b.png,y", "c/d.png,", "a.png,x", "gone.png,z")
    found = find_labelled_crops(path, ["y", "x"], on_remark=remarks.append)
    assert labels_of(found) == {"a.png": "x", "b.png": "y"}
    assert remarks[:2] == [
        "1 rows of labels.csv have no label: c/d.png",
        "1 crops of other labels are left out: z (1)",
    ]
    assert "give a column subject" in remarks[2]


@pytest.mark.parametrize(
    ("header", "lines", "words"),
    [
        ("file,label,patient", ["a.png,x,1"], "has the columns file, label, patient"),
        ("file", ["a.png"], "has the columns file; it needs file and label"),
        ("file,label,label", ["a.png,x,y"], "it needs file and label"),
        ("", [], "has the columns of no name"),
        ("file,label", ["a.png,x,y"], "has 1 rows of another length"),
        ("file,label", ["a.png"], "has 1 rows of another length"),
        ("file,label", ["a.png,x", "b.png,y", "e.png,x"], "lists 1 files that are not there: e.p"),
        ("file,label", ["a.png,x", "a.png,y"], "lists a.png twice, and with another label"),
        ("file,label", ["a.png,x", "../a.png,y"], "does not lie below its own folder"),
        ("file,label", ["a.png,x", "/etc/a.png,y"], "does not lie below its own folder"),
        ("file,label", ["a.png,x", "C:\\a.png,y"], "does not lie below its own folder"),
        ("file,label", [",x", "b.png,y"], "lists a file without a name"),
        ("file,label", ["a.png,x", "b.png,x"], "holds crops of x only"),
        ("file,label", ["a.png,x", "b.png,="], "'=' cannot be a label"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_in_a_sentence(
    tmp_path: Path, header: str, lines: list[str], words: str
) -> None:
    with pytest.raises(DataRefused) as refused:
        find_labelled_crops(table(tmp_path, *lines, header=header))
    assert words in str(refused.value)
    assert "labels.csv" in str(refused.value)
    assert len(str(refused.value).replace(str(tmp_path), "")) < 300


def test_a_table_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_bytes(b"\xff\xfe\x00file")
    with pytest.raises(DataRefused, match="is no CSV file that can be read"):
        find_labelled_crops(tmp_path / "labels.csv")


def test_cells_of_a_folder_have_labels_where_somebody_names_them(tmp_path: Path) -> None:
    data = put(tmp_path, "a/x.png", "b/y.png")
    assert [cell.label_name for cell in find_cells(data)] == [None, None]
    found = find_cells(data, labels=["b", "a"])
    assert [(cell.label, cell.label_name) for cell in found] == [(1, "a"), (0, "b")]


def images(folder: Path, natural: int, black: int) -> LabelledCrops:
    """Images of cells, some on a light background."""
    for number in range(natural + black):
        pixels = np.roll(small_cell(), number, axis=0)
        if number < natural:
            pixels = 255 - pixels
        path = folder / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(path), pixels)
    return find_labelled_crops(folder, keep_twins=True)


@pytest.mark.parametrize(
    ("natural", "black", "background"), [(0, 4, "black"), (4, 0, "natural"), (1, 30, "black")]
)
def test_the_background_is_that_of_nearly_all_crops(
    tmp_path: Path, natural: int, black: int, background: str
) -> None:
    assert find_background(images(tmp_path, natural, black)) == background


def test_mixed_backgrounds_are_refused_with_an_example_of_each(tmp_path: Path) -> None:
    with pytest.raises(DataRefused, match=r"2 of 5 crops are light .*, as a/0\.png, .* as a/2\."):
        find_background(images(tmp_path, 2, 3))


def test_crops_have_the_side_and_background_that_is_asked_for(tmp_path: Path) -> None:
    found = images(tmp_path / "crops", 4, 0)
    loaded = {side: load_crops(found, side, "natural", tmp_path / "cache") for side in (32, 96)}
    again = load_crops(found, 32, "natural", tmp_path / "cache")
    assert {side: crops.side for side, crops in loaded.items()} == {32: 32, 96: 96}
    assert np.array_equal(again.crops, loaded[32].crops)
    assert (again.label_names, again.background) == (("a", "b"), "natural")
    assert Counter(again.labels.tolist()) == {0: 2, 1: 2}
