"""Where an int8 network loses accuracy: every layer's output against the float twin's."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from convert.graph.layers import layers, pack, unpack
from edge.crops.preprocess import UInt8Image
from edge.engine.open_network import OpenNetwork
from edge.errors import ConversionFailed
from edge.statistics.signal import decibels

_Float = npt.NDArray[np.float32]


@dataclass(frozen=True)
class LayerFidelity:
    """How well one layer's output survives int8.

    Attributes
    ----------
    name : str
        The layer's output tensor in the twin.
    operator : str
        What makes it: ``CONV_2D``.
    snr_db : float
        Signal-to-noise ratio over all values of all cells,
        ``10 log10(sum(float^2) / sum((int8 - float)^2))``, in dB. It inherits the noise of all
        layers before.
    cosine : float
        Cosine of the angle between the int8 and the float values.
    range_use : float or None
        Share of the 256 codes that lie from the smallest to the largest code seen, both
        included; None if the layer stayed in float.
    saturated : float or None
        Share of values at -128 or 127, where a clipped value ends; -128 does not count where it
        stands for zero, as after ReLU. None if the layer stayed in float.
    own_snr_db : float
        Signal against the noise that this layer adds by itself, in dB: its output is compared
        with that of the float layer on what the int8 layer read. The noise-to-signal ratio is
        taken per channel, at most 1, and averaged, as one channel of large values would hide
        the others that int8 destroys.
    rank : int
        1 for the layer with the lowest ``own_snr_db``, the worst.
    """

    name: str
    operator: str
    snr_db: float
    cosine: float
    range_use: float | None
    saturated: float | None
    own_snr_db: float
    rank: int


def compare_layers(twin: bytes, int8: bytes, cells: UInt8Image) -> tuple[LayerFidelity, ...]:
    """Compare every layer of an int8 network with the same layer of its float twin.

    Both run on TFLite's own kernels, as only they show what lies between. Each cell's
    values are added to running sums and forgotten, so memory does not grow with the cells.

    Parameters
    ----------
    twin, int8 : bytes
        Flatbuffers. The int8 one was made from this twin.
    cells : ndarray of uint8, shape (n, side, side, 3)

    Returns
    -------
    tuple of LayerFidelity
        In the order in which the layers run.

    Raises
    ------
    ConversionFailed
        If a layer of the twin has no counterpart in the int8 network.
    """
    graph = tuple(layer for layer in layers(twin) if layer.computes)
    whole = OpenNetwork(twin)
    single = _SingleLayers(twin, {layer.output for layer in graph})
    int8_network = _Int8Layers(int8, [layer.name for layer in graph])
    sums = [_Sums(detail) for detail in int8_network.details]
    for cell in cells:
        whole.feed(cell)
        values = int8_network.outputs(cell)
        single.feed(cell, {layer.output: v for layer, (_, v) in zip(graph, values, strict=True)})
        for layer, sum_, (raw, found) in zip(graph, sums, values, strict=True):
            sum_.add(raw, found, whole.tensor(layer.output))
            sum_.add_own(found, single.output(layer.output))
    own = [sum_.own_snr_db for sum_ in sums]
    worst_first = sorted(range(len(graph)), key=own.__getitem__)
    return tuple(
        LayerFidelity(
            layer.name,
            layer.operator,
            sum_.snr_db,
            sum_.cosine,
            sum_.range_use,
            sum_.saturated,
            sum_.own_snr_db,
            worst_first.index(place) + 1,
        )
        for place, (layer, sum_) in enumerate(zip(graph, sums, strict=True))
    )


class _Int8Layers:
    """The int8 network with the outputs of all layers."""

    def __init__(self, flatbuffer: bytes, names: list[str]) -> None:
        self._network = OpenNetwork(flatbuffer)
        by_name = {detail["name"]: detail for detail in self._network.details}
        self.details = [_counterpart(by_name, name) for name in names]

    def outputs(self, cell: UInt8Image) -> list[tuple[npt.NDArray[Any], _Float]]:
        """Each layer's output as it is and as the float it stands for."""
        self._network.feed(cell)
        found = []
        for detail in self.details:
            raw = self._network.tensor(detail["index"])
            scale, zero_point = detail["quantization"]
            is_int8 = raw.dtype == np.int8
            value = (raw.astype(np.float32) - zero_point) * np.float32(scale) if is_int8 else raw
            found.append((raw, value))
        return found


class _SingleLayers:
    """The float twin cut between all layers: each reads what it is given."""

    def __init__(self, flatbuffer: bytes, between: set[int]) -> None:
        cut, self._given = _cut(flatbuffer, between)
        self._network = OpenNetwork(cut)

    def feed(self, cell: UInt8Image, given: dict[int, _Float]) -> None:
        self._network.feed(cell, {place: given[index] for index, place in self._given.items()})

    def output(self, index: int) -> _Float:
        return self._network.tensor(index)


def _cut(flatbuffer: bytes, between: set[int]) -> tuple[bytes, dict[int, int]]:
    """Give tensors between two layers, by their index, a double that is an input of the network.

    Returns the flatbuffer and, by the tensor's index, the index of its double.
    """
    model = unpack(flatbuffer)
    graph = model.subgraphs[0]
    made = {int(index) for operator in graph.operators for index in operator.outputs}
    double: dict[int, int] = {}
    for operator in graph.operators:
        for index in map(int, operator.inputs):
            if index in between and index not in double:
                double[index] = len(graph.tensors)
                graph.tensors.append(copy.copy(graph.tensors[index]))
                graph.tensors[-1].name += b"_given"
        operator.inputs = [double.get(int(index), int(index)) for index in operator.inputs]
    graph.inputs = [*graph.inputs, *double.values()]
    graph.outputs = [*graph.outputs, *sorted(made - set(map(int, graph.outputs)))]
    model.signatureDefs = []  # they name the old inputs
    return pack(model), double


class _Sums:
    """Running sums of one layer."""

    def __init__(self, detail: dict[str, Any]) -> None:
        self._is_int8 = detail["dtype"] is np.int8
        self._minus_128_is_zero = detail["quantization"][1] == -128
        self._signal = self._noise = self._energy = self._dot = 0.0
        self._own_signal = self._own_noise = np.zeros(_channels(detail["shape"]))
        self._lowest, self._highest = 127, -128
        self._count = self._at_the_ends = 0

    def add(self, raw: npt.NDArray[Any], found: _Float, exact: _Float) -> None:
        if self._is_int8:
            self._lowest = min(self._lowest, int(raw.min()))
            self._highest = max(self._highest, int(raw.max()))
            self._at_the_ends += int((raw == 127).sum())
            if not self._minus_128_is_zero:
                self._at_the_ends += int((raw == -128).sum())
        self._count += raw.size
        x, y = exact.astype(np.float64).ravel(), found.astype(np.float64).ravel()
        self._signal += float(x @ x)
        self._noise += float((y - x) @ (y - x))
        self._energy += float(y @ y)
        self._dot += float(x @ y)

    def add_own(self, found: _Float, exact: _Float) -> None:
        x = exact.astype(np.float64).reshape(-1, _channels(exact.shape))
        error = found.reshape(x.shape) - x
        self._own_signal = self._own_signal + (x * x).sum(axis=0)
        self._own_noise = self._own_noise + (error * error).sum(axis=0)

    @property
    def snr_db(self) -> float:
        return decibels(self._noise, self._signal)

    @property
    def own_snr_db(self) -> float:
        worst = self._own_noise > self._own_signal
        ratio = np.divide(
            self._own_noise, self._own_signal, out=worst.astype(float), where=self._own_signal > 0
        )
        return decibels(float(np.minimum(ratio, 1).mean()), 1.0)

    @property
    def cosine(self) -> float:
        norms = math.sqrt(self._signal * self._energy)
        if norms == 0:  # zeros have no direction: equal to zeros, and to nothing else
            return float(self._signal == self._energy)
        return self._dot / norms

    @property
    def range_use(self) -> float | None:
        return (self._highest - self._lowest + 1) / 256 if self._is_int8 else None

    @property
    def saturated(self) -> float | None:
        return self._at_the_ends / self._count if self._is_int8 else None


def _channels(shape: Sequence[int]) -> int:
    return int(shape[-1]) if len(shape) else 1  # of a single number


def _counterpart(by_name: dict[str, dict[str, Any]], name: str) -> dict[str, Any]:
    """Find a layer's output; behind one kept in float, its int8 form has a name of its own."""
    for known_as in (f"{name}_quantized", name):
        if known_as in by_name:
            return by_name[known_as]
    raise ConversionFailed(
        f"the int8 network has no tensor {name}: it was not made from this float twin"
    )
