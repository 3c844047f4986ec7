"""Our int8 against that of TensorFlow's own converter, on the released network."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from tflite_helpers import RELEASED, drawn

from convert.graph.flatbuffer import minimum_runtime, operators
from convert.graph.float_tflite import to_float_tflite
from convert.inspect.inspection import read_tensors
from convert.network.logits_model import load_logits_model
from convert.quantize.int8_tflite import to_int8_tflite
from convert.quantize.ranges import observe_ranges
from edge.crops.preprocess import UInt8Image
from edge.engine.network import FloatNetwork, Int8Network
from edge.engine.runtime import find_runtime
from edge.errors import ModelFileRefused

REPRESENTATIVE, OTHERS = 30, 40  # drawn cells, those the first ranges come from and the next


@pytest.fixture(scope="module")
def model() -> Any:
    return load_logits_model(RELEASED / "cnn.keras").model


@pytest.fixture(scope="module")
def twin(model: Any) -> bytes:
    return to_float_tflite(model)


@pytest.fixture(scope="module")
def ours(twin: bytes) -> bytes:
    return to_int8_tflite(twin, observe_ranges(twin, drawn(REPRESENTATIVE)))


@pytest.fixture(scope="module")
def theirs(model: Any) -> bytes:
    import tensorflow as tf

    def representative() -> Iterator[list[np.ndarray]]:
        for crop in drawn(REPRESENTATIVE):
            yield [crop[None].astype(np.float32) / 255]

    with tempfile.TemporaryDirectory() as folder:
        model.export(folder, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = representative
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
        return bytes(converter.convert())


def others() -> UInt8Image:
    return drawn(OTHERS, first=REPRESENTATIVE)


def logits(flatbuffer: bytes) -> np.ndarray:
    """Logits of the other drawn cells, the input quantized as the flatbuffer says."""
    interpreter = find_runtime().interpreter(model_content=flatbuffer)
    interpreter.allocate_tensors()
    crop, out = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    (scale, zero), (logit_step, logit_zero) = crop["quantization"], out["quantization"]
    found = []
    for x in others().astype(np.float32) / 255:
        fed = np.clip(np.round(x / scale) + zero, -128, 127).astype(np.int8)
        interpreter.set_tensor(crop["index"], fed[None])
        interpreter.invoke()
        raw = interpreter.get_tensor(out["index"])[0].astype(np.float64)
        found.append((raw - logit_zero) * logit_step)
    return np.stack(found)


def test_ours_is_about_as_close_to_float_though_its_input_spans_all_levels(
    twin: bytes, ours: bytes, theirs: bytes
) -> None:
    network = FloatNetwork(twin, find_runtime())
    expected = np.stack([network.logits(crop) for crop in others()])
    errors = [np.abs(logits(flatbuffer) - expected).mean() for flatbuffer in (ours, theirs)]
    # TensorFlow spends its input steps on the levels of these drawn cells alone
    assert errors[0] <= 1.2 * errors[1]


def test_only_ours_has_the_exact_input_whatever_it_was_calibrated_on(
    ours: bytes, theirs: bytes
) -> None:
    Int8Network(ours, find_runtime())
    with pytest.raises(ModelFileRefused, match="scale 1/255"):
        Int8Network(theirs, find_runtime())


def test_it_states_the_versions_that_tensorflow_states(ours: bytes, theirs: bytes) -> None:
    stated = {operator.name: operator.version for operator in operators(theirs)}
    assert {operator.name: operator.version for operator in operators(ours)} == {
        name: version
        for name, version in stated.items()
        # of the batch size, which theirs computes and ours does not
        if name not in ("SHAPE", "STRIDED_SLICE", "PACK")
    }
    assert minimum_runtime(ours) == minimum_runtime(theirs) == "1.14.0"


def test_convolutions_have_a_scale_per_channel_and_dense_layers_one(ours: bytes) -> None:
    weights = [t for t in read_tensors(ours) if t.dtype == "INT8" and t.constant.size]
    assert {len(t.shape) for t in weights} == {2, 4}
    for tensor in weights:
        assert len(tensor.scale) == (1 if len(tensor.shape) == 2 else tensor.shape[0])
        assert set(tensor.zero_point) == {0}


def test_quantizing_again_gives_the_same_bytes(twin: bytes, ours: bytes) -> None:
    assert to_int8_tflite(twin, observe_ranges(twin, drawn(REPRESENTATIVE))) == ours
