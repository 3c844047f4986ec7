"""Converting again: the same bytes, over what was harmed, and behind what cannot be converted."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tflite_helpers import RELEASED, beside_colour_means
from typer.testing import CliRunner, Result

from convert.cli.main import app
from convert.report.schema import read_report

pytest.importorskip("keras")


@pytest.fixture(scope="module")
def keras_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return beside_colour_means(tmp_path_factory.mktemp("network"))


@pytest.fixture(scope="module")
def converted(keras_file: Path) -> Path:
    """Folder of what a network of one layer becomes."""
    out = keras_file.with_name("converted")
    done = CliRunner().invoke(app, ["run", str(keras_file), "--out", str(out)])
    assert done.exit_code == 0, done.output
    return out


@pytest.fixture(scope="module")
def again(
    keras_file: Path, converted: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Result]:
    """Folder and outcome of a second conversion, over a harmed model file and behind a model
    that cannot be converted; of the first only the report and that file lay there."""
    folder = tmp_path_factory.mktemp("again")
    elsewhere, out = shutil.copytree(keras_file.parent, folder / "elsewhere"), folder / "out"
    broken = shutil.copytree(RELEASED, folder / "broken") / "cnn.keras"
    broken = broken.rename(broken.with_name("broken.keras"))
    out.mkdir()
    shutil.copy(converted / "cnn-report.json", out)
    (out / "cnn.tflite").write_bytes((converted / "cnn.tflite").read_bytes()[:-1])
    files = [str(broken), str(elsewhere / keras_file.name)]
    return out, CliRunner().invoke(app, ["run", *files, "--out", str(out), "--workers", "1"])


def test_converting_again_gives_the_same_bytes(converted: Path, again: tuple[Path, Result]) -> None:
    out, _ = again
    assert {path.name for path in out.iterdir()} == {path.name for path in converted.iterdir()}
    for name in ("cnn.tflite", "cnn-float.tflite", "cnn-ranges.json", "cnn-report.junit.xml"):
        assert (out / name).read_bytes() == (converted / name).read_bytes(), name
    first, second = (read_report(folder / "cnn-report.json") for folder in (converted, out))
    assert first.without_made().to_json() == second.without_made().to_json()


def test_what_was_harmed_is_converted_again(converted: Path, again: tuple[Path, Result]) -> None:
    mended, said = again
    keys = {read_report(folder / "cnn-report.json").key for folder in (converted, mended)}
    assert len(keys) == 1  # so that nothing but the harm called for a conversion
    assert "Unchanged since." not in said.stdout
    assert (mended / "cnn.tflite").read_bytes() == (converted / "cnn.tflite").read_bytes()


def test_a_model_that_cannot_be_converted_does_not_stop_the_next(
    again: tuple[Path, Result],
) -> None:
    out, done = again
    assert done.exit_code == 2
    assert "no broken.json lies beside it to say what its 2 outputs stand for" in done.stderr
    assert (out / "cnn.tflite").is_file()
