"""Read a TFLite flatbuffer's tables, take it apart and change it, and free its batch size."""

from __future__ import annotations

import copy
from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.errors import ConversionFailed
from edge.models.metadata import Operator


def operators(flatbuffer: bytes) -> tuple[Operator, ...]:
    """Kinds of operators in the network, by name, with version and count."""
    model = root(flatbuffer)
    graph = model.Subgraphs(0)
    used = Counter(graph.Operators(i).OpcodeIndex() for i in range(graph.OperatorsLength()))
    codes = {i: model.OperatorCodes(i) for i in used}
    found = [
        Operator(
            operator_name(codes[i].BuiltinCode(), codes[i].DeprecatedBuiltinCode()),
            codes[i].Version(),
            count,
        )
        for i, count in used.items()
    ]
    return tuple(sorted(found, key=lambda operator: (operator.name, operator.version)))


def operator_name(code: int, deprecated_code: int) -> str:
    """Name of a builtin operator by the two fields that may hold its code.

    Codes below 127 stand in an older, narrower field, where the newer one may be 0.
    """
    return names("BuiltinOperator")[max(code, deprecated_code)]


def minimum_runtime(flatbuffer: bytes) -> str:
    """Oldest TFLite runtime for the network, as its converter states it, or ``unknown``."""
    model = root(flatbuffer)
    for i in range(model.MetadataLength()):
        entry = model.Metadata(i)
        if entry.Name() == b"min_runtime_version":
            text = bytes(model.Buffers(entry.Buffer()).DataAsNumpy())
            return text.rstrip(b"\0").decode()
    return "unknown"


def activation_tensors(flatbuffer: bytes) -> dict[int, str]:
    """Float tensors that depend on the input: index -> name."""
    model = root(flatbuffer)
    graph = model.Subgraphs(0)
    kinds = names("TensorType")
    tensors = {i: graph.Tensors(i) for i in range(graph.TensorsLength())}
    return {
        i: tensor.Name().decode()
        for i, tensor in tensors.items()
        if kinds[tensor.Type()] == "FLOAT32" and model.Buffers(tensor.Buffer()).DataLength() == 0
    }


def names(enumeration: str) -> dict[int, str]:
    """Number -> name, of an enumeration of TFLite's schema: ``BuiltinOperator``, ``TensorType``."""
    from ai_edge_litert import schema_py_generated as schema

    members = vars(getattr(schema, enumeration)).items()
    return {code: name for name, code in members if name.isupper()}


def root(flatbuffer: bytes | bytearray) -> Any:
    """Root table of a flatbuffer, read in place."""
    from ai_edge_litert import schema_py_generated as schema

    return schema.Model.GetRootAs(flatbuffer, 0)


def unpack(flatbuffer: bytes) -> Any:
    """Take a flatbuffer apart into objects (``ModelT``); their arrays are still read-only."""
    from ai_edge_litert import schema_py_generated as schema

    return schema.ModelT.InitFromObj(root(flatbuffer))


def pack(model: Any) -> bytes:
    """Put the objects together again: the inverse of :func:`unpack`."""
    from ai_edge_litert.tools import flatbuffer_utils

    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def own_constant(model: Any, operator: Any, place: int) -> npt.NDArray[np.uint8]:
    """Give an operator a constant of its own, so that it can be changed for it alone.

    The converter stores equal constants once: zeros that are the biases of two layers, or
    ``(1, 2)``, the shape that one operator gives and the axes that another sums over.

    Parameters
    ----------
    model : ModelT
        As :func:`unpack` gives it; changed.
    operator : OperatorT
        Of its first subgraph.
    place : int
        Of the constant among the inputs of the operator.

    Returns
    -------
    ndarray of uint8
        Its bytes, to be changed in place.
    """
    graph = model.subgraphs[0]
    operator.inputs = list(map(int, operator.inputs))
    index = operator.inputs[place]
    read = sum(list(map(int, other.inputs)).count(index) for other in graph.operators)
    if read > 1 or index in map(int, graph.outputs):
        graph.tensors.append(copy.copy(graph.tensors[index]))
        graph.tensors[-1].name += b"_%d" % len(graph.tensors)
        operator.inputs[place] = index = len(graph.tensors) - 1
    tensor = graph.tensors[index]
    data = model.buffers[tensor.buffer].data.copy()
    if sum(other.buffer == tensor.buffer for part in model.subgraphs for other in part.tensors) > 1:
        model.buffers.append(copy.copy(model.buffers[tensor.buffer]))
        tensor.buffer = len(model.buffers) - 1
    model.buffers[tensor.buffer].data = data
    return np.asarray(data)


def with_output_named(flatbuffer: bytes, name: str) -> bytes:
    """Give the tensor of a network's only output another name."""
    model = unpack(flatbuffer)
    graph = model.subgraphs[0]
    graph.tensors[int(graph.outputs[0])].name = name.encode()
    return pack(model)


def with_any_batch(flatbuffer: bytes) -> bytes:
    """Let a flatbuffer of batch size 1 run at any, once its input is resized.

    The converter writes the shape a RESHAPE gives as a constant, ``(1, k)``. As
    ``(-1, k)`` it follows the batch. Converted with a free batch size instead, the
    network would compute that shape by three operators more: SHAPE, STRIDED_SLICE
    and PACK.

    Raises
    ------
    ConversionFailed
        If a RESHAPE does not keep the crops of a batch apart.
    """
    model = unpack(flatbuffer)
    graph = model.subgraphs[0]
    changed = False
    for operator in graph.operators:
        code = model.operatorCodes[operator.opcodeIndex]
        if operator_name(code.builtinCode, code.deprecatedBuiltinCode) != "RESHAPE":
            continue
        shape = model.buffers[graph.tensors[operator.inputs[1]].buffer].data
        if shape is None or len(shape) == 0:
            raise ConversionFailed("a RESHAPE computes its shape; give layers fixed shapes")
        batch = int(shape.view(np.int32)[0])
        if batch not in (1, -1):
            raise ConversionFailed(
                f"a RESHAPE to {shape.view(np.int32).tolist()} mixes the crops of a batch;"
                " let the first dimension be the batch throughout"
            )
        if batch == 1:
            own_constant(model, operator, 1).view(np.int32)[0] = -1
            changed = True
    return pack(model) if changed else flatbuffer
