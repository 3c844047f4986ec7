"""Sources that are not there, hold nothing, or have names that are odd: named, never lost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from test_sources import found, reasons, touch

from edge.engine.classifier import Classifier
from edge.errors import NoInputs
from edge.sources.find import find_inputs, open_sources
from edge.sources.left_out import LeftOut


@pytest.fixture
def crops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder ``crops`` in the current folder."""
    monkeypatch.chdir(tmp_path)
    Path("crops").mkdir()
    return Path("crops")


def test_names_that_are_not_utf_8_are_found(crops: Path) -> None:
    name = os.fsdecode(b"crops/\xff.png")
    Path(name).write_bytes(b"x")
    assert found("crops") == found(name) == found("crops/*") == [name]
    assert os.fsencode(found("crops")[0]) == b"crops/\xff.png"


def test_names_with_line_breaks_and_blanks_are_found(crops: Path) -> None:
    names = ["two\nlines.png", " blank .png", "tab\t.png", "-o.png"]
    touch(crops, *names)
    assert sorted(found("crops")) == sorted(f"crops/{name}" for name in names)


def test_a_name_with_a_null_byte_is_named() -> None:
    assert reasons("cell\0.png") == {"cell\0.png": "not-found"}


def test_what_does_not_exist_is_named_beside_what_does(crops: Path) -> None:
    touch(crops, "a.png")
    expected = {"crops/a.png": None, "crops/missing.png": "not-found"}
    assert reasons("crops/a.png", "crops/missing.png") == expected
    open_sources(["crops/missing.png", "crops/a.png"])


@pytest.mark.parametrize("sources", [["crops/missing.png"], ["crops/*.png"], ["a", "b/**"], []])
def test_sources_that_do_not_exist_are_refused_in_a_sentence(
    crops: Path, sources: list[str]
) -> None:
    with pytest.raises(NoInputs, match=r"^no such file or folder: ") as refused:
        open_sources(sources)
    assert all(source in str(refused.value) for source in sources)


def test_a_folder_without_images_is_refused_in_a_sentence(crops: Path) -> None:
    touch(crops, "notes.txt", "more/results.csv")
    left_out = LeftOut()
    with pytest.raises(NoInputs, match=r"^no image in crops: none of \.bmp, \.jpeg, .*\.webp$"):
        open_sources(["crops"], left_out)
    assert left_out.total == 2


def test_a_folder_with_nothing_but_a_broken_link_is_not_refused(crops: Path) -> None:
    (crops / "gone.png").symlink_to("nothing.png")
    open_sources(["crops"])


def test_what_was_refused_while_searching_becomes_a_result_with_the_reason(crops: Path) -> None:
    (crops / "gone.png").symlink_to("nothing.png")
    with Classifier(threads=1) as classifier:
        (result,) = classifier.classify_samples(find_inputs(["crops"]))
    assert (result.file, result.error) == ("crops/gone.png", "not-found")
    assert result.decision is None
    assert result.message
