"""Float twin to full-int8 flatbuffer, on the true ranges of the representative set."""

from __future__ import annotations

import contextlib
import io
import warnings
from typing import Any

import numpy as np

from convert.float_tflite import FloatNetwork
from convert.ranges import Ranges
from edge.errors import ConversionFailed

SCHEME = (
    "static int8: activations per tensor, asymmetric, on the minimum and maximum seen over the"
    " representative set; weights per channel, symmetric; biases int32"
)
"""The quantization in words, for the metadata."""


def to_int8_tflite(flatbuffer: bytes, ranges: Ranges) -> bytes:
    """Quantize the float twin to int8 throughout: inputs, outputs and all between.

    Parameters
    ----------
    flatbuffer : bytes
        The float twin.
    ranges : Ranges
        As :func:`convert.ranges.observe_ranges` gives them.

    Returns
    -------
    bytes

    Raises
    ------
    ConversionFailed
        If the ranges are those of another network.
    """
    from ai_edge_quantizer import qtyping, quantizer

    statistics = _statistics(flatbuffer, ranges)
    work = quantizer.Quantizer(bytearray(flatbuffer))
    work.add_static_config(
        regex=".*",
        operation_name=qtyping.TFLOperationName.ALL_SUPPORTED,
        activation_num_bits=8,
        weight_num_bits=8,
    )
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):  # a bar of its own
        warnings.simplefilter("ignore")  # its own use of the interpreter's debug mode
        result = work.quantize(statistics, enable_progress_report=False)
    return bytes(result.quantized_model)


def _statistics(flatbuffer: bytes, ranges: Ranges) -> dict[str, dict[str, Any]]:
    """Ranges in the form the quantizer takes: arrays of as many dimensions as the tensor."""
    interpreter = FloatNetwork(flatbuffer).interpreter
    dimensions = {
        detail["name"]: len(detail["shape"]) for detail in interpreter.get_tensor_details()
    }
    unknown = sorted(ranges.keys() - dimensions.keys())
    if unknown:
        raise ConversionFailed(
            f"the ranges name {unknown[0]}, which the network does not have: they were observed on"
            " another model or TensorFlow version; give representative cells instead"
        )
    return {
        name: {
            "min": np.full((1,) * dimensions[name], low, np.float32),
            "max": np.full((1,) * dimensions[name], high, np.float32),
        }
        for name, (low, high) in ranges.items()
    }
