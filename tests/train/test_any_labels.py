"""Trainings on cells of any labels, side and background: data to record, through the commands."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from calibration.cells.crop_set import load_crops
from calibration.cells.labelled_crops import find_labelled_crops
from calibration.probabilities.predictions import read_predictions
from edge.contract import Contract, make_labels
from edge.crops.drawn import draw_cell, draw_crop
from edge.models.metadata import contract_of
from train.cli.main import app

SIDE = 32
KINDS = ("granular", "large", "small cell")
CELLS = 12  # of a label
PLAIN = ("--recipe", "paper")  # changes no crop: changing them takes longer to set up than an epoch


def write_kinds(folder: Path, first: int, people: int = 0) -> Path:
    """Drawn cells of three kinds on a light ground, told by colour; of nobody, or of people."""
    for number in range(first, first + CELLS * len(KINDS)):
        kind = number % len(KINDS)
        cell = draw_crop(number, 64)
        pixels = np.where(cell.max(axis=2, keepdims=True) > 0, cell, 225).astype(np.uint8)
        pixels[cell.max(axis=2) > 0, kind] //= 2
        whose = f"/p{number // 3 % people}" if people else ""
        path = folder / f"{KINDS[kind]}{whose}" / f"{number:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(path), pixels[:, :, ::-1])
    return folder


def write_network(path: Path, kinds: int = 3, side: int = SIDE, **options: Any) -> Path:
    """A Keras model as others would bring it, small and quick."""
    import keras

    layers = keras.layers
    keras.utils.set_random_seed(1)
    first = options.get("first", [])
    model = keras.Sequential(
        [
            keras.Input((side, side, 3)),
            *first,
            layers.Conv2D(4, 5, strides=3, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(kinds, activation=options.get("end", "softmax")),
        ]
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    model.save(path)
    return path


def run(*arguments: object) -> tuple[str, str]:
    done = CliRunner().invoke(app, [*map(str, arguments)])
    assert done.exit_code == 0, done.output
    return done.stdout, done.stderr


def refused(*arguments: object) -> str:
    done = CliRunner().invoke(app, [*map(str, arguments)])
    assert done.exit_code == 2, done.output
    (sentence,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    return sentence


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_kinds(tmp_path_factory.mktemp("data") / "kinds", 0)


def record_in(out: Path, name: str = "own") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / f"{name}.json").read_text())
    return found


@dataclass(frozen=True)
class Trained:
    """A run on three labels, for one epoch, and what it said."""

    network: str
    folder: Path
    out: str
    err: str


@pytest.fixture(scope="module", params=["own", pytest.param("cnn", marks=pytest.mark.slow)])
def trained(
    request: pytest.FixtureRequest, kinds: Path, tmp_path_factory: pytest.TempPathFactory
) -> Trained:
    """Of a network of one's own, or the paper's CNN."""
    name, folder = request.param, tmp_path_factory.mktemp("trained")
    network = write_network(folder / "start" / "own.keras") if name == "own" else name
    options = ("--protocol", "paper", "--epochs", 1, "--side", SIDE, "--positive", "large")
    words = ("--words", "granulocyte,blast,lymphocyte", "--pixel-size", 0.25)
    return Trained(name, folder, *run(network, "--data", kinds, "--out", folder, *options, *words))


def test_the_record_holds_the_contract(trained: Trained) -> None:
    record = record_in(trained.folder, trained.network)
    assert record["schema"] == 2
    contract = contract_of(record["contract"])
    assert contract.names == KINDS
    assert contract.words == ("granulocyte", "blast", "lymphocyte")
    assert (contract.side, contract.background, contract.positive) == (SIDE, "natural", "large")
    assert contract.um_per_pixel == 0.25
    assert contract.diameters is not None
    assert contract.diameters.cells == sum(record["training"]["crops"].values())
    assert 0 < contract.diameters.median < SIDE * 1.5
    assert record["metrics"]["crops"] == 7
    assert record["interval"]["low"]["accuracy"] <= record["metrics"]["accuracy"]
    assert sum(map(sum, record["confusion"])) == 7


def test_what_was_found_out_is_said(trained: Trained) -> None:
    out, err = trained.out, trained.err
    assert "labels, with their crops: granular (12), large (12), small cell (12)" in err
    assert "background: natural, as the borders of the crops show" in err
    assert "nothing says whose cells 36 of 36 crops are" in err
    assert "blast: precision " in out
    assert "this flatters" in out
    assert "leukemia" not in out + err


def test_predictions_hold_the_logits_of_every_label(trained: Trained) -> None:
    import keras

    path = trained.folder / f"{trained.network}-held-out.csv"
    read = read_predictions(path)
    assert read.names == KINDS
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert set(rows[0]) == {"name", "subject", "label", *(f"logit_{kind}" for kind in KINDS)}
    assert [row["name"].partition("/")[0] for row in rows] == [KINDS[n] for n in read.labels]
    model = keras.models.load_model(trained.folder / f"{trained.network}.keras")
    assert model.output_shape == (None, 3)
    assert np.exp(read.logits).sum(axis=1) == pytest.approx(1, abs=1e-3)


def test_an_own_network_is_trained_on_a_table_and_tested_on_another_set(
    kinds: Path, tmp_path: Path
) -> None:
    import keras

    network = write_network(tmp_path / "own.keras")
    rows = [(path.relative_to(kinds).as_posix(), path.parent.name) for path in kinds.rglob("*.png")]
    with (kinds / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("file", "label"), *rows, ("large/001.png", "large")])
    other = write_kinds(tmp_path / "other", 100)
    out = tmp_path / "out"
    options = ("--test", other, "--side", SIDE, "--epochs", 1, "--validation-share", 0.2, *PLAIN)
    printed, _ = run(network, "--data", kinds / "labels.csv", "--out", out, *options)
    assert "36 crops" in printed
    record = record_in(out)
    assert record["split"]["protocol"] == "other"
    assert record["held_out"]["crops"] == dict.fromkeys(KINDS, CELLS)
    assert record["input_range"] == [0, 1]
    assert sum(record["training"]["crops"].values()) == 36 - round(0.2 * 36)
    read = read_predictions(out / "own-held-out.csv")
    crops = load_crops(find_labelled_crops(other), SIDE, "natural").crops
    model = keras.models.load_model(out / "own.keras")
    logits = np.log(model.predict_on_batch(crops.astype(np.float32) / 255))
    assert read.logits == pytest.approx(logits.astype(np.float64), abs=1e-4)
    changed = model.get_weights()[0] != keras.models.load_model(network).get_weights()[0]
    assert changed.any()
    sentence = refused(network, "--data", kinds, "--out", tmp_path, *options)
    assert "would be written over" in sentence


def test_people_of_a_lab_are_held_out_by_name(tmp_path: Path) -> None:
    data = write_kinds(tmp_path / "data", 0, people=4)
    network = write_network(tmp_path / "own.keras")
    options = ("--data", data, "--side", SIDE, "--epochs", 1, "--out", tmp_path / "out", *PLAIN)
    run(network, *options, "--hold-out", "p2")
    record = record_in(tmp_path / "out")
    assert record["held_out"]["subjects"] == ["P2"]
    assert {*record["training"]["subjects"], *record["validation"]["subjects"]} == {
        "P0",
        "P1",
        "P3",
    }


def test_of_two_labels_the_positive_one_is_the_second(kinds: Path, tmp_path: Path) -> None:
    network = write_network(tmp_path / "own.keras", kinds=2)
    options = ("--data", kinds, "--side", SIDE, "--epochs", 1, "--protocol", "paper", *PLAIN)
    picked = ("--labels", "granular,large", "--positive", "granular", "--words", "G,L")
    printed, said = run(network, *options, *picked, "--out", tmp_path / "out")
    contract = contract_of(record_in(tmp_path / "out")["contract"])
    assert (contract.names, contract.words) == (("large", "granular"), ("L", "G"))
    assert contract.positive == "granular"
    assert "12 images stand in no folder of a label (granular, large), left out" in said
    assert "AUROC" in printed
    header = (tmp_path / "out" / "own-held-out.csv").read_text().splitlines()[0]
    assert header == "name,subject,label,margin"


def test_a_split_keeps_the_labels_it_was_made_with(kinds: Path, tmp_path: Path) -> None:
    options = ("--data", kinds, "--protocol", "paper")
    run("split", *options, "--labels", "small cell,large", "--out", tmp_path)
    split = tmp_path / "paper-seed-0.json"
    assert json.loads(split.read_text())["labels"] == ["small cell", "large"]
    printed, _ = run("audit", split, "--data", kinds)
    assert "nothing says whose" in printed
    wrong = ("--data", kinds, "--split", split, "--out", tmp_path / "out")
    assert "is a split of the labels small cell, large" in refused(
        "cnn", *wrong, "--labels", "large,granular"
    )


def test_a_label_with_few_crops_is_named_with_its_number(kinds: Path, tmp_path: Path) -> None:
    data = write_kinds(tmp_path / "data", 100)
    for path in sorted((data / "large").iterdir())[3:]:
        path.unlink()
    network = write_network(tmp_path / "own.keras")
    options = ("--side", SIDE, "--epochs", 1, "--test", kinds, *PLAIN)
    _, said = run(network, "--data", data, "--out", tmp_path / "out", *options)
    assert "label large has 3 crops to train on, fewer than 10: it cannot be learned" in said


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--positive", "blast"], "the label not to be missed, blast, is none of granular, large"),
        (["--words", "a,b"], "2 words for 3 labels: granular, large, small cell; give one for"),
        (["--words", "a,A,b"], "words of labels a, A, b are not all different"),
        (["--labels", "large,blast"], "holds no image of label blast"),
        ([], "nothing says whose cells the granular crops are, so no person can be held out"),
        (["--test", "DATA", "--protocol", "paper"], "give --test or --protocol, not both"),
        (["--test", "BLACK"], "has a black background, and what is trained on natural"),
    ],
)
def test_what_makes_no_training_is_refused_in_a_sentence(
    kinds: Path, tmp_path: Path, options: list[str], words: str
) -> None:
    black = tmp_path / "black"
    for number, kind in enumerate(KINDS):
        (black / kind).mkdir(parents=True)
        assert cv2.imwrite(str(black / kind / "x.png"), draw_cell(number))
    places = {"DATA": str(kinds), "BLACK": str(black)}
    arguments = [places.get(word, word) for word in options]
    sentence = refused("cnn", "--data", kinds, "--out", tmp_path, "--side", SIDE, *arguments)
    assert words in sentence
    assert len(sentence.replace(str(kinds), "").replace(str(black), "")) < 300


def test_a_test_set_that_is_trained_on_is_no_test_set(kinds: Path, tmp_path: Path) -> None:
    options = ("--side", SIDE, "--out", tmp_path, "--test", kinds)
    done = CliRunner().invoke(app, ["cnn", "--data", str(kinds), *map(str, options)])
    assert done.exit_code == 3
    assert "36 test crops are byte-identical to training crops" in done.stderr
    above = ("--data", kinds.parent, "--labels", ",".join(KINDS))
    assert "kinds/granular/000.png is in the data and in the test set" in refused(
        "cnn", *above, *options
    )


def test_baselines_are_of_two_labels_on_black(kinds: Path, tmp_path: Path) -> None:
    sentence = refused("baselines", "--data", kinds, "--out", tmp_path, "--protocol", "paper")
    assert "baselines tell two labels of cells on black apart; these are 3" in sentence


def test_a_contract_needs_no_words_or_scale() -> None:
    contract = Contract(SIDE, make_labels(KINDS))
    assert (contract.words, contract.positive, contract.um_per_pixel) == (KINDS, None, None)
