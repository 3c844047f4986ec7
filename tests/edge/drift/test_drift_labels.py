"""Labels on a device: of folders, of a table, and whose cells they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.drift.labels import UNKNOWN, Labels, read_labels
from edge.errors import DataRefused

NAMES = ("none", "ring")


def table(folder: Path, text: str) -> str:
    (folder / "labels.csv").write_text(text)
    return str(folder / "labels.csv")


def test_nothing_is_known_where_nothing_is_given() -> None:
    labels = read_labels(None, NAMES)
    assert not labels.are_given
    assert labels.label_of("ring/a.png") == UNKNOWN
    assert labels.person_of("ring/a.png", "smear 3") == "smear 3"


@pytest.mark.parametrize(
    ("file", "label"),
    [
        ("data/ring/a.png", 1),
        ("data/RING/a.png", 1),
        ("ring/none/a.png", 0),
        ("data/ring.png", UNKNOWN),
        ("data/other/ring", UNKNOWN),
    ],
)
def test_the_nearest_folder_of_a_label_says_it(file: str, label: int) -> None:
    assert read_labels("folders", NAMES).label_of(file) == label


def test_paths_of_a_table_begin_at_its_own_folder(tmp_path: Path) -> None:
    text = "file,label,subject\na.png,ring,7\nb.png,none,\nc.png,,\n"
    labels = read_labels(table(tmp_path, text), NAMES, r"^(\w)")
    assert labels.are_given
    found = [labels.label_of(str(tmp_path / f"{name}.png")) for name in "abcd"]
    assert found == [1, 0, UNKNOWN, UNKNOWN]
    people = [labels.person_of(str(tmp_path / f"{name}.png"), "smear") for name in "ab"]
    assert people == ["7", "b"]
    assert labels.person_of("-.png", "smear") == "smear"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("file,label\na.png,trophozoite\n", "line 2: 'trophozoite' is no label of the model"),
        ("file,label\na.png,ring\na.png,none\n", "listed twice"),
        ("file,label\n", "has no label"),
        ("name,label\na.png,ring\n", "other columns"),
        ("file,label,extra\na.png,ring,x\n", "other columns"),
        ("file,label\na.png\n", "another length"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_in_a_sentence(
    text: str, words: str, tmp_path: Path
) -> None:
    with pytest.raises(DataRefused, match=r"labels\.csv") as refused:
        read_labels(table(tmp_path, text), NAMES)
    assert words in str(refused.value)


@pytest.mark.parametrize("people", ["(", "no group"])
def test_an_expression_that_names_nobody_is_refused(people: str) -> None:
    with pytest.raises(DataRefused, match="--people"):
        read_labels(None, NAMES, people)
    assert isinstance(read_labels(None, NAMES, "(a)"), Labels)
