"""What stands in a model file, or in a bare ``.tflite``: without running it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from convert.graph.flatbuffer import minimum_runtime, names, operators, root
from edge.errors import ModelFileRefused
from edge.models.metadata import Operator
from edge.models.model_file import ModelFile, read_model_file


@dataclass(frozen=True)
class Tensor:
    """One tensor of a network.

    Attributes
    ----------
    name : str
        As TensorFlow's converter names it: what was fused, joined by semicolons.
    dtype : str
        As TFLite names it: ``INT8``.
    shape : tuple of int
        With batch size 1.
    scale, zero_point : tuple of float, tuple of int
        One of each, one per channel, or none if it is not quantized.
    channel_axis : int
        Dimension that the channels of `scale` run along.
    constant : ndarray of uint8
        Bytes of a weight, bias or shape; empty if the tensor depends on the input.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    channel_axis: int
    constant: npt.NDArray[np.uint8] = dataclasses.field(repr=False)


@dataclass(frozen=True)
class Sizes:
    """Where the bytes of a file are.

    Attributes
    ----------
    file : int
    flatbuffer : int
        What a TFLite runtime reads.
    constants : int
        Of the flatbuffer: weights, biases and shapes.
    zip : int
        Metadata and golden vectors at the end.
    """

    file: int
    flatbuffer: int
    constants: int
    zip: int


@dataclass(frozen=True)
class Inspection:
    """What stands in a file.

    Attributes
    ----------
    path : Path
    sha256 : str
        Of the whole file.
    packed : ModelFile or None
        Metadata and golden vectors; None for a bare ``.tflite``.
    flatbuffer : bytes
    operators : tuple of Operator
    minimum_runtime : str
    tensors : tuple of Tensor
        In the order of the flatbuffer.
    sizes : Sizes
    """

    path: Path
    sha256: str
    packed: ModelFile | None
    flatbuffer: bytes = dataclasses.field(repr=False)
    operators: tuple[Operator, ...]
    minimum_runtime: str
    tensors: tuple[Tensor, ...]
    sizes: Sizes

    def to_json(self) -> str:
        """Everything but the constants themselves, the same for the same file."""
        content = {
            "file": str(self.path),
            "sha256": self.sha256,
            "metadata": dataclasses.asdict(self.packed.metadata) if self.packed else None,
            "golden_vectors": len(self.packed.golden.inputs) if self.packed else 0,
            "operators": [dataclasses.asdict(operator) for operator in self.operators],
            "minimum_runtime": self.minimum_runtime,
            "tensors": [_without_constant(tensor) for tensor in self.tensors],
            "sizes": dataclasses.asdict(self.sizes),
        }
        return json.dumps(content, indent=2, sort_keys=True) + "\n"


def inspect_model(path: Path) -> Inspection:
    """Read a model file, its hashes checked, or a bare ``.tflite``.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Inspection

    Raises
    ------
    ModelFileRefused
        As :func:`edge.models.model_file.read_model_file`, but a bare ``.tflite`` is accepted.
    """
    packed = None
    try:
        packed = read_model_file(path)
        flatbuffer, sha256, size = packed.flatbuffer, packed.sha256, path.stat().st_size
    except ModelFileRefused as error:
        data = path.read_bytes() if error.reason == "truncated" else b""
        if not data or b"edge-all.json" in data:  # of a zip that lost its end
            raise
        flatbuffer, size, sha256 = data, len(data), hashlib.sha256(data).hexdigest()
    try:
        tensors = read_tensors(flatbuffer)
        found, runtime = operators(flatbuffer), minimum_runtime(flatbuffer)
    except (struct.error, ValueError, TypeError, IndexError, KeyError, AttributeError) as error:
        raise ModelFileRefused(
            "truncated",
            f"{path} begins like a TFLite file but its tables do not read ({error}): it was cut"
            " off or damaged; download or convert it again",
        ) from error
    return Inspection(
        path=path,
        sha256=sha256,
        packed=packed,
        flatbuffer=flatbuffer,
        operators=found,
        minimum_runtime=runtime,
        tensors=tensors,
        sizes=Sizes(
            file=size,
            flatbuffer=len(flatbuffer),
            constants=sum(tensor.constant.nbytes for tensor in tensors),
            zip=size - len(flatbuffer),
        ),
    )


def read_tensors(flatbuffer: bytes) -> tuple[Tensor, ...]:
    """Tensors of a flatbuffer's network.

    Raises
    ------
    ValueError, struct.error, ...
        If the tables are damaged.
    """
    model = root(flatbuffer)
    graph = model.Subgraphs(0)
    count = graph.TensorsLength()
    if not 0 < count <= len(flatbuffer):  # a damaged count would keep the loop busy for hours
        raise ValueError(f"{count} tensors")
    kinds = names("TensorType")
    return tuple(_tensor(flatbuffer, model, graph.Tensors(i), kinds) for i in range(count))


def _tensor(flatbuffer: bytes, model: Any, tensor: Any, kinds: dict[int, str]) -> Tensor:
    quantization = tensor.Quantization()
    quantized = quantization is not None and quantization.ScaleLength() > 0
    return Tensor(
        name=tensor.Name().decode(),
        dtype=kinds[tensor.Type()],
        shape=tuple(map(int, tensor.ShapeAsNumpy())) if tensor.ShapeLength() else (),
        scale=tuple(map(float, quantization.ScaleAsNumpy())) if quantized else (),
        zero_point=tuple(map(int, quantization.ZeroPointAsNumpy())) if quantized else (),
        channel_axis=quantization.QuantizedDimension() if quantized else 0,
        constant=_constant(flatbuffer, model.Buffers(tensor.Buffer())),
    )


def _constant(flatbuffer: bytes, buffer: Any) -> npt.NDArray[np.uint8]:
    """Bytes of a buffer, which may also stand behind the tables."""
    if buffer.DataLength():
        return np.asarray(buffer.DataAsNumpy())
    start, size = buffer.Offset(), buffer.Size()
    if start + size > len(flatbuffer):
        raise ValueError(f"a buffer ends at byte {start + size} of {len(flatbuffer)}")
    return np.frombuffer(flatbuffer, np.uint8, count=size, offset=start if size else 0)


def _without_constant(tensor: Tensor) -> dict[str, Any]:
    fields = {
        field.name: getattr(tensor, field.name)
        for field in dataclasses.fields(tensor)
        if field.name != "constant"
    }
    return fields | {"bytes": tensor.constant.nbytes}
