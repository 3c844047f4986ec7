"""Files of a conversion appear together, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from convert.staging import staged
from edge.errors import OutputFailed


def test_files_appear_when_all_are_written(tmp_path: Path) -> None:
    out = tmp_path / "new" / "out"
    with staged(out, "cnn") as folder:
        (folder / "cnn.tflite").write_text("model")
        (folder / "cnn-report.json").write_text("{}")
        assert not list(out.glob("cnn*"))
    assert sorted(path.name for path in out.iterdir()) == ["cnn-report.json", "cnn.tflite"]


def test_nothing_changes_when_writing_fails(tmp_path: Path) -> None:
    (tmp_path / "cnn.tflite").write_text("earlier")

    def fail() -> None:
        with staged(tmp_path, "cnn") as folder:
            (folder / "cnn.tflite").write_text("half")
            raise OSError(28, "No space left on device")

    with pytest.raises(OutputFailed, match=r"No space left on device; check"):
        fail()
    assert [path.name for path in tmp_path.iterdir()] == ["cnn.tflite"]
    assert (tmp_path / "cnn.tflite").read_text() == "earlier"


def test_a_network_of_an_earlier_conversion_goes_with_the_new_one(tmp_path: Path) -> None:
    for name in ("cnn.tflite", "cnn-float.tflite", "cnn-ranges.json", "cnn2.tflite"):
        (tmp_path / name).write_text("earlier")
    with staged(tmp_path, "cnn") as folder:  # a gate failed: a report, no model file
        (folder / "cnn-report.json").write_text("failed")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "cnn-ranges.json",
        "cnn-report.json",
        "cnn2.tflite",
    ]


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputFailed, match="file/out"), staged(tmp_path / "file" / "out", "cnn"):
        pass
