"""Read a TFLite flatbuffer's tables, and free its batch size."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from edge.errors import ConversionFailed
from edge.metadata import Operator


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
    writable = bytearray(flatbuffer)
    model = root(writable)
    graph = model.Subgraphs(0)
    for i in range(graph.OperatorsLength()):
        operator = graph.Operators(i)
        code = model.OperatorCodes(operator.OpcodeIndex())
        if operator_name(code.BuiltinCode(), code.DeprecatedBuiltinCode()) != "RESHAPE":
            continue
        shape = model.Buffers(graph.Tensors(operator.Inputs(1)).Buffer()).DataAsNumpy()
        batch = shape.view(np.int32)[:1]
        if batch[0] not in (1, -1):
            raise ConversionFailed(
                f"a RESHAPE to {shape.view(np.int32).tolist()} mixes the crops of a batch;"
                " let the first dimension be the batch throughout"
            )
        batch[0] = -1
    return bytes(writable)
