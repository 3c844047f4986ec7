"""Networks of other labels and sizes, trained elsewhere, through the whole conversion."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kinds_of_cells import KINDS, colour_network, coloured, crops_of, teach, write_kinds
from typer.testing import CliRunner

from convert.cli.main import app
from convert.report.schema import read_report
from edge import Classifier
from edge.contract import make_labels
from edge.engine.network import FloatNetwork
from edge.engine.runtime import find_runtime
from edge.models.model_file import ModelFile, read_model_file, read_twin

keras = pytest.importorskip("keras")
layers = keras.layers
SIDE = 32


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_kinds(tmp_path_factory.mktemp("kinds") / "cells")


def run(*arguments: object) -> Any:
    done = CliRunner().invoke(app, ["run", *map(str, arguments)])
    assert all(len(line) < 300 for line in done.output.splitlines())
    return done


def softmax_layer() -> Any:
    """Softmax in a layer of its own, behind one that scales bytes."""
    crops, labels = crops_of(SIDE, 96)
    model = colour_network(layers.Softmax(), SIDE, 3, layers.Rescaling(1 / 255))
    teach(model, crops.astype(np.float32), labels)
    return model


def sequential_in_half_precision() -> Any:
    """A Sequential without an Input, of mixed precision, softmax as an activation."""
    crops, labels = crops_of(SIDE, 96)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = keras.Sequential(
            [
                layers.AveragePooling2D(4),
                layers.GlobalAveragePooling2D(),
                layers.Dense(3, activation="softmax", dtype="float32", name="logits"),
            ]
        )
        model(crops[:1].astype(np.float32) / 255)
    finally:
        keras.config.set_dtype_policy(before)
    in_float = colour_network(layers.Softmax(), SIDE)
    teach(in_float, crops.astype(np.float32) / 255, labels)
    model.get_layer("logits").set_weights(in_float.get_layer("logits").get_weights())
    return model


def one_sigmoid() -> Any:
    crops, labels = crops_of(SIDE, 96)
    model = colour_network(layers.Activation("sigmoid"), SIDE, 1)
    two = labels < 2
    teach(model, crops[two].astype(np.float32) / 255, labels[two], kinds=2)
    return model


@pytest.fixture(scope="module")
def converted(cells: Path) -> Iterator[Path]:
    """Folder of what two networks of three labels and one of two become."""
    folder, out = cells.parent, cells.parent / "out"
    makes = {"soft": softmax_layer, "half": sequential_in_half_precision, "one": one_sigmoid}
    for name, make in makes.items():
        make().save(folder / f"{name}.keras")
    files = [folder / f"{name}.keras" for name in ("soft", "half")]
    options = ("--cells", cells, "--out", out, "--n", 100)
    asked = ("--positive", "c", "--words", "red cell,green cell,blue cell", "--pixel-size", "0.5")
    done = run(*files, *options, "--labels", ",".join(KINDS), *asked)
    assert done.exit_code == 0, done.output
    # of two labels the one not to be missed becomes the second
    asked = ("--out", out, "--labels", "a,b", "--positive", "a", "--n", 100)
    few = write_kinds(folder / "few", people=1)
    assert "needs at least 50 cells" in run(folder / "one.keras", *asked, "--cells", few).stderr
    other = ("--test", write_kinds(folder / "other", first=200, people=2))
    done = run(folder / "one.keras", *asked, "--cells", cells, *other)
    assert done.exit_code == 0, done.output
    assert "of --test are of subjects who are called as some in --cells" in done.stderr
    return out


def model_of(converted: Path, name: str) -> ModelFile:
    return read_model_file(converted / f"{name}.tflite")


@pytest.mark.parametrize("name", ["soft", "half"])
def test_three_labels_are_classified_as_the_network_does(converted: Path, name: str) -> None:
    model = model_of(converted, name)
    twin = read_twin(converted / f"{name}-float.tflite", model)
    exact = FloatNetwork(twin, find_runtime())
    with Classifier(converted / f"{name}.tflite") as classifier:
        results = [classifier.classify(coloured(kind, 150)) for kind in KINDS]
    for number, (kind, result) in enumerate(zip(KINDS, results, strict=True)):
        assert (result.label, result.labels) == (kind, KINDS)
        assert result.probabilities is not None
        assert np.argmax(result.probabilities) == number
        crops = crops_of(SIDE, 1)[0]
        assert exact.logits(crops[number]).argmax() == number
    fidelity = read_report(converted / f"{name}-report.json").fidelity
    assert fidelity.quantization.mean_logit_error < 3 * fidelity.logit_step


def test_the_contract_in_the_model_file_is_what_was_asked_for(converted: Path) -> None:
    contract = model_of(converted, "soft").metadata.contract
    words = ("red cell", "green cell", "blue cell")
    assert contract.labels == make_labels(KINDS, "c", words)
    assert (contract.side, contract.positive, contract.background) == (SIDE, "c", "black")
    assert contract.um_per_pixel == 0.5
    assert contract.diameters is not None
    assert contract.diameters.people == 4  # of eight, the half that set the ranges
    assert "crops scaled to 0..255 inside (its first layers)" in (
        model_of(converted, "soft").metadata.quantization
    )


def test_what_nobody_knows_and_what_was_fitted_here_is_said(converted: Path) -> None:
    metadata = model_of(converted, "soft").metadata
    assert metadata.refer_band is None
    assert metadata.thresholds is not None
    assert len(metadata.thresholds) == 3
    assert "by the conversion itself" in metadata.calibration["fitted_on"]
    assert "no training record lies beside" in metadata.trained_on["dataset"]
    assert metadata.trained_on["background_from"] == "the cells"
    assert "subjects it may have been trained on" in metadata.fidelity["cells_are"]
    assert metadata.accuracy["int8"]["balanced_accuracy"] > 0.9
    page = (converted / "soft-report.md").read_text()
    for words in ("by the conversion itself", "may flatter it", "24 red cell crops", "AUROC"):
        assert words in page
    assert not {"leukemia", "healthy", "hem"} & set(page.split())
    gates = {gate.name: gate.result for gate in read_report(converted / "soft-report.json").gates}
    assert gates.pop("as-recorded") == "skipped"
    assert set(gates.values()) == {"passed"}


def test_a_sigmoid_tells_two_labels_in_the_order_of_the_contract(converted: Path) -> None:
    metadata = model_of(converted, "one").metadata
    assert metadata.contract.names == ("b", "a")
    assert metadata.refer_band is not None
    assert "outputs put in order from a, b" in metadata.quantization
    assert "subjects of the other set" in metadata.fidelity["cells_are"]
    with Classifier(converted / "one.tflite") as classifier:
        assert [classifier.classify(coloured(kind, 150)).label for kind in "ab"] == ["a", "b"]


def test_it_is_shown_compared_and_rendered_again(converted: Path, tmp_path: Path) -> None:
    model = converted / "soft.tflite"
    shown = CliRunner().invoke(app, ["inspect", str(model)])
    assert shown.exit_code == 0, shown.output
    for words in ("logits of a, b and c", "input      32x32 RGB", "c is read blue cell"):
        assert words in shown.stdout
    compared = CliRunner().invoke(app, ["diff", str(model), str(converted / "half.tflite")])
    assert compared.exit_code == 1
    refused = CliRunner().invoke(app, ["diff", str(model), str(converted / "one.tflite")])
    assert "networks of labels 3 and 2" in " ".join(refused.stderr.split())
    report = converted / "soft-report.json"
    again = CliRunner().invoke(app, ["report", str(report), "--out", str(tmp_path)])
    assert again.exit_code == 0, again.output
    assert (tmp_path / report.name).read_bytes() == report.read_bytes()


def test_a_record_of_schema_2_says_all_that_was_asked_for(
    converted: Path, cells: Path, tmp_path: Path
) -> None:
    """The same network with a record beside it, which says who was held out."""
    file = tmp_path / "soft.keras"
    file.write_bytes((cells.parent / "soft.keras").read_bytes())
    scores = {"accuracy": 1.0, "balanced_accuracy": 1.0}
    contract = model_of(converted, "soft").metadata.contract
    record = {
        "schema": 2,
        "contract": asdict(contract),
        "training": {"subjects": [f"P{n}" for n in range(6)]},
        "held_out": {"subjects": ["P6", "P7"], "crops": dict.fromkeys(KINDS, 24)},
        "metrics": scores,
        "dataset": "drawn cells",
        **{key: {} for key in ("data_sha256", "recipe", "versions")},
    }
    file.with_suffix(".json").write_text(json.dumps(record))
    done = run(file, "--cells", cells, "--out", tmp_path / "out", "--n", 100)
    assert done.exit_code == 0, done.output
    metadata = model_of(tmp_path / "out", "soft").metadata
    assert metadata.contract == contract
    assert "held-out subjects" in metadata.calibration["fitted_on"]
    gates = {gate.name: gate for gate in read_report(tmp_path / "out" / "soft-report.json").gates}
    assert gates["as-recorded"].passed
    assert "of 1 of the 2 held-out people" in gates["as-recorded"].says


def test_labels_are_asked_for_in_one_sentence(converted: Path, cells: Path, tmp_path: Path) -> None:
    done = run(cells.parent / "soft.keras", "--cells", cells, "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert "no soft.json lies beside it to say what its 3 outputs stand for" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()
