"""Networks as flatbuffers: batch norm folded, any batch size, on both runtimes.

Converting the paper's takes most of the time here; the two large ones are slow.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from environments import no_tflite_runtime
from small_networks import residual_block
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
# one ADD that is left joins the branches of a block; ResNet has 16.
OPERATORS = {
    "block": {
        "CONV_2D": 3,
        "FULLY_CONNECTED": 1,
        "AVERAGE_POOL_2D": 1,
        "ADD": 1,
        "RESHAPE": 1,
    },
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


SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("vgg16", "resnet50")]


@dataclass(frozen=True)
class Exported:
    """A network as both flatbuffers, with crops and what Keras says of them."""

    name: str
    twin: Path
    int8: Path
    crops: Path
    logits: Any


@pytest.fixture(scope="module", params=["cnn", "block", *SLOW])
def network(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Each of the three networks, and a block like ResNet's."""
    name, folder = request.param, tmp_path_factory.mktemp("network")
    crops, model = drawn(BATCH), residual_block() if request.param == "block" else untrained(name)
    found = Exported(
        name=name,
        twin=folder / "float.tflite",
        int8=folder / "int8.tflite",
        crops=folder / "crops.npy",
        logits=keras_logits(model, crops),
    )
    np.save(found.crops, crops)
    twin = to_float_tflite(model)
    found.twin.write_bytes(twin)
    found.int8.write_bytes(to_int8_tflite(twin, observe_ranges(twin, crops)))
    return found


def kinds(path: Path) -> dict[str, int]:
    return {operator.name: operator.count for operator in operators(path.read_bytes())}


def test_batch_norm_is_folded_and_resizing_costs_no_operator(network: Exported) -> None:
    assert kinds(network.twin) == OPERATORS[network.name]
    assert kinds(network.int8) == OPERATORS[network.name]


def test_the_logits_are_called_as_saved_ranges_call_them(network: Exported) -> None:
    saved = json.loads((RELEASED / "cnn-ranges.json").read_text())["ranges"]
    found = activation_tensors(network.twin.read_bytes())
    assert {"serving_default_crop:0", OUTPUT_TENSOR} <= set(saved) & set(found.values())


def test_the_twin_equals_keras(network: Exported) -> None:
    twin = FloatNetwork(network.twin.read_bytes(), find_runtime())
    logits = np.stack([twin.logits(crop) for crop in np.load(network.crops)])
    error = np.abs(logits - network.logits).max()
    assert error < 1e-4 * max(1, np.abs(network.logits).max())


def check_batches(found: dict[str, Any]) -> None:
    """A batch gives the bits that its crops give one by one."""
    assert set(found) == {"float.tflite", "int8.tflite"}
    for one_by_one, at_once in found.values():
        assert len(one_by_one) == BATCH
        assert one_by_one == at_once


def test_a_batch_gives_the_bits_of_its_crops(
    network: Exported, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = [str(path) for path in (network.crops, network.twin, network.int8)]
    monkeypatch.setattr("sys.argv", ["run", *arguments])
    exec(RUN, {})
    check_batches(json.loads(capsys.readouterr().out))


@no_tflite_runtime
def test_tflite_runtime_runs_it_and_its_batches(network: Exported, old_python: Path) -> None:
    found = in_old_runtime(old_python, RUN, network.crops, network.twin, network.int8)
    check_batches(found)
    int8 = Int8Network(network.int8.read_bytes(), find_runtime())
    here = np.stack([int8.raw_logits(crop) for crop in np.load(network.crops)])
    there = np.array(found["int8.tflite"][0])
    assert np.abs(here - there).max() <= MOST_TOLERANCE


def test_it_fits_tflite_runtime_2_14(network: Exported) -> None:
    flatbuffer = network.int8.read_bytes()
    assert too_new(operators(flatbuffer), "tflite-2.14") == ()
    assert minimum_runtime(flatbuffer) == "1.14.0"


@pytest.mark.parametrize("network", ["cnn"], indirect=True)
def test_a_reshape_that_mixes_crops_is_refused(network: Exported) -> None:
    twin = network.twin.read_bytes()
    shape, mixed = (np.array(s, np.int32).tobytes() for s in ((-1, 32), (2, 16)))
    assert twin.count(shape) == 1
    assert with_any_batch(twin) == twin
    with pytest.raises(ConversionFailed, match=r"RESHAPE to \[2, 16\] mixes the crops"):
        with_any_batch(twin.replace(shape, mixed))
