"""Float twins without training or Keras: an int8 network with the numbers that it stands for."""

from __future__ import annotations

import dataclasses
import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from convert.quantize.int8_tflite import to_int8_tflite
from convert.quantize.ranges import observe_ranges
from edge.crops.preprocess import UInt8Image
from edge.engine.network import Int8Network
from edge.engine.runtime import find_runtime
from edge.models.model_file import (
    SHIPPED_MODEL,
    GoldenVectors,
    read_model_file,
    write_model_file,
)

FLOAT32, INT8, INT32 = schema.TensorType.FLOAT32, schema.TensorType.INT8, schema.TensorType.INT32


def unpacked(flatbuffer: bytes) -> Any:
    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(flatbuffer, 0))


def packed(model: Any) -> bytes:
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


@cache
def shipped_twin() -> bytes:
    """The network that ships, in float: it differs from int8 by rounding alone."""
    model = unpacked(read_model_file(SHIPPED_MODEL).flatbuffer)
    for tensor in model.subgraphs[0].tensors:
        given = tensor.quantization
        if given is None or given.scale is None or len(given.scale) == 0:
            continue
        data = model.buffers[tensor.buffer].data
        if data is not None and len(data):
            kind = np.int8 if tensor.type == INT8 else np.int32
            values = np.frombuffer(bytes(data), kind).reshape(tensor.shape)
            shape = [1] * values.ndim
            shape[int(given.quantizedDimension)] = -1
            floats = (values * np.asarray(given.scale).reshape(shape)).astype(np.float32)
            model.buffers[tensor.buffer].data = np.frombuffer(floats.tobytes(), np.uint8)
        tensor.type, tensor.quantization = FLOAT32, None
    return packed(model)


def weights_of(model: Any, layer: int) -> Any:
    """Tensor of the weights of one of the convolutions, by its number."""
    graph = model.subgraphs[0]
    convolutions = [
        operator
        for operator in graph.operators
        if model.operatorCodes[operator.opcodeIndex].builtinCode == schema.BuiltinOperator.CONV_2D
    ]
    return graph.tensors[int(convolutions[layer].inputs[1])]


def with_scale_edited(layer: int, factor: float) -> bytes:
    """The int8 network that ships with the weights of a convolution on another scale."""
    model = unpacked(read_model_file(SHIPPED_MODEL).flatbuffer)
    given = weights_of(model, layer).quantization
    given.scale = [factor * scale for scale in given.scale]
    return packed(model)


def with_other_weights(seed: int = 0) -> bytes:
    """The int8 network that ships with the weights of all convolutions drawn by lot."""
    model = unpacked(read_model_file(SHIPPED_MODEL).flatbuffer)
    random = np.random.default_rng(seed)
    for layer in range(10):
        buffer = model.buffers[weights_of(model, layer).buffer]
        buffer.data = random.permutation(np.asarray(buffer.data))
    return packed(model)


def with_ranges_of(crops: UInt8Image) -> bytes:
    """The network that ships, made int8 again with the ranges of these cells alone."""
    return to_int8_tflite(shipped_twin(), observe_ranges(shipped_twin(), crops))


def write_model_with_twin(
    path: Path, flatbuffer: bytes | None = None, packed_in: bool = True
) -> Path:
    """Write a model file of the network that ships, or of another int8 one, with its float twin.

    Its golden vectors are those of its own flatbuffer, as if somebody had converted it so.
    """
    shipped, twin = read_model_file(SHIPPED_MODEL), shipped_twin()
    given = flatbuffer or shipped.flatbuffer
    logits = Int8Network(given, find_runtime()).raw_logits_of(shipped.golden.inputs)
    metadata = dataclasses.replace(
        shipped.metadata,
        flatbuffer_sha256=hashlib.sha256(given).hexdigest(),
        twin_sha256=hashlib.sha256(twin).hexdigest(),
    )
    golden = GoldenVectors(shipped.golden.inputs, logits)
    inside = twin if packed_in else None
    write_model_file(path, given, metadata, golden, shipped.reference, inside)
    return path
