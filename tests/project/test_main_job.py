"""The main job end to end, on drawn cells: train, calibrate, convert, classify."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import typer
from command_helpers import edge_all
from typer.testing import CliRunner

from calibration.probabilities.calibrate import read_calibration
from convert.record import read_record
from edge.models.model_file import read_model_file

SIDE = 32  # a fifth of the work that 70 pixels are


def run(app: typer.Typer, *arguments: str | Path) -> str:
    done = CliRunner().invoke(app, list(map(str, arguments)))
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture(scope="module")
def trained(labelled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the small network trained for two epochs on four of six people.

    The classes of the drawn cells differ in colour, so colour is not varied (recipe paper).
    Running means of batch norm reach back 5 steps, not 33: there are only 36.
    """
    from train.cli.main import app
    from train.networks import paper

    out = tmp_path_factory.mktemp("trained")
    options = ("--hold-out", "h2, 8", "--epochs", 2, "--recipe", "paper")
    options += ("--batch-size", 8, "--learning-rate", 0.001, "--dataset", "drawn cells")
    options += ("--side", SIDE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paper, "BATCH_NORM_MOMENTUM", 0.8)
        printed = run(app, "small", "--data", labelled, "--out", out, *options)
    assert "healthy subject H2: balanced accuracy" in printed
    return out


@pytest.fixture(scope="module")
def converted(trained: Path, labelled: Path) -> Path:
    """The model file made of it."""
    from calibration.cli import app as calibrate
    from convert.cli.main import app as convert

    predictions, calibration = trained / "small-held-out.csv", trained / "small-calibration.json"
    run(calibrate, "probabilities", predictions, "--out", calibration)
    out = trained / "converted"
    # two epochs leave cells near the boundary; the gate is tested on the shipped network
    options = ("--n", 110, "--agreement", 0.9, "--f1-loss", 1)
    run(convert, "run", trained / "small.keras", "--cells", labelled, "--out", out, *options)
    return out / "small.tflite"


def test_training_records_who_was_trained_on_and_who_was_held_out(trained: Path) -> None:
    record = json.loads((trained / "small.json").read_text())
    assert record["dataset"] == "drawn cells"
    assert record["training"] == {
        "subjects": ["7", "9", "H1", "H3"],
        "crops": {"hem": 72, "all": 72},
        "people": {"hem": 2, "all": 2},
        "largest_share": {"hem": 0.5, "all": 0.5},
    }
    assert record["held_out"]["subjects"] == ["8", "H2"]
    assert record["metrics"]["crops"] == 72
    assert record["recipe"]["epochs"] == 2
    assert [epoch["epoch"] for epoch in record["history"]] == [1, 2]
    assert record["split"]["name"] == "holdout-8-H2"
    assert record["versions"]["backend"].startswith("tensorflow ")
    assert list(record["per_negative_subject"]) == ["H2"]
    history = (trained / "small-history.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in history] == record["history"]


def test_predictions_are_those_of_the_saved_network(trained: Path, labelled: Path) -> None:
    from calibration.cells.crop_set import load_crops
    from calibration.cells.labelled_crops import find_labelled_crops
    from convert.network.logits_model import keras_logits, load_logits_model

    crops = load_crops(find_labelled_crops(labelled), SIDE)
    model = load_logits_model(trained / "small.keras").model
    logits = dict(zip(crops.names, keras_logits(model, crops.crops), strict=True))
    with (trained / "small-held-out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["subject"] for row in rows} == {"8", "H2"}
    for row in rows:
        hem, leukemia = logits[row["name"]]
        assert float(row["margin"]) == pytest.approx(leukemia - hem, abs=1e-3)


def test_the_model_file_says_where_it_comes_from(trained: Path, converted: Path) -> None:
    metadata = read_model_file(converted).metadata
    record = read_record(trained / "small.json")
    calibration = read_calibration(trained / "small-calibration.json")
    assert metadata.trained_on == record.trained_on
    assert metadata.trained_on["dataset"] == "drawn cells"
    assert metadata.accuracy["float"] == record.accuracy["float"]
    assert metadata.accuracy["int8"]["crops"] == 72
    assert metadata.calibration["folds"][0]["people"] == [["H2"], ["8"]]
    assert metadata.temperature == calibration.temperature
    assert metadata.refer_band == (calibration.refer_band.low, calibration.refer_band.high)
    assert metadata.fidelity["cells_are"].startswith("72 crops of 2 held-out subjects, sha256 ")
    assert "110 crops of 4 training subjects" in metadata.quantization


def test_the_device_classifies_with_the_new_model_file(converted: Path, labelled: Path) -> None:
    out = converted.with_name("results.csv")
    printed = edge_all("classify", labelled, "--model", converted, "--out", out).output
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 216
    assert not any(row["error"] for row in rows)
    assert {row["model_sha256"] for row in rows} == {read_model_file(converted).sha256}
    assert "216 cells" in printed


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--data", "nowhere"], "nowhere is not a folder"),
        (["--hold-out", "H99"], "no crop of subject H99; there are 7, 8, 9, H1, H2, H3"),
    ],
)
def test_training_refuses_what_it_cannot_do_in_a_sentence(
    labelled: Path, tmp_path: Path, options: list[str], words: str
) -> None:
    from train.cli.main import app

    arguments = ["cnn", "--data", str(labelled), "--out", str(tmp_path / "out"), *options]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 2
    assert words in done.stderr
    assert not (tmp_path / "out").exists()
