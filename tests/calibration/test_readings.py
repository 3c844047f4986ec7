"""Whose cell a path says it is: copies keep their person, folders name one, doubts are said."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.cells.exclusion import without_excluded
from calibration.cells.found_cells import FoundCell, ReadCell
from calibration.cells.labelled_crops import find_labelled_crops
from calibration.cells.readings import canonical_subject, cell_of, read_path, subject_of
from edge.crops.drawn import draw_crop
from edge.errors import DataRefused


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("hem/UID_H1_1_1_hem.png", "H1"),
        ("hem/UID_H1_1_1_hem (1).png", "H1"),
        ("hem/UID_H1_2_1_hem - Copy.png", "H1"),
        ("hem/UID_H1_2_1_hem-Kopie (2).png", "H1"),
        ("hem/Copy of UID_H1_2_1_hem.png", "H1"),
        ("hem/aug_03_UID_H1_2_1_hem.png", "H1"),
        ("all/UID_11_1_1_all_rot90.png", "11"),
        ("all/UID_11_1_1_all.bmp.png", "11"),
        ("all/UID_11_1_1_all2.png", "11"),
        ("all/uid_11_1_1_ALL.PNG", "11"),
        ("hem/UID_h3_1_1_hem.png", "H3"),
        ("hem/UID 7 1 1 hem .png", "7"),
        ("all/UID_07_1_1_all.png", "7"),
        ("hem/UID_H010_1_1_hem.png", "H10"),
        ("all/UID_11_1_1_all.png", "11"),  # digits of another width
        ("all/deep/er/UID_11_1_1_all.png", "11"),
        ("hem/H4/x.png", "H4"),
        ("hem/H4/smear 2/x.png", "H4"),
        ("hem/h04/x.png", "H4"),
        ("hem/train/patient_4/x.png", "4"),
        ("HEM/Anna/x.png", "ANNA"),
        ("hem/H4/UID_H5_1_1_hem.png", "H5"),  # the name counts, and it is said
        ("hem/x.png", None),
        ("hem/images/x.png", None),
        ("hem/augmented2/x.png", None),
        ("hem/2024-05-01/x.png", None),
        ("all/UID_51_12_3_blast.png", None),
        ("all/fluid_7_1_1_all.png", None),
        ("hem/H1/UID_H1_1_1_hem+UID_H2_1_1_hem.png", None),  # two people in one picture
        ("H4/x.png", None),
    ],
)
def test_the_person_is_read_off_the_path(name: str, subject: str | None) -> None:
    assert read_path(name).subject == subject


decorations = st.text(st.sampled_from(" ()[]-_.+~0123456789abceghilmnoprtvyAHÜé\u0301\uff11副本"))


@given(
    person=st.from_regex(r"[Hh]?[1-9][0-9]{0,2}", fullmatch=True),
    after=decorations,
    upper=st.booleans(),
)
def test_whatever_follows_the_label_the_person_stays(person: str, after: str, upper: bool) -> None:
    name = f"UID_{person}_12_3_all"
    copy = (name.upper() if upper else name.lower()) + after
    assert subject_of(copy) == person.upper()
    assert cell_of(copy) == cell_of(name)


@given(text=st.text())
def test_one_spelling_is_a_fixed_point_whatever_the_unicode_form(text: str) -> None:
    once = canonical_subject(text)
    assert canonical_subject(unicodedata.normalize("NFD", text)) == once


def tree(top: Path, *names: str) -> Path:
    """Files of different bytes under these names, and one of each label."""
    for name in (*names, "hem/UID_H90_1_1_hem.png", "all/UID_90_1_1_all.png"):
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return top


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["hem/a.png"], "nothing says whose cells 1 of 3 crops are: hem/a.png"),
        (["hem/H7/UID_H8_1_1_hem.png"], "1 crops stand in the folder of one person and are named"),
        (["all/UID_07_1_1_all.png", "all/UID_7_1_2_all.png"], "written differently: 07 = 7"),
        (["all/UID_20_1_1_all.png", "all/UID_21_1_1_all.png"], "in C-NMC 2019: 20 = 21"),
        (["hem/9/a.png", "all/9/b.png"], "people with cells of both labels: 9"),
        (["b/a.png"], "1 images stand in no folder of a label (all, hem), left out: b/a.png"),
    ],
)
def test_what_is_in_doubt_is_said_in_one_line(tmp_path: Path, names: list[str], words: str) -> None:
    remarks: list[str] = []
    find_labelled_crops(tree(tmp_path, *names), on_remark=remarks.append)
    (remark,) = remarks
    assert words in remark
    assert len(remark) < 300


def test_people_of_c_nmc_that_are_one_are_one_without_their_twins(tmp_path: Path) -> None:
    found = find_labelled_crops(
        tree(tmp_path, "hem/UID_H5_1_1_hem.png", "hem/UID_H6_1_1_hem.png", "hem/H2/a.png")
    )
    assert {crop.subject for crop in found.crops} == {"H2", "H90", "90"}


def test_bytes_of_somebody_are_theirs_under_any_name(tmp_path: Path) -> None:
    tree(tmp_path, "hem/a.png")
    (tmp_path / "hem" / "a.png").write_text("hem/UID_H90_1_1_hem.png")
    assert {crop.subject for crop in find_labelled_crops(tmp_path).crops} == {"H90", "90"}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("hem/UID_7_1_1_all (1).png", "is labelled hem, but its cell is named UID_7_1_1_all"),
        ("hem/H4/uid_7_1_1_ALL.png", "is labelled hem, but its cell is named uid_7_1_1_ALL"),
        ("all/hem/a.png", "stands in a folder all in a folder hem"),
        ("all/hem/UID_7_1_1_all.png", "stands in a folder all in a folder hem"),
    ],
)
def test_labels_that_contradict_one_another_are_refused(
    tmp_path: Path, name: str, words: str
) -> None:
    with pytest.raises(DataRefused, match=r"leave one label|correct one") as refused:
        find_labelled_crops(tree(tmp_path, name))
    assert words in str(refused.value)


def test_a_name_that_confirms_the_inner_label_folder_is_taken(tmp_path: Path) -> None:
    found = find_labelled_crops(tree(tmp_path, "all/hem/UID_H7_1_1_hem.png"))
    assert [crop.label for crop in found.crops if crop.subject == "H7"] == [0]


def test_a_hard_link_in_both_label_folders_is_refused(tmp_path: Path) -> None:
    tree(tmp_path)
    (tmp_path / "all" / "H4").mkdir()
    (tmp_path / "all" / "H4" / "a.png").hardlink_to(tmp_path / "hem" / "UID_H90_1_1_hem.png")
    with pytest.raises(DataRefused, match=r"a\.png and .*are the same image, labelled hem and all"):
        find_labelled_crops(tmp_path)


def test_excluding_a_person_excludes_copies_and_cells_of_nobody(tmp_path: Path) -> None:
    names = ("UID_H1_1_1_hem (1).png", "UID_H1_1_2_hem.png", "UID_7_1_1_all.png", "a.png")
    cells = [
        ReadCell(
            FoundCell(tmp_path / name, name, None, read_path(name).subject),
            f"hash of {name}",
            draw_crop(seed, 70),
        )
        for seed, name in enumerate(names)
    ]
    kept = without_excluded(["h01"], cells, tmp_path)
    assert [cell.found.name for cell in kept] == ["UID_7_1_1_all.png"]
    (tmp_path / "list.csv").write_text("name\nhem/UID_H1_1_1_hem.bmp\n")
    kept = without_excluded([str(tmp_path / "list.csv")], cells, tmp_path)
    assert [cell.found.name for cell in kept] == list(names[1:])
