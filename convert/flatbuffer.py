"""Read a TFLite flatbuffer's tables: operators, tensors, minimum runtime."""

from __future__ import annotations

from collections import Counter
from typing import Any

from edge.metadata import Operator

_FLOAT32 = 0  # TensorType.FLOAT32 of the schema


def operators(flatbuffer: bytes) -> tuple[Operator, ...]:
    """Kinds of operators in the network, by name, with version and count."""
    from ai_edge_litert import schema_py_generated as schema

    names = {code: name for name, code in vars(schema.BuiltinOperator).items() if name.isupper()}
    model = _model(flatbuffer)
    codes = [model.OperatorCodes(i) for i in range(model.OperatorCodesLength())]
    graph = model.Subgraphs(0)
    used = Counter(graph.Operators(i).OpcodeIndex() for i in range(graph.OperatorsLength()))
    found = [
        # codes below 127 stand in an older, narrower field, where the newer one may be 0
        Operator(
            names[max(codes[i].BuiltinCode(), codes[i].DeprecatedBuiltinCode())],
            codes[i].Version(),
            count,
        )
        for i, count in used.items()
    ]
    return tuple(sorted(found, key=lambda operator: (operator.name, operator.version)))


def minimum_runtime(flatbuffer: bytes) -> str:
    """Oldest TFLite runtime for the network, as its converter states it, or ``unknown``."""
    model = _model(flatbuffer)
    for i in range(model.MetadataLength()):
        entry = model.Metadata(i)
        if entry.Name() == b"min_runtime_version":
            text = bytes(model.Buffers(entry.Buffer()).DataAsNumpy())
            return text.rstrip(b"\0").decode()
    return "unknown"


def activation_tensors(flatbuffer: bytes) -> dict[int, str]:
    """Float tensors that depend on the input: index -> name."""
    model = _model(flatbuffer)
    graph = model.Subgraphs(0)
    tensors = {i: graph.Tensors(i) for i in range(graph.TensorsLength())}
    return {
        i: tensor.Name().decode()
        for i, tensor in tensors.items()
        if tensor.Type() == _FLOAT32 and model.Buffers(tensor.Buffer()).DataLength() == 0
    }


def _model(flatbuffer: bytes) -> Any:
    from ai_edge_litert import schema_py_generated as schema

    return schema.Model.GetRootAs(flatbuffer, 0)
