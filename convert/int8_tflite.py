"""Float twin to full-int8 flatbuffer, on the true ranges of the representative set."""

from __future__ import annotations

import contextlib
import io
import warnings
from typing import Any

import numpy as np

from convert.float_tflite import FloatNetwork
from edge.preprocess import UInt8Image

SCHEME = (
    "static int8: activations per tensor, asymmetric, on the minimum and maximum seen over the"
    " representative set; weights per channel, symmetric; biases int32"
)
"""The quantization in words, for the metadata."""

Ranges = dict[str, tuple[float, float]]
"""Tensor name -> smallest and largest value."""


def observe_ranges(flatbuffer: bytes, representative: UInt8Image) -> Ranges:
    """Run the float twin over the representative set and note every tensor's true range.

    The input's range is 0..1 whatever the set holds, so that its int8 scale is exactly 1/255.

    Parameters
    ----------
    flatbuffer : bytes
    representative : ndarray of uint8, shape (n, 70, 70, 3)

    Returns
    -------
    Ranges
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that keeping tensors takes memory is no news here
        network = FloatNetwork(flatbuffer, keep_tensors=True)
    interpreter = network.interpreter
    input_index = interpreter.get_input_details()[0]["index"]
    constants = _constants(interpreter)
    tensors = {
        detail["index"]: detail["name"]
        for detail in interpreter.get_tensor_details()
        if detail["dtype"] is np.float32 and detail["index"] not in constants
    }
    low = dict.fromkeys(tensors, np.inf)
    high = dict.fromkeys(tensors, -np.inf)
    for crop in representative:
        network.logits(crop)
        for index in tensors:
            values = interpreter.get_tensor(index)
            low[index] = min(low[index], float(values.min()))
            high[index] = max(high[index], float(values.max()))
    low[input_index], high[input_index] = 0.0, 1.0
    return {name: (low[index], high[index]) for index, name in tensors.items()}


def to_int8_tflite(flatbuffer: bytes, ranges: Ranges) -> bytes:
    """Quantize the float twin to int8 throughout: inputs, outputs and all between.

    Parameters
    ----------
    flatbuffer : bytes
        The float twin.
    ranges : Ranges
        As :func:`observe_ranges` gives them.

    Returns
    -------
    bytes
    """
    from ai_edge_quantizer import qtyping, quantizer

    work = quantizer.Quantizer(bytearray(flatbuffer))
    work.add_static_config(
        regex=".*",
        operation_name=qtyping.TFLOperationName.ALL_SUPPORTED,
        activation_num_bits=8,
        weight_num_bits=8,
    )
    statistics = _statistics(flatbuffer, ranges)
    with contextlib.redirect_stdout(io.StringIO()):  # its size report
        result = work.quantize(statistics, enable_progress_report=False)
    return bytes(result.quantized_model)


def _statistics(flatbuffer: bytes, ranges: Ranges) -> dict[str, dict[str, Any]]:
    """Ranges in the form the quantizer takes: arrays of as many dimensions as the tensor."""
    interpreter = FloatNetwork(flatbuffer).interpreter
    dimensions = {
        detail["name"]: len(detail["shape"]) for detail in interpreter.get_tensor_details()
    }
    return {
        name: {
            "min": np.full((1,) * dimensions[name], low, np.float32),
            "max": np.full((1,) * dimensions[name], high, np.float32),
        }
        for name, (low, high) in ranges.items()
    }


def _constants(interpreter: Any) -> set[int]:
    """Indices of weights and biases: tensors no operator writes, but for the input."""
    operators = interpreter._get_ops_details()  # the only list of operators there is
    written = {int(index) for operator in operators for index in operator["outputs"]}
    inputs = {detail["index"] for detail in interpreter.get_input_details()}
    everything = {detail["index"] for detail in interpreter.get_tensor_details()}
    return everything - written - inputs
