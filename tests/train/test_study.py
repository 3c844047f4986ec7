"""Study files: read, refused in a sentence, and run so that nothing is done twice."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest
from conftest import write_labelled
from typer.testing import CliRunner, Result

from edge.errors import DataRefused
from train.cli.main import app
from train.study import read_study

STUDIES = sorted((Path(__file__).parents[2] / "studies").glob("*.toml"))

SMALL = """
dataset = "drawn cells"

[hold_out]
H2 = ["H2", "8"]

[[systems]]
system = "baselines"
splits = ["paper"]

[[systems]]
system = "cnn"
recipe = "paper"
epochs = 9
validation_share = 0
precision = "float32"
splits = ["H2"]
"""


def study_of(folder: Path, text: str) -> Path:
    file = folder / "small.toml"
    file.write_text(text)
    return file


def run_study(file: Path, data: Path, out: Path, *options: str) -> Result:
    arguments = ["study", str(file), "--data", str(data), "--out", str(out), *options]
    return CliRunner().invoke(app, arguments)


@pytest.mark.parametrize("file", STUDIES, ids=lambda file: file.stem)
def test_every_study_of_the_project_can_be_read(file: Path) -> None:
    study = read_study(file)
    assert "C-NMC 2019" in study.dataset
    folders = [f"{split}/{system.folder}" for system, split in study.runs()]
    assert len(folders) == len(set(folders)) > 1


def test_a_study_is_run_once_and_reported(tmp_path: Path) -> None:
    data, out = write_labelled(tmp_path / "data", per_subject=8), tmp_path / "out"
    text = SMALL.replace('"cnn"', '"small"')  # a thirtieth of the work
    file, report = study_of(tmp_path, text), tmp_path / "report"
    options = ("--epochs", "1", "--report", str(report))
    first = run_study(file, data, out, *options)
    assert first.exit_code == 0, first.output
    assert "H2: small-paper: AUROC" in first.stdout.replace("holdout-8-H2", "H2")
    assert len(list((out / "paper" / "baselines").glob("*-held-out.csv"))) == 14
    assert (out / "H2" / "small-paper" / "small.keras").is_file()
    assert "drawn cells" in (report / "report.md").read_text()
    made = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    again = run_study(file, data, out, *options[:2])  # the report is written again if asked for
    assert again.exit_code == 0, again.output
    assert "epoch 1" not in again.stderr
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == made


SEARCH = """
dataset = "drawn cells"
also = ["wide"]

[hold_out]
H2 = ["H2", "8"]

[recipes.people]
base = "best"
sampling = "person"
validation_share = 0.0

[recipes.averaged]
base = "people"
averaged_epochs = 3

[[systems]]
system = "cnn"
recipe = ["people", "averaged"]
seed = [0, 1]
splits = ["H2"]

[[systems]]
system = "baselines"
splits = ["H2"]
"""


def test_a_study_has_a_system_for_every_recipe_and_seed(tmp_path: Path) -> None:
    study = read_study(study_of(tmp_path, SEARCH))
    assert [system.folder for system, _ in study.runs()] == [
        "cnn-people",
        "cnn-people-seed-1",
        "cnn-averaged",
        "cnn-averaged-seed-1",
        "baselines",
    ]
    recipe = study.recipe("averaged", "vgg16")
    assert (recipe.name, recipe.sampling, recipe.averaged_epochs) == ("averaged", "person", 3)
    assert recipe.learning_rate == 1e-4  # what its base gives VGG-16


def other_people(folder: Path) -> Path:
    """Other cells, of people of whom one is in the data as well: H1."""
    for path in sorted(write_labelled(folder, per_subject=4).rglob("*.png")):
        assert cv2.imwrite(str(path), cv2.flip(cv2.imread(str(path)), 1))
        _, subject, *rest = path.name.split("_")
        known = ["UID", subject.replace("H1", "H") + "1", *rest]
        nobody = subject == "9" and rest[1] == "4"
        path.rename(path.with_name("crop.png" if nobody else "_".join(known)))
    return folder


@pytest.mark.slow
def test_systems_are_measured_on_another_set_and_ranked(tmp_path: Path) -> None:
    data = write_labelled(tmp_path / "data", per_subject=8)
    wide = other_people(tmp_path / "wide")
    text = SEARCH[: SEARCH.index("[[systems]]")] + SEARCH[SEARCH.rindex("[[systems]]") :]
    text = text.replace('splits = ["H2"]', 'splits = ["H2", "everybody"]')
    file, report = study_of(tmp_path, text), tmp_path / "report"
    options = ("--report", str(report), "--also", f"wide={wide}")
    done = run_study(file, data, tmp_path / "out", *options)
    assert done.exit_code == 0, done.output
    of_wide = (tmp_path / "out" / "H2" / "baselines" / "gb-descriptors-wide.csv").read_text()
    assert len(of_wide.splitlines()) == 1 + 5 * 4
    assert f"wide: 4 of 24 crops left out, of people who are in {data}" in done.output
    assert "wide: of 1 crops nothing says whose they are" in done.output
    ranked = (report / "recipes.md").read_text()
    assert "| boosted trees, not the paper's, on descriptors |" in ranked
    assert "AUROC bought" not in ranked
    again = run_study(file, data, tmp_path / "out", *options)
    assert "gb-descriptors" not in again.stdout  # it is known on these very sets
    assert "everybody" not in ranked
    record = json.loads((tmp_path / "out/everybody/baselines/gb-descriptors.json").read_text())
    assert record["training"]["subjects"] == ["7", "8", "9", "H1", "H2", "H3"]
    assert record["metrics"]["crops"] == 20


@pytest.mark.parametrize("also", [(), ("--also", "wide"), ("--also", "other=x")])
def test_another_set_that_is_not_said_where_is_asked_for(
    also: tuple[str, ...], tmp_path: Path
) -> None:
    done = run_study(study_of(tmp_path, SEARCH), tmp_path, tmp_path / "out", *also)
    assert done.exit_code == 2
    assert "NAME=FOLDER" in done.stderr


WRONG = {
    "recipe without base": (SEARCH.replace('base = "best"\n', ""), "'people' has no base"),
    "recipe changed below": (SEARCH.replace('"best"', '"averaged"'), "stands not above it"),
    "recipe called best": (SEARCH.replace("recipes.people", "recipes.best"), "called like one of"),
    "recipe of what is not": (SEARCH.replace("sampling =", "samples ="), "has 'samples'; known"),
    "recipe that cannot be": (SEARCH.replace('"person"', '"men"'), "no sampling 'men'"),
    "recipe of another type": (SEARCH.replace("_epochs = 3", '_epochs = "3"'), "must be int"),
    "set called like a path": (SEARCH.replace('["wide"]', '["../x"]'), "name of a file"),
    "not TOML": ("dataset = ", "is no study"),
    "unknown key": (SMALL + "batch = 3\n", "a system has 'batch'; known are"),
    "unknown table": (SMALL + "[more]\n", "the study has 'more'; known are"),
    "unknown system": (SMALL.replace('"cnn"', '"vit"'), "no system 'vit'; there are"),
    "unknown recipe": (SMALL.replace('recipe = "paper"', 'recipe = "x"'), "no recipe 'x'"),
    "unknown precision": (SMALL.replace("float32", "int4"), "no precision 'int4'"),
    "split without people": (SMALL.replace('"H2", "8"', ""), "names nobody for split 'H2'"),
    "split that is not there": (SMALL.replace('["H2"]', '["H3"]'), "no people for split 'H3'"),
    "everybody on nobody": (SMALL.replace('["H2"]', '["everybody"]'), "needs another set"),
    "everybody held out": (SMALL.replace("H2 =", "everybody ="), "it holds out no people"),
    "people in one word": (SMALL.replace('["H2", "8"]', '"H2"'), "must be a list"),
    "no systems": ('dataset = "x"', "no [[systems]]"),
    "systems of another kind": ("systems = 3", "no [[systems]]"),
    "no splits": (SMALL.replace('splits = ["H2"]', ""), "it.systems[1].splits must be there"),
    "epochs in words": (SMALL.replace("epochs = 9", 'epochs = "9"'), "epochs must be int"),
    "no epochs": (SMALL.replace("epochs = 9", "epochs = 0"), "0 epochs; give 1 or more"),
    "twice": (SMALL + SMALL[SMALL.rindex("[[") :], "twice on a split"),
    "folder elsewhere": (SMALL.replace("H2 =", '"../H2" ='), "cannot be the name of a folder"),
    "deep": ("x = " + "[" * 9999, "nested too deeply"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_study_is_refused_in_a_sentence(name: str, tmp_path: Path) -> None:
    text, words = WRONG[name]
    with pytest.raises(DataRefused, match=r"small\.toml is no study") as refused:
        read_study(study_of(tmp_path, text))
    assert words in str(refused.value)


def test_a_study_that_is_not_there_ends_with_exit_code_2(tmp_path: Path) -> None:
    done = run_study(tmp_path / "none.toml", tmp_path, tmp_path / "out")
    assert done.exit_code == 2
    assert "none.toml cannot be read: No such file" in done.stderr
