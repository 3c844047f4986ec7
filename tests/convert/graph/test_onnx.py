"""ONNX export of the released network: stated opset, free batch, the same logits."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tflite_helpers import RELEASED, drawn

from convert.graph.onnx_export import OPSET, check_onnx, to_onnx
from convert.network.logits_model import keras_logits, load_logits_model
from edge.errors import ConversionFailed

onnx = pytest.importorskip("onnx", reason="needs the onnx extra")
onnxruntime = pytest.importorskip("onnxruntime", reason="needs the onnx extra")
pytest.importorskip("tf2onnx", reason="needs the onnx extra")


@pytest.fixture(scope="module")
def model() -> Any:
    return load_logits_model(RELEASED / "cnn.keras").model


@pytest.fixture(scope="module")
def exported(model: Any) -> bytes:
    return to_onnx(model)


def test_the_file_says_what_goes_in_and_out_and_which_opset(exported: bytes) -> None:
    content = onnx.load_from_string(exported)
    onnx.checker.check_model(content, full_check=True)
    assert {entry.version for entry in content.opset_import if entry.domain == ""} == {OPSET}
    interface = {
        value.name: [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in (*content.graph.input, *content.graph.output)
    }
    assert interface == {"crop": ["batch", 70, 70, 3], "logits": ["batch", 2]}


def test_onnxruntime_folds_batch_norm_when_it_loads_the_file(
    exported: bytes, tmp_path: Path
) -> None:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    onnxruntime.InferenceSession(exported, options, providers=["CPUExecutionProvider"])
    nodes = onnx.load(tmp_path / "optimized.onnx").graph.node
    kinds = Counter(node.op_type for node in nodes)
    assert kinds["Conv"] + kinds["FusedConv"] == 10
    assert not kinds.keys() & {"BatchNormalization", "Mul", "Softmax"}


@pytest.mark.parametrize("n", [1, 9])
def test_it_gives_the_logits_of_keras(model: Any, exported: bytes, n: int) -> None:
    crops = drawn(n)
    logits = keras_logits(model, crops)
    assert check_onnx(exported, crops, logits) < 1e-4
    off = logits.copy()
    off[-1, 0] += 0.5
    assert check_onnx(exported, crops, off) == pytest.approx(0.5, abs=1e-4)


def test_exporting_again_gives_the_same_bytes(model: Any, exported: bytes) -> None:
    assert to_onnx(model) == exported


def test_what_onnxruntime_cannot_run_is_refused() -> None:
    with pytest.raises(ConversionFailed, match="onnxruntime cannot run the ONNX model"):
        check_onnx(b"no model", drawn(1), np.zeros((1, 2)))


def test_onnxruntime_leaves_no_identifier_of_this_machine(tmp_path: Path) -> None:
    code = (
        "import numpy as np; from convert.graph.onnx_export import check_onnx\n"
        "try: check_onnx(b'no model', np.zeros((1, 70, 70, 3), np.uint8), np.zeros((1, 2)))\n"
        "except RuntimeError: pass"
    )
    env = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"}
    env |= {"XDG_CACHE_HOME": str(tmp_path), "HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], env=env, check=True)
    assert list(tmp_path.iterdir()) == []
