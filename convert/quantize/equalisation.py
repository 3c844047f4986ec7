"""Cross-layer equalisation: even out the channels that share one int8 range."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from convert.graph.flatbuffer import own_constant
from convert.graph.layers import Layer, layers, pack, unpack
from convert.quantize.ranges import observe_channels
from edge.crops.preprocess import UInt8Image
from edge.errors import ConversionFailed

Exponents = dict[str, tuple[int, ...]]
"""Tensor name -> for every channel, the power of two that it is divided by."""

_Channels = npt.NDArray[np.float64]

_WEIGHTED = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}
_PASSING = {"MAX_POOL_2D", "AVERAGE_POOL_2D", "PAD", "RESHAPE", "ADD"}
_HOMOGENEOUS = {0, 1}  # ActivationFunctionType: NONE and RELU; RELU6 and the rest are not
_ROUNDS = 20
_LARGEST = 12  # a channel that hardly ever fires is not blown up beyond all bounds


def find_exponents(flatbuffer: bytes, representative: UInt8Image) -> Exponents:
    """Find scales under which every channel uses its tensor's int8 range well.

    Nagel et al. 2019 ("Data-free quantization through weight equalization and bias
    correction", section 4.1): as ReLU(s x) = s ReLU(x) for s > 0, channel i of a tensor can be
    divided by s_i in the layer that writes it (weights and bias) and multiplied by it in the
    layer that reads it, and s_i = sqrt(r1_i r2_i) / r2_i makes the ranges on both sides equal.
    There r1 is the range of the writer's weights. Here weights are quantized per channel, and
    only the tensor between has one scale for all channels, so r1_i is the range of
    channel i over the representative set (as in Xiao et al. 2023, "SmoothQuant", equation 4,
    with alpha 1/2), and r2_i that of the reader's weights on it, relative to the largest
    weight that shares their scale. Weights of a dense layer may have one scale for all channels;
    so r1_i is there at least the range of its own weights.

    Pooling, zero padding, flattening and ADD pass a scale on, so a whole residual stream
    is scaled together, by the largest ranges among its tensors and readers. Tensors next to
    anything else - the input, the logits, RELU6 - are left alone. Scales are rounded to powers of
    two, so that the float network's results stay exactly the same.

    Parameters
    ----------
    flatbuffer : bytes
        Float twin, batch normalisation folded.
    representative : ndarray of uint8, shape (n, side, side, 3)

    Returns
    -------
    Exponents
        By the first tensor of those that are scaled together; empty if nothing is to be gained.
    """
    network = _Network(flatbuffer)
    groups = network.groups()
    peaks = observe_channels(flatbuffer, representative) if groups else {}
    activation = {group.name: _activation_peak(group, peaks) for group in groups}
    total = {group.name: np.zeros(group.channels) for group in groups}
    for _ in range(_ROUNDS):  # what one group changes in a reader is another's writer
        before = {name: exponents.copy() for name, exponents in total.items()}
        for group in groups:
            now = total[group.name]
            written = np.maximum(
                _relative(activation[group.name] / 2**now), network.dense_writer_peak(group)
            )
            step = _step(written, network.reader_peak(group), now)
            network.rescale(group, np.exp2(step))
            now += step
        if all((before[name] == total[name]).all() for name in total):
            break
    return {name: tuple(map(int, found)) for name, found in total.items() if found.any()}


def equalise(flatbuffer: bytes, exponents: Exponents) -> bytes:
    """Rescale the channels between layers; the logits stay the same.

    Parameters
    ----------
    flatbuffer : bytes
        The float twin that the exponents were found for.
    exponents : Exponents

    Returns
    -------
    bytes
        A float twin with the same tensors; the one given if there are no exponents.

    Raises
    ------
    ConversionFailed
        If the exponents are those of another network.
    """
    if not exponents:
        return flatbuffer
    network = _Network(flatbuffer)
    groups = {group.name: group for group in network.groups()}
    for name, powers in exponents.items():
        if name not in groups or groups[name].channels != len(powers):
            raise ConversionFailed(
                f"{name} has no {len(powers)} channels to equalise: the exponents were found for"
                " another model or TensorFlow version; give representative cells instead"
            )
        network.rescale(groups[name], np.exp2(np.array(powers, np.float64)))
    return pack(network.model)


@dataclass(frozen=True)
class _Group:
    """Tensors whose channels are scaled together, and the layers that write and read them."""

    name: str
    tensors: tuple[int, ...]
    writers: tuple[int, ...]
    readers: tuple[int, ...]
    channels: int


class _Network:
    """A float twin whose weights can be changed in place."""

    def __init__(self, flatbuffer: bytes) -> None:
        self.model = unpack(flatbuffer)
        self._graph = self.model.subgraphs[0]
        self._layers = layers(flatbuffer)
        self._weighted = [i for i in range(len(self._layers)) if self._is_weighted(i)]
        self._own_constants()

    def groups(self) -> list[_Group]:
        """Join the tensors that one scale runs through, and drop what cannot be scaled."""
        joined = _Joined()
        fixed = {*map(int, self._graph.inputs), *map(int, self._graph.outputs)}
        for number, layer in enumerate(self._layers):
            homogeneous = self._is_homogeneous(number)
            if number in self._weighted:
                fixed |= set() if homogeneous else {*layer.outputs}
            elif layer.operator in _PASSING and homogeneous and self._channels_stay(layer):
                for index in layer.inputs:
                    joined.join(index, layer.output)
            else:
                fixed |= {*layer.outputs, *layer.inputs}
        fixed_roots = {joined.root(index) for index in fixed}
        members: dict[int, list[int]] = defaultdict(list)
        for layer in self._layers:
            members[joined.root(layer.output)].append(layer.output)
        found = [
            self._group(tensors) for root, tensors in members.items() if root not in fixed_roots
        ]
        return [group for group in found if group.channels]

    def reader_peak(self, group: _Group) -> _Channels:
        """Largest weight on each channel over all readers, relative to those of one int8 scale."""
        peaks = [np.zeros(group.channels)]
        for number in group.readers:
            kernel = np.abs(self._kernel(number))
            if self._layers[number].operator == "DEPTHWISE_CONV_2D":
                continue  # each channel has a scale of its own
            rows = kernel.reshape(len(kernel), -1, group.channels).max(axis=1)
            by_row = self._layers[number].operator == "CONV_2D"
            largest = rows.max(axis=1, keepdims=True) if by_row else np.full((1, 1), rows.max())
            peaks.append((rows / np.where(largest > 0, largest, 1)).max(axis=0))
        return np.asarray(np.max(peaks, axis=0))

    def dense_writer_peak(self, group: _Group) -> _Channels:
        """Largest weight that writes each channel, over the dense layers among the writers."""
        peaks = [np.zeros(group.channels)]
        for number in group.writers:
            if self._layers[number].operator == "FULLY_CONNECTED":
                peaks.append(_relative(np.abs(self._kernel(number)).max(axis=1)))
        return np.asarray(np.max(peaks, axis=0))

    def rescale(self, group: _Group, scale: _Channels) -> None:
        """Divide what is written by the scale, multiply what is read."""
        factor = scale.astype(np.float32)
        for number in group.writers:
            axis = -1 if self._layers[number].operator == "DEPTHWISE_CONV_2D" else 0
            kernel = self._kernel(number)
            kernel /= factor.reshape(
                [-1 if i == axis % kernel.ndim else 1 for i in range(kernel.ndim)]
            )
            if (bias := self._bias(number)) is not None:
                bias /= factor
        for number in group.readers:
            kernel = self._kernel(number)
            kernel *= np.resize(factor, kernel.shape[-1])  # flattened, channels repeat

    def _group(self, tensors: list[int]) -> _Group:
        writers = tuple(i for i in self._weighted if self._layers[i].output in tensors)
        readers = tuple(i for i in self._weighted if set(self._layers[i].inputs) & set(tensors))
        widths = {self._width(self._layers[i].output) for i in writers}
        # a convolution and a dense layer that meet behind a flattening count channels differently
        channels = widths.pop() if len(widths) == 1 else 0
        name = self._graph.tensors[tensors[0]].name.decode()
        return _Group(name, tuple(tensors), writers, readers, channels)

    def _is_weighted(self, number: int) -> bool:
        """Whether the layer's weights are constants, one set of them for every channel."""
        layer = self._layers[number]
        if layer.operator not in _WEIGHTED or len(layer.inputs) != 1:
            return False
        multiplied = self._width(layer.inputs[0]) != self._width(layer.output)
        return not (layer.operator == "DEPTHWISE_CONV_2D" and multiplied)

    def _is_homogeneous(self, number: int) -> bool:
        options = self._graph.operators[number].builtinOptions
        return getattr(options, "fusedActivationFunction", 0) in _HOMOGENEOUS

    def _channels_stay(self, layer: Layer) -> bool:
        """Whether the last axis still walks through the channels; flattening repeats them."""
        before, after = [self._width(index) for index in layer.inputs], self._width(layer.output)
        if layer.operator == "RESHAPE":
            return bool(before) and after % before[0] == 0
        # a constant would have to be scaled as well, and padding of channels shifts them
        return len(before) == 1 + (layer.operator == "ADD") and set(before) == {after}

    def _width(self, index: int) -> int:
        shape = self._graph.tensors[index].shape
        return int(shape[-1]) if len(shape) else 1  # of a single number

    def _own_constants(self) -> None:
        """Give each layer weights of its own."""
        for number in self._weighted:
            operator = self._graph.operators[number]
            for place, index in enumerate(operator.inputs[1:], start=1):
                if index != -1:
                    own_constant(self.model, operator, place)

    def _kernel(self, number: int) -> npt.NDArray[np.float32]:
        return self._constant(int(self._graph.operators[number].inputs[1]))

    def _bias(self, number: int) -> npt.NDArray[np.float32] | None:
        inputs = self._graph.operators[number].inputs
        return self._constant(inputs[2]) if len(inputs) > 2 and inputs[2] != -1 else None

    def _constant(self, index: int) -> npt.NDArray[np.float32]:
        """A constant's values, to be changed in place."""
        tensor = self._graph.tensors[index]
        values = self.model.buffers[tensor.buffer].data.view(np.float32)
        return np.asarray(values.reshape([int(side) for side in tensor.shape]))


class _Joined:
    """Disjoint sets of tensors."""

    def __init__(self) -> None:
        self._parent: dict[int, int] = {}

    def root(self, index: int) -> int:
        while self._parent.get(index, index) != index:
            index = self._parent[index]
        return index

    def join(self, one: int, other: int) -> None:
        self._parent[self.root(other)] = self.root(one)


def _activation_peak(group: _Group, peaks: dict[int, _Channels]) -> _Channels:
    folded = [peaks[index].reshape(-1, group.channels).max(axis=0) for index in group.tensors]
    return np.asarray(np.max(folded, axis=0))


def _relative(peaks: npt.NDArray[np.floating]) -> _Channels:
    """Ranges of channels, relative to the middle one of those that live."""
    alive = peaks > 0
    return np.asarray(peaks / np.median(peaks[alive]) if alive.any() else peaks, np.float64)


def _step(activation: _Channels, weights: _Channels, total: _Channels) -> _Channels:
    """log2 of s, a whole number; 0 for a channel that is never on or never read."""
    alive = (activation > 0) & (weights > 0)
    if not alive.any():
        return np.zeros_like(total)
    wanted = np.log2(activation, where=alive, out=np.zeros_like(total))
    wanted = (wanted - np.log2(weights, where=alive, out=np.zeros_like(total))) / 2
    # a factor common to all channels changes nothing that int8 sees: the middle one stays
    step = np.where(alive, np.round(wanted - np.median(wanted[alive])), 0)
    return np.asarray(np.clip(total + step, -_LARGEST, _LARGEST) - total)
