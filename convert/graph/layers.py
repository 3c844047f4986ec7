"""The graph of a flatbuffer: its layers in the order in which they run."""

from __future__ import annotations

from dataclasses import dataclass

from convert.graph.flatbuffer import activation_tensors, names, operator_name, pack, unpack

__all__ = ["CARRIERS", "Layer", "float_layers", "layers", "pack", "short_name", "unpack"]

CARRIERS = {"MAX_POOL_2D", "AVERAGE_POOL_2D", "PAD", "RESHAPE"}
"""Operators that hand on what they read, and compute nothing that int8 could spoil."""

_BETWEEN = {"QUANTIZE", "DEQUANTIZE"}


@dataclass(frozen=True)
class Layer:
    """One operator of the graph.

    Attributes
    ----------
    name : str
        Its first output tensor.
    operator : str
        ``CONV_2D``.
    inputs, outputs : tuple of int
        Indices of the tensors it reads, without constants, and of those it writes.
    computes : bool
        Whether its first output holds float numbers: comparisons give truth values.
    """

    name: str
    operator: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    computes: bool

    @property
    def output(self) -> int:
        """Index of its first output tensor."""
        return self.outputs[0]


def layers(flatbuffer: bytes) -> tuple[Layer, ...]:
    """Layers of a float flatbuffer, one for every operator, in the order in which they run."""
    floats = activation_tensors(flatbuffer)
    model = unpack(flatbuffer)
    graph = model.subgraphs[0]
    made = set(map(int, graph.inputs))
    found = []
    for operator in graph.operators:
        code = model.operatorCodes[operator.opcodeIndex]
        outputs = tuple(map(int, operator.outputs))
        found.append(
            Layer(
                graph.tensors[outputs[0]].name.decode(),
                operator_name(code.builtinCode, code.deprecatedBuiltinCode),
                tuple(int(index) for index in operator.inputs if int(index) in made),
                outputs,
                outputs[0] in floats,
            )
        )
        made.update(outputs)
    return tuple(found)


def float_layers(flatbuffer: bytes) -> tuple[Layer, ...]:
    """Layers of an int8 network that compute in float all the same; those that hand on are free."""
    kinds = names("TensorType")
    tensors = unpack(flatbuffer).subgraphs[0].tensors
    return tuple(
        layer
        for layer in layers(flatbuffer)
        if layer.operator not in CARRIERS | _BETWEEN
        and any(
            kinds[tensors[index].type] in ("FLOAT32", "FLOAT16")
            for index in (*layer.inputs, *layer.outputs)
        )
    )


def short_name(layer: Layer) -> str:
    """Operator and first name of a layer: the converter joins those of all that it fused."""
    name = layer.name.partition(";")[0]
    return f"{layer.operator} {name if len(name) <= 60 else f'...{name[-57:]}'}"
