"""Networks that are wrong, or only different, through the whole conversion on labelled cells."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from typer.testing import CliRunner

from calibration.cells.crop_set import CropSet, load_crops
from calibration.cells.labelled_crops import find_labelled_crops
from convert.cli.main import app
from convert.report.schema import read_report
from edge.engine.network import Int8Network
from edge.engine.runtime import find_runtime
from edge.models.cnmc import SIDE
from edge.models.model_file import read_model_file
from edge.statistics.metrics import measure

keras = pytest.importorskip("keras")
layers = keras.layers
RELEASED = Path(__file__).parents[2] / "train" / "released"
HELD_OUT = ["H2", "8"]


@pytest.fixture(scope="module")
def held_out(labelled: Path) -> CropSet:
    found = find_labelled_crops(labelled)
    held_out = found.keep(crop for crop in found.crops if crop.subject in HELD_OUT)
    return load_crops(held_out, SIDE)


def redness(crops: Any) -> Any:
    """Mean of red less that of blue, 0..1: the leukemic cells of the tests are redder."""
    colours = np.asarray(crops, np.float64).mean(axis=(1, 2)) / 255
    return colours[:, 0] - colours[:, 2]


def of_redness(begin: Callable[[Any], Any], at: float, order: int = 1, steep: float = 40) -> Any:
    """A network that decides by redness, once its crops are in 0..1."""
    crop = keras.Input((70, 70, 3))
    x = layers.GlobalAveragePooling2D()(layers.AveragePooling2D(7)(begin(crop)))
    head = layers.Dense(2, activation="softmax")
    model = keras.Model(crop, head(x), name="small")
    kernel = np.array([[-0.5, 0.5], [0, 0], [0.5, -0.5]]) * steep
    bias = np.array([0.5, -0.5]) * steep * at
    head.set_weights([kernel[:, ::order], bias[::order]])
    return model


def put(folder: Path, name: str, model: Any, metrics: dict[str, Any], **changes: Any) -> Path:
    """A Keras file, and beside it a record of these metrics and a calibration."""
    file = folder / f"{name}.keras"
    model.save(file)
    record = json.loads((RELEASED / "cnn.json").read_text())
    held = {"subjects": HELD_OUT, "crops": {"hem": 36, "all": 36}}
    record |= {"metrics": metrics, "held_out": held} | changes
    file.with_suffix(".json").write_text(json.dumps(record))
    shutil.copy(RELEASED / "cnn-calibration.json", folder / f"{name}-calibration.json")
    return file


@pytest.fixture(scope="module")
def converted(labelled: Path, held_out: CropSet, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Folder of the conversions of two networks that want bytes: one says so, one does not."""
    folder = tmp_path_factory.mktemp("wrong")
    red = redness(held_out.crops)
    at = float(np.median(red))
    right = asdict(measure(40 * (red - at), held_out.labels, held_out.subjects))
    assert right["balanced_accuracy"] > 0.8
    scaled = layers.Rescaling(1 / 255)
    files = [
        put(folder, "bytes", of_redness(scaled, at, order=-1), right, labels=["all", "hem"]),
        put(folder, "silent", of_redness(lambda x: x, 255 * at, steep=40 / 255), right),
    ]
    arguments = [*map(str, files), "--cells", str(labelled), "--out", str(folder / "out")]
    done = CliRunner().invoke(app, ["run", *arguments, "--n", "100", "--f1-loss", "0.05"])
    assert done.exit_code == 3, done.output
    assert all(len(line) < 300 for line in done.output.splitlines())
    return folder / "out", done


def results(out: Path, name: str) -> dict[str, str]:
    return {gate.name: gate.result for gate in read_report(out / f"{name}-report.json").gates}


def test_its_own_rescaling_and_order_of_outputs_are_exported_with_the_network(
    converted: Any, held_out: CropSet
) -> None:
    out, _ = converted
    assert set(results(out, "bytes").values()) == {"passed"}
    model = read_model_file(out / "bytes.tflite")
    device = Int8Network(model.flatbuffer, find_runtime())
    margins = np.array([np.subtract(*device.logits(crop)[::-1]) for crop in held_out.crops])
    red = redness(held_out.crops)
    np.testing.assert_allclose(margins, 40 * (red - np.median(red)), atol=1.0)
    assert "crops scaled to 0..255 inside (its first layers)" in model.metadata.quantization
    assert "outputs put in order from all, hem" in model.metadata.quantization


def test_a_wrong_network_fails_its_gates_in_every_report_and_leaves_no_model_file(
    converted: Any,
) -> None:
    name, gates = "silent", {"as-recorded", "input-range"}
    words = "give --input-range 0,255 if it was trained so"
    out, done = converted
    found = results(out, name)
    assert {gate for gate in gates if found[gate] == "failed"} == gates
    assert not (out / f"{name}.tflite").exists()
    assert words in done.stderr
    junit = ElementTree.parse(out / f"{name}-report.junit.xml")
    failures = [
        case.get("name")
        for case in junit.iter("testcase")
        if len(case) and case[0].tag == "failure"
    ]
    assert set(failures) >= gates
    page, text = ((out / f"{name}-report.{ending}").read_text() for ending in ("html", "md"))
    assert words in text
    assert words in page
    assert "record to Keras" in text
