"""A model file fitted again on reviewed cells: the network stays, its probabilities change."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from calibration.cli import app
from edge.engine.classifier import Classifier
from edge.models.model_file import SHIPPED_MODEL, read_model_file


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["recalibrate", *map(str, arguments)])


@pytest.fixture(scope="module")
def again(labelled: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    out = tmp_path_factory.mktemp("again") / "again.tflite"
    done = run(SHIPPED_MODEL, labelled, "--out", out)
    assert done.exit_code == 0, done.output
    return out, done


def test_the_network_stays_and_its_calibration_says_where_it_comes_from(
    again: tuple[Path, Result],
) -> None:
    new, old = read_model_file(again[0]), read_model_file(SHIPPED_MODEL)
    assert new.flatbuffer == old.flatbuffer
    assert (new.golden.logits == old.golden.logits).all()
    assert new.metadata.temperature != old.metadata.temperature
    assert new.metadata.calibration["before"]["model_sha256"] == old.sha256
    assert "216 reviewed cells of 6 people" in new.metadata.calibration["fitted_on"]
    assert new.reference is not None
    assert old.reference is not None
    assert new.reference.images == old.reference.images
    assert new.reference.cells_are.endswith("before recalibration")
    with Classifier(again[0], threads=1) as classifier:
        assert classifier.model_file.sha256 != old.sha256


def test_what_changed_on_these_cells_is_said_before_and_after(again: tuple[Path, Result]) -> None:
    before, after, *_ = again[1].stdout.splitlines()
    assert before.startswith("before temperature ")
    errors = [float(line.split("calibration error ")[1].split(",")[0]) for line in (before, after)]
    assert errors[1] <= errors[0]
    assert "on others the gain is smaller" in again[1].stdout


def test_a_file_that_is_there_is_kept(again: tuple[Path, Result], labelled: Path) -> None:
    held = again[0].read_bytes()
    done = run(SHIPPED_MODEL, labelled, "--out", again[0])
    assert done.exit_code == 2
    assert again[0].read_bytes() == held


def test_too_few_reviews_are_refused_with_how_many_are_missing(
    labelled: Path, tmp_path: Path
) -> None:
    for label in ("hem", "all"):
        (tmp_path / "few" / label).mkdir(parents=True)
        for path in sorted((labelled / label).iterdir())[:20]:
            shutil.copy(path, tmp_path / "few" / label)
    done = run(SHIPPED_MODEL, tmp_path / "few", "--out", tmp_path / "new.tflite")
    assert done.exit_code == 2
    assert "review 60 more" in done.stderr
    assert not (tmp_path / "new.tflite").exists()
