"""How two model files differ: metadata, operators, quantization, weights and logits."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from convert.graph.flatbuffer import names, root
from convert.inspect.inspection import Inspection, Tensor
from edge.crops.drawn import draw_crop
from edge.crops.preprocess import UInt8Image
from edge.engine.network import FloatNetwork, Int8Network, Network
from edge.engine.runtime import find_runtime
from edge.errors import ModelFileRefused
from edge.models.model_file import ModelFile
from edge.statistics.answers import likeliest_of

_DRAWN = 16  # as many as a model file's golden vectors
_DTYPES = {"FLOAT32": np.float32, "INT8": np.int8, "INT32": np.int32}


@dataclass(frozen=True)
class Change:
    """A value that differs.

    Attributes
    ----------
    name : str
        A field of the metadata, with dots; or an operator with its version.
    first, second : object
        None where there is none.
    """

    name: str
    first: Any
    second: Any


@dataclass(frozen=True)
class QuantizationChange:
    """A tensor that is quantized differently.

    Attributes
    ----------
    tensor : str
    dtypes : tuple of str
        In the first file and in the second.
    scales : tuple of int
        How many scales: none, one, or one per channel.
    scale_ratio : tuple of float or None
        Smallest and largest scale of the second over that of the first; None where one
        of them has none, or both have other channels.
    zero_points_equal : bool
    """

    tensor: str
    dtypes: tuple[str, str]
    scales: tuple[int, int]
    scale_ratio: tuple[float, float] | None
    zero_points_equal: bool


@dataclass(frozen=True)
class WeightChange:
    """Weights or biases whose values differ.

    Attributes
    ----------
    tensor : str
    largest : float or None
        Largest difference of a real value, scales applied; None if the shapes differ or
        the type is not one that edge-all writes.
    mean : float or None
        Mean difference.
    """

    tensor: str
    largest: float | None
    mean: float | None


@dataclass(frozen=True)
class LogitDifference:
    """How far the logits of the two networks are apart.

    Attributes
    ----------
    crops : int
        Drawn crops they were compared on: the golden inputs of both.
    mean, largest : float
        Of the difference of a logit.
    flips : int
        Crops whose more probable label differs.
    """

    crops: int
    mean: float
    largest: float
    flips: int


@dataclass(frozen=True)
class Difference:
    """How two files differ.

    Attributes
    ----------
    metadata : tuple of Change
        With a hash of the golden vectors; ``edge-all.json`` where only one file has any.
    operators : tuple of Change
        Counts per operator and version.
    only_first, only_second : tuple of str
        Tensors that the other file does not have.
    quantization : tuple of QuantizationChange
    weights : tuple of WeightChange
    logits : LogitDifference
    """

    metadata: tuple[Change, ...]
    operators: tuple[Change, ...]
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]
    quantization: tuple[QuantizationChange, ...]
    weights: tuple[WeightChange, ...]
    logits: LogitDifference

    @property
    def same(self) -> bool:
        """Whether no difference was found."""
        found = (self.metadata, self.operators, self.only_first, self.only_second)
        return not any((*found, self.quantization, self.weights, self.logits.largest))

    def to_json(self) -> str:
        """Everything, the same for the same two files."""
        return json.dumps(dataclasses.asdict(self), indent=2, sort_keys=True) + "\n"


def diff(first: Inspection, second: Inspection) -> Difference:
    """Compare two files, and the logits of both on the golden inputs of both.

    Tensors are matched by name. Without golden inputs, as in bare ``.tflite`` files,
    drawn cells take their place.

    Parameters
    ----------
    first, second : Inspection

    Returns
    -------
    Difference

    Raises
    ------
    ModelFileRefused
        If one of the networks is none on square crops or does not run here, or the two take
        crops of other sides, or tell other numbers of labels apart.
    """
    a, b = ({tensor.name: tensor for tensor in file.tensors} for file in (first, second))
    both = [(a[name], b[name]) for name in a if name in b]
    crops = _golden_inputs(first, second)
    logits = [logits_of(file, crops) for file in (first, second)]
    return Difference(
        metadata=tuple(_metadata(first, second)),
        operators=tuple(_changes(_counts(first), _counts(second))),
        only_first=tuple(name for name in a if name not in b),
        only_second=tuple(name for name in b if name not in a),
        quantization=tuple(_quantization(x, y) for x, y in both if _requantized(x, y)),
        weights=tuple(_weights(x, y) for x, y in both if _reweighted(x, y)),
        logits=_compare(*logits),
    )


def logits_of(file: Inspection, crops: UInt8Image) -> npt.NDArray[np.floating]:
    """Logits (n, labels) of a file's network, float or int8, on crops (n, side, side, 3).

    Raises
    ------
    ModelFileRefused
        If it is no network on crops, or does not run here.
    """
    network = _network_of(file)
    try:
        return network.logits_of(crops)
    except (ValueError, RuntimeError) as error:
        raise ModelFileRefused("runtime", f"{file.path} does not run here: {error}") from error


def _network_of(file: Inspection) -> Network:
    graph = root(file.flatbuffer).Subgraphs(0)
    is_float = names("TensorType")[graph.Tensors(graph.Inputs(0)).Type()] == "FLOAT32"
    kind: type[Network] = FloatNetwork if is_float else Int8Network
    try:
        return kind(file.flatbuffer, find_runtime())
    except ModelFileRefused as error:
        raise ModelFileRefused(error.reason, f"{file.path}: {error}") from error


def _require_same_shape(first: Inspection, second: Inspection) -> int:
    """Side of the crops that both networks take."""
    a, b = (_network_of(file) for file in (first, second))
    for what, one, other in (("crops of side", a.side, b.side), ("labels", a.labels, b.labels)):
        if one != other:
            raise ModelFileRefused(
                "not-a-model",
                f"{first.path} and {second.path} cannot be compared: networks of {what} {one} and"
                f" {other}; compare files of networks for the same crops and labels",
            )
    return a.side


def _compare(first: npt.NDArray[np.floating], second: npt.NDArray[np.floating]) -> LogitDifference:
    apart = np.abs(first - second)
    flips = likeliest_of(first) != likeliest_of(second)
    return LogitDifference(
        len(first), float(apart.mean()), float(apart.max()), int(np.count_nonzero(flips))
    )


def _golden_inputs(first: Inspection, second: Inspection) -> UInt8Image:
    side = _require_same_shape(first, second)
    inputs = [file.packed.golden.inputs for file in (first, second) if file.packed]
    if not inputs:
        return np.stack([draw_crop(seed, side) for seed in range(_DRAWN)])
    return np.unique(np.concatenate(inputs), axis=0)


def _changes(first: dict[str, Any], second: dict[str, Any]) -> Iterator[Change]:
    # what stands by itself before the measured facts, which are many
    for name in sorted(first.keys() | second.keys(), key=lambda name: ("." in name, name)):
        if first.get(name) != second.get(name):
            yield Change(name, first.get(name), second.get(name))


def _counts(file: Inspection) -> dict[str, Any]:
    return {f"{operator.name} v{operator.version}": operator.count for operator in file.operators}


def _metadata(first: Inspection, second: Inspection) -> Iterator[Change]:
    if first.packed and second.packed:
        yield from _changes(_fields(first.packed), _fields(second.packed))
    elif first.packed or second.packed:
        yield Change("edge-all.json", bool(first.packed), bool(second.packed))


def _fields(packed: ModelFile) -> dict[str, Any]:
    """Metadata as one level of dotted names, and a hash of the golden vectors."""
    fields = json.loads(packed.metadata.to_json())
    del fields["operators"]  # compared by themselves
    vectors = packed.golden.inputs.tobytes() + packed.golden.logits.tobytes()
    return {**dict(_flat(fields, "")), "golden_vectors": hashlib.sha256(vectors).hexdigest()}


def _flat(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, dict):
        yield name, value
        return
    for key, inner in value.items():
        yield from _flat(inner, f"{name}.{key}" if name else key)


def _requantized(first: Tensor, second: Tensor) -> bool:
    return (first.dtype, first.scale, first.zero_point) != (
        second.dtype,
        second.scale,
        second.zero_point,
    )


def _quantization(first: Tensor, second: Tensor) -> QuantizationChange:
    a, b = np.array(first.scale), np.array(second.scale)
    ratio = None
    if a.size and b.size and (a.size == b.size or 1 in (a.size, b.size)):
        ratio = float((b / a).min()), float((b / a).max())
    return QuantizationChange(
        tensor=first.name,
        dtypes=(first.dtype, second.dtype),
        scales=(a.size, b.size),
        scale_ratio=ratio,
        zero_points_equal=set(first.zero_point) == set(second.zero_point),
    )


def _reweighted(first: Tensor, second: Tensor) -> bool:
    return not np.array_equal(first.constant, second.constant)


def _weights(first: Tensor, second: Tensor) -> WeightChange:
    comparable = {first.dtype, second.dtype} <= _DTYPES.keys()
    if first.shape != second.shape or not comparable or 0 in _sizes(first, second):
        return WeightChange(first.name, None, None)
    apart = np.abs(_real(first) - _real(second))
    return WeightChange(first.name, float(apart.max()), float(apart.mean()))


def _sizes(*tensors: Tensor) -> list[int]:
    return [tensor.constant.size for tensor in tensors]


def _real(tensor: Tensor) -> npt.NDArray[np.float32]:
    """Real values of a constant: (q - zero point) * scale, per channel where it has several."""
    values = tensor.constant.view(_DTYPES[tensor.dtype]).reshape(tensor.shape).astype(np.float32)
    if not tensor.scale:
        return values
    along = [1] * values.ndim
    along[tensor.channel_axis] = -1
    scale, zero_point = (
        np.array(of, np.float32).reshape(along) for of in (tensor.scale, tensor.zero_point)
    )
    return np.asarray((values - zero_point) * scale)
