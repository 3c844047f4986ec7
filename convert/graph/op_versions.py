"""Operator versions and minimum runtime of a quantized flatbuffer, as TFLite counts them.

ai-edge-quantizer leaves the versions of the float network and its "1.5.0": a runtime
that lacks an int8 kernel would load the network and fail only when it runs it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from convert.graph.flatbuffer import names, operator_name

# GetBuiltinOperatorVersion in tensorflow/lite/tools/versioning/op_version.cc, for inputs
# and weights of int8
_INT8_VERSIONS = {
    "ADD": 2,
    "AVERAGE_POOL_2D": 2,
    "CONCATENATION": 2,
    "CONV_2D": 3,
    "DEPTHWISE_CONV_2D": 3,
    "DEQUANTIZE": 2,
    "FULLY_CONNECTED": 4,
    "MAX_POOL_2D": 2,
    "MEAN": 2,
    "MUL": 3,
    "PAD": 2,
    "RELU": 2,
    "SUB": 2,
}
# tensorflow/lite/tools/versioning/runtime_version.cc: every version above was there in 1.14
# but that of MUL
_INT8_SINCE, _MUL_SINCE = "1.14.0", "1.15.0"
# No version number tells a dense layer with weights per channel from one per tensor, and a
# runtime without that kernel takes the first channel's scale for all. Of the wheels of
# tflite-runtime, 2.9.1 does not have it and 2.10.0 does.
_DENSE_PER_CHANNEL_SINCE = "2.10.0"

_MINIMUM_RUNTIME = b"min_runtime_version"
_MINIMUM_RUNTIME_SIZE = 16  # bytes, padded with zeros, as TensorFlow's converter writes it


def with_int8_versions(flatbuffer: bytes) -> bytes:
    """Write the versions that int8 operators have, and the minimum runtime, into a flatbuffer.

    An operator code keeps a higher version that it already has.
    """
    from ai_edge_litert.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model_from_bytearray(bytearray(flatbuffer))
    kinds = names("TensorType")
    since = [_stated(model)]
    for operator in model.subgraphs[0].operators:
        tensors = model.subgraphs[0].tensors
        if kinds[tensors[operator.inputs[0]].type] != "INT8":
            continue
        code = model.operatorCodes[operator.opcodeIndex]
        name = operator_name(code.builtinCode, code.deprecatedBuiltinCode)
        code.version = max(code.version, _INT8_VERSIONS.get(name, 1))
        since.append(_MUL_SINCE if name == "MUL" else _INT8_SINCE)
        if name == "FULLY_CONNECTED" and len(tensors[operator.inputs[1]].quantization.scale) > 1:
            since.append(_DENSE_PER_CHANNEL_SINCE)
    _state(model, max(since, key=_as_numbers))
    for buffer in model.buffers:
        if buffer.data is not None:  # anything but an array is packed byte by byte: 14 s for VGG-16
            buffer.data = np.frombuffer(bytes(buffer.data), np.uint8)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def _as_numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _buffers(model: Any) -> list[Any]:
    return [
        model.buffers[entry.buffer] for entry in model.metadata if entry.name == _MINIMUM_RUNTIME
    ]


def _stated(model: Any) -> str:
    return "".join(bytes(b.data).rstrip(b"\0").decode() for b in _buffers(model)) or _INT8_SINCE


def _state(model: Any, version: str) -> None:
    for buffer in _buffers(model):
        buffer.data = list(version.encode().ljust(_MINIMUM_RUNTIME_SIZE, b"\0"))
