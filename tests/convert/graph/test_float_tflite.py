"""The three networks as flatbuffers: batch norm folded, any batch size, on both runtimes.

Converting all three takes most of the time here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from environments import no_tflite_runtime
from tflite_helpers import RELEASED, drawn, in_old_runtime, untrained

from convert.graph.flatbuffer import activation_tensors, minimum_runtime, operators, with_any_batch
from convert.graph.float_tflite import OUTPUT_TENSOR, to_float_tflite
from convert.graph.profiles import too_new
from convert.network.logits_model import keras_logits
from convert.quantize.int8_tflite import to_int8_tflite
from convert.quantize.ranges import observe_ranges
from convert.verify.golden import MOST_TOLERANCE
from edge.engine.network import FloatNetwork, Int8Network
from edge.engine.runtime import find_runtime
from edge.errors import ConversionFailed

# Convolutions with bias and fused ReLU, and nothing that scales or shifts beside them: the
# one ADD that is left joins the branches of ResNet's 16 blocks.
OPERATORS = {
    "cnn": {"CONV_2D": 10, "FULLY_CONNECTED": 2, "MAX_POOL_2D": 5, "RESHAPE": 1},
    "vgg16": {"CONV_2D": 13, "FULLY_CONNECTED": 3, "MAX_POOL_2D": 5, "RESHAPE": 1},
    "resnet50": {
        "CONV_2D": 53,
        "FULLY_CONNECTED": 1,
        "MAX_POOL_2D": 1,
        "AVERAGE_POOL_2D": 1,
        "PAD": 1,
        "ADD": 16,
    },
}
BATCH = 3

# kept to what every Python and both runtimes can do: it also runs where `convert` does not
RUN = """
import json, sys, numpy as np
from edge.engine.runtime import find_runtime
crops = np.load(sys.argv[1])
found = {}
for path in sys.argv[2:]:
    logits = {}
    for batch in (1, len(crops)):
        interpreter = find_runtime().interpreter(model_path=path)
        crop = interpreter.get_input_details()[0]
        interpreter.resize_tensor_input(crop["index"], (batch, 70, 70, 3))
        interpreter.allocate_tensors()
        out = interpreter.get_output_details()[0]["index"]
        floats = crop["dtype"] is np.float32
        x = crops.astype(np.float32) / 255 if floats else (crops ^ 0x80).view(np.int8)
        logits[batch] = []
        for start in range(0, len(x), batch):
            interpreter.set_tensor(crop["index"], x[start:start + batch])
            interpreter.invoke()
            logits[batch] += interpreter.get_tensor(out).tolist()
    found[path.rpartition("/")[2]] = list(logits.values())
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the twin and the int8 flatbuffer of the three networks, and some crops."""
    folder = tmp_path_factory.mktemp("networks")
    crops = drawn(BATCH)
    np.save(folder / "crops.npy", crops)
    for name in OPERATORS:
        model = untrained(name)
        twin = to_float_tflite(model)
        (folder / f"{name}-float.tflite").write_bytes(twin)
        (folder / f"{name}-int8.tflite").write_bytes(
            to_int8_tflite(twin, observe_ranges(twin, crops))
        )
        np.save(folder / f"{name}.npy", keras_logits(model, crops))
    return folder


def kinds(path: Path) -> dict[str, int]:
    return {operator.name: operator.count for operator in operators(path.read_bytes())}


@pytest.mark.parametrize("name", OPERATORS)
def test_batch_norm_is_folded_and_resizing_costs_no_operator(files: Path, name: str) -> None:
    assert kinds(files / f"{name}-float.tflite") == OPERATORS[name]
    assert kinds(files / f"{name}-int8.tflite") == OPERATORS[name]


@pytest.mark.parametrize("name", OPERATORS)
def test_the_logits_are_called_as_saved_ranges_call_them(files: Path, name: str) -> None:
    saved = json.loads((RELEASED / "cnn-ranges.json").read_text())["ranges"]
    found = activation_tensors((files / f"{name}-float.tflite").read_bytes())
    assert {"serving_default_crop:0", OUTPUT_TENSOR} <= set(saved) & set(found.values())


@pytest.mark.parametrize("name", OPERATORS)
def test_the_twin_equals_keras(files: Path, name: str) -> None:
    network = FloatNetwork((files / f"{name}-float.tflite").read_bytes(), find_runtime())
    logits = np.stack([network.logits(crop) for crop in np.load(files / "crops.npy")])
    expected = np.load(files / f"{name}.npy")
    assert np.abs(logits - expected).max() < 1e-4 * max(1, np.abs(expected).max())


def check_batches(found: dict[str, Any]) -> None:
    """A batch gives the bits that its crops give one by one."""
    assert len(found) == 2 * len(OPERATORS)
    for one_by_one, at_once in found.values():
        assert len(one_by_one) == BATCH
        assert one_by_one == at_once


def tflite_files(files: Path) -> list[str]:
    return sorted(str(path) for path in files.glob("*.tflite"))


def test_a_batch_gives_the_bits_of_its_crops(
    files: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["run", str(files / "crops.npy"), *tflite_files(files)])
    exec(RUN, {})
    check_batches(json.loads(capsys.readouterr().out))


@no_tflite_runtime
def test_tflite_runtime_runs_all_three_and_their_batches(files: Path, old_python: Path) -> None:
    found = in_old_runtime(old_python, RUN, files / "crops.npy", *tflite_files(files))
    check_batches(found)
    for name in OPERATORS:
        network = Int8Network((files / f"{name}-int8.tflite").read_bytes(), find_runtime())
        here = np.stack([network.raw_logits(crop) for crop in np.load(files / "crops.npy")])
        there = np.array(found[f"{name}-int8.tflite"][0])
        assert np.abs(here - there).max() <= MOST_TOLERANCE


@pytest.mark.parametrize("name", OPERATORS)
def test_all_three_fit_tflite_runtime_2_14(files: Path, name: str) -> None:
    flatbuffer = (files / f"{name}-int8.tflite").read_bytes()
    assert too_new(operators(flatbuffer), "tflite-2.14") == ()
    assert minimum_runtime(flatbuffer) == "1.14.0"


def test_a_reshape_that_mixes_crops_is_refused(files: Path) -> None:
    twin = (files / "cnn-float.tflite").read_bytes()
    shape, mixed = (np.array(s, np.int32).tobytes() for s in ((-1, 32), (2, 16)))
    assert twin.count(shape) == 1
    assert with_any_batch(twin) == twin
    with pytest.raises(ConversionFailed, match=r"RESHAPE to \[2, 16\] mixes the crops"):
        with_any_batch(twin.replace(shape, mixed))
