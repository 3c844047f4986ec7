"""The graph of a float twin: its layers, and its objects taken apart and put together again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from convert.flatbuffer import activation_tensors, operator_name, root


@dataclass(frozen=True)
class Layer:
    """One operator of the graph.

    Attributes
    ----------
    name : str
        Its output tensor.
    operator : str
        ``CONV_2D``.
    inputs : tuple of int
        Indices of the tensors it reads that depend on the input.
    output : int
        Index of its output tensor.
    """

    name: str
    operator: str
    inputs: tuple[int, ...]
    output: int


def layers(flatbuffer: bytes) -> tuple[Layer, ...]:
    """Layers of a float flatbuffer, in the order in which they run."""
    activations = activation_tensors(flatbuffer)
    model = unpack(flatbuffer)
    found = []
    for operator in model.subgraphs[0].operators:
        code = model.operatorCodes[operator.opcodeIndex]
        output = int(operator.outputs[0])
        found.append(
            Layer(
                activations[output],
                operator_name(code.builtinCode, code.deprecatedBuiltinCode),
                tuple(int(index) for index in operator.inputs if index in activations),
                output,
            )
        )
    return tuple(found)


def unpack(flatbuffer: bytes) -> Any:
    """Take a flatbuffer apart into objects (``ModelT``); their arrays are still read-only."""
    from ai_edge_litert import schema_py_generated as schema

    return schema.ModelT.InitFromObj(root(flatbuffer))


def pack(model: Any) -> bytes:
    """Put the objects together again: the inverse of :func:`unpack`."""
    from ai_edge_litert.tools import flatbuffer_utils

    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))
