"""What Google's Edge TPU compiler maps to the chip, by its documentation.

https://coral.ai/docs/edgetpu/models-intro, "Supported operations" and "Model requirements". The
compiler itself is not asked: what is found here it surely leaves to the processor; what it leaves
there besides ("unspecified limitations", operator versions newer than it, tensors too large for
the chip) only its own report says. It maps the operators up to the first one it cannot, so one
early in the network costs nearly all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

import numpy as np

from convert.graph.flatbuffer import names, operator_name, root

_NAMES = (
    "ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D EXPAND_DIMS"
    " FULLY_CONNECTED L2_NORMALIZATION LOGISTIC LSTM MAXIMUM MAX_POOL_2D MEAN MINIMUM MUL"
    " PACK PAD PRELU QUANTIZE REDUCE_MAX REDUCE_MIN RELU RELU6 RELU_N1_TO_1 RESHAPE"
    " RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR RSQRT SLICE SOFTMAX SPACE_TO_DEPTH SPLIT"
    " SQUARED_DIFFERENCE SQUEEZE STRIDED_SLICE SUB SUM TANH TRANSPOSE TRANSPOSE_CONV"
    " UNIDIRECTIONAL_SEQUENCE_LSTM"
)

OPERATORS = frozenset(_NAMES.split())
"""Operators that it maps at all."""

_WITHOUT_ACTIVATION = {
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "CONCATENATION": "ConcatenationOptions",
}
_DILATED = {"CONV_2D": "Conv2DOptions", "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions"}
_NOT_OVER_BATCH = ("MEAN", "REDUCE_MAX", "REDUCE_MIN", "SUM")
_CONSTANTS = {  # places of inputs that must be known when it is compiled
    "CONV_2D": (1, 2),
    "DEPTHWISE_CONV_2D": (1, 2),
    "FULLY_CONNECTED": (1, 2),
    "TRANSPOSE_CONV": (0, 1),
    "PAD": (1,),
    "PRELU": (1,),
}
_MOST_SOFTMAX = 16_000
_MAPPED_TYPES = ("INT8", "UINT8")
_TYPES_OF_CONSTANTS = (*_MAPPED_TYPES, "INT32")  # biases, shapes, axes
_MOST_DIMENSIONS = 3


def unmapped(flatbuffer: bytes) -> tuple[str, ...]:
    """Operators that surely stay on the processor, with the reason.

    Parameters
    ----------
    flatbuffer : bytes
        An int8 network.

    Returns
    -------
    tuple of str
        In words, for people: operator, name of its first output, why.
    """
    model = root(flatbuffer)
    graph = model.Subgraphs(0)
    found = []
    for i in range(graph.OperatorsLength()):
        operator = _Operator(model, graph, graph.Operators(i))
        if (why := next(operator.reasons(), None)) is not None:
            found.append(f"{operator.name} {operator.output}: {why}")
    if model.SubgraphsLength() > 1:
        found.append(f"{model.SubgraphsLength()} subgraphs: it takes one")
    return tuple(found)


class _Operator:
    """One operator, and what keeps it off the chip."""

    def __init__(self, model: Any, graph: Any, table: Any) -> None:
        self._model = model
        self._table = table
        code = model.OperatorCodes(table.OpcodeIndex())
        self.name = operator_name(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        self._inputs = _tensors(graph, table.InputsAsNumpy())
        self._outputs = _tensors(graph, table.OutputsAsNumpy())
        self.output = self._outputs[0].Name().decode() if self._outputs else "without output"

    def reasons(self) -> Iterator[str]:
        """Why it cannot be mapped; nothing where it can."""
        if self.name not in OPERATORS:
            yield "the Edge TPU has no such operator"
            return
        tensors = [tensor for tensor in (*self._inputs, *self._outputs) if tensor is not None]
        yield from self._of_types(tensors)
        yield from self._of_shapes(tensors)
        yield from self._of_constants()
        yield from self._of_options()

    def _of_types(self, tensors: Sequence[Any]) -> Iterator[str]:
        kinds = names("TensorType")
        for tensor in tensors:
            kind = kinds[tensor.Type()]
            allowed = _TYPES_OF_CONSTANTS if self._is_constant(tensor) else _MAPPED_TYPES
            if kind not in allowed:
                yield f"{tensor.Name().decode()} is {kind}, not 8 bits"

    def _of_shapes(self, tensors: Sequence[Any]) -> Iterator[str]:
        for tensor in tensors:
            sizes = [int(n) for n in _values(tensor.ShapeAsNumpy())]
            signature = [int(n) for n in _values(tensor.ShapeSignatureAsNumpy())]
            if -1 in (*sizes, *signature):
                yield f"the size of {tensor.Name().decode()} is not known when it is compiled"
            outer = sizes[:-_MOST_DIMENSIONS]
            is_kernel = self._is_constant(tensor)
            if not is_kernel and prod(outer) > 1:
                yield f"{tensor.Name().decode()} has more than three dimensions beyond 1: {sizes}"

    def _of_constants(self) -> Iterator[str]:
        for place in _CONSTANTS.get(self.name, ()):
            tensor = self._inputs[place] if place < len(self._inputs) else None
            if tensor is not None and not self._is_constant(tensor):
                yield f"{tensor.Name().decode()} is no constant"

    def _of_options(self) -> Iterator[str]:
        if self.name in _WITHOUT_ACTIVATION:
            options = self._options(_WITHOUT_ACTIVATION[self.name])
            if options.FusedActivationFunction():
                yield "an activation is fused into it"
        if self.name in _DILATED:
            options = self._options(_DILATED[self.name])
            if options.DilationWFactor() != options.DilationHFactor():
                yield "it is dilated differently in x and y"
        if self.name in _NOT_OVER_BATCH and 0 in self._constant(1):
            yield "it reduces over the batch"
        if self.name == "STRIDED_SLICE" and set(self._constant(3)) - {1}:
            yield "its strides are not 1"
        if self.name == "PAD" and any(self._constant(1)[:2]):
            yield "it pads the batch"
        if self.name == "SOFTMAX":
            size = prod(int(n) for n in _values(self._inputs[0].ShapeAsNumpy()))
            if size > _MOST_SOFTMAX:
                yield f"it is over {size} values, more than {_MOST_SOFTMAX}"

    def _options(self, kind: str) -> Any:
        from ai_edge_litert import schema_py_generated as schema

        options, table = getattr(schema, kind)(), self._table.BuiltinOptions()
        options.Init(table.Bytes, table.Pos)
        return options

    def _constant(self, place: int) -> list[int]:
        """Whole numbers of a constant input."""
        tensor = self._inputs[place]
        data = _values(self._model.Buffers(tensor.Buffer()).DataAsNumpy())
        return np.asarray(data, np.uint8).view(np.int32).tolist() if len(data) else []

    def _is_constant(self, tensor: Any) -> bool:
        return bool(self._model.Buffers(tensor.Buffer()).DataLength())


def _tensors(graph: Any, indices: Any) -> list[Any]:
    """Tensors by their indices; None for an input that is left out."""
    return [graph.Tensors(int(i)) if i >= 0 else None for i in _values(indices)]


def _values(array: Any) -> Any:
    """Values of a vector of a flatbuffer, which gives 0 for one that is not there."""
    return () if isinstance(array, int) else array
