"""Baselines, report and bench from the command line, on drawn cells."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from train.cli.main import app
from train.training.recipe import RECIPES


def run(*arguments: str | Path) -> str:
    done = CliRunner().invoke(app, list(map(str, arguments)))
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture(scope="module")
def runs(labelled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Baselines on people held out; on the paper's split a study trains them."""
    folder = tmp_path_factory.mktemp("runs")
    for number in range(1, 9):
        for path in labelled.glob(f"*/UID_*_1_{number}_*.png"):
            few = folder / "data" / path.relative_to(labelled)
            few.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, few)
    options = ("--data", folder / "data", "--dataset", "drawn cells")
    printed = run("baselines", *options, "--hold-out", "H2,8", "--out", folder / "held-out")
    assert len(printed.splitlines()) == 14
    return folder


def test_every_baseline_leaves_a_record_and_its_predictions(runs: Path) -> None:
    records = [json.loads(path.read_text()) for path in sorted((runs / "held-out").glob("*.json"))]
    assert len(records) == 14
    assert {record["kind"] for record in records} == {"baseline"}
    assert {tuple(record["held_out"]["subjects"]) for record in records} == {("8", "H2")}
    assert len({record["split"]["sha256"] for record in records}) == 1
    assert len(list((runs / "held-out").glob("*-held-out.csv"))) == 14


def test_a_report_is_made_of_runs(runs: Path, tmp_path: Path) -> None:
    for path in [*(runs / "held-out").glob("rf-pca*"), *(runs / "held-out").glob("lr-desc*")]:
        (tmp_path / "two").mkdir(exist_ok=True)  # of 14, whose figures take as many times as long
        shutil.copy(path, tmp_path / "two")
    printed = run("report", tmp_path / "two", "--out", tmp_path / "report")
    assert printed.splitlines() == [
        f"wrote {tmp_path / 'report' / 'report.md'}",
        f"wrote {tmp_path / 'report' / 'report.html'}",
    ]
    text = (tmp_path / "report" / "report.md").read_text()
    assert "drawn cells" in text
    assert "nothing here is a diagnosis" in text


@pytest.mark.slow
def test_bench_gives_json(monkeypatch: pytest.MonkeyPatch) -> None:
    few = replace(RECIPES["paper"]("cnn"), batch_size=2)
    monkeypatch.setitem(RECIPES, "paper", lambda network: few)
    monkeypatch.setattr("train.training.bench._MATRIX", 256)
    found = json.loads(run("bench", "cnn", "--steps", "1", "--precision", "float32"))
    (speed,) = found["speeds"]
    assert (speed["network"], speed["batch_size"], speed["steps"]) == ("cnn", 2, 1)
    assert speed["seconds_per_epoch"] == pytest.approx(10_022 / speed["crops_per_second"])
    assert speed["utilisation"] > 0
    assert found["versions"]["backend"].startswith("tensorflow ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["bench", "lenet"], "no network lenet; there are cnn, vgg16, resnet50"),
        (["report", "nowhere", "--out", "x"], "nowhere is not a folder"),
        (["split", "--data", "nowhere", "--out", "x"], "nowhere is not a folder"),
        (["audit", "nowhere.json"], "nowhere.json is no split of edge-all-train"),
        (
            ["split", "--data", "DATA", "--out", "x", "--protocol", "paper", "--hold-out", "H2"],
            "give --protocol or --hold-out, not both",
        ),
        (["split", "--data", "DATA", "--out", "x", "--protocol", "official"], "only C-NMC's"),
    ],
)
def test_wrong_usage_is_one_sentence(labelled: Path, arguments: list[str], words: str) -> None:
    arguments = [str(labelled) if word == "DATA" else word for word in arguments]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 2
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_every_command_says_what_it_is_for() -> None:
    group = typer.main.get_command(app)
    for name in group.commands:  # type: ignore[attr-defined]
        assert "Usage" in run(name, "--help")
    assert "For research, not diagnosis" in " ".join(run("--help").split())
