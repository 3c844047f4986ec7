"""Which layer of an int8 network leaves its float twin first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.crops.preprocess import UInt8Image
from edge.engine.open_network import OpenNetwork
from edge.statistics.signal import decibels

LEAST_SNR = 10.0
"""dB at which a layer's noise is a tenth of its signal: below, the layer is bad. Those of the CNN
that ships have 33 dB and more on drawn cells (``edge-all drift`` lists them)."""

LARGEST_FALL = 6.0
"""dB that a layer may lie below all before it: twice their noise; rounding adds up slowly."""

LAYERS_COMPARED_ON = 32
"""Cells: sums over all values of a layer settle with few, and keeping all tensors is slow."""


@dataclass(frozen=True)
class LayerNoise:
    """How well the output of one layer survives int8, with all layers before it.

    Attributes
    ----------
    name : str
        Of the layer's output in the twin.
    operator : str
        What makes it: ``CONV_2D``.
    snr_db : float or None
        ``10 log10(sum(float^2) / sum((int8 - float)^2))`` over all values of all cells, in dB; None
        where the int8 network has no such layer.
    """

    name: str
    operator: str
    snr_db: float | None

    @property
    def is_bad(self) -> bool:
        """Whether it has no counterpart, or its noise is above a tenth of its signal."""
        return self.snr_db is None or self.snr_db < LEAST_SNR

    @property
    def words(self) -> str:
        """Operator and first name: a converter joins those of all that it fused."""
        name = self.name.partition(";")[0]
        return f"{self.operator} {name if len(name) <= 60 else f'...{name[-57:]}'}"


def compare_layers(twin: bytes, int8: bytes, cells: Sequence[UInt8Image]) -> tuple[LayerNoise, ...]:
    """Compare the output of every layer of an int8 network with that of the same one of its twin.

    Both run on TFLite's own kernels, which show what lies between.

    Parameters
    ----------
    twin, int8 : bytes
        Flatbuffers.
    cells : sequence of ndarray of uint8, shape (side, side, 3)
        At least one; of many, the first :data:`LAYERS_COMPARED_ON` are taken.

    Returns
    -------
    tuple of LayerNoise
        In the order in which the layers run.

    Raises
    ------
    ModelFileRefused
        ``runtime`` if TFLite cannot run one of them.
    """
    exact, rounded = OpenNetwork(twin), OpenNetwork(int8)
    of_twin = {detail["name"]: detail for detail in exact.details}
    of_int8 = {detail["name"]: detail for detail in rounded.details}
    layers = [
        (name, operator)
        for operator, name in exact.operators
        if of_twin[name]["dtype"] is np.float32
    ]
    pairs = [(of_twin[name], counterpart_of(of_int8, of_twin[name])) for name, _ in layers]
    sums = np.zeros((len(layers), 2))
    for cell in cells[:LAYERS_COMPARED_ON]:
        exact.feed(cell)
        rounded.feed(cell)
        for place, (mine, other) in enumerate(pairs):
            if other is not None:
                x = exact.tensor(mine["index"]).astype(np.float64)
                error = _as_float(rounded.tensor(other["index"]), other) - x
                sums[place] += (error * error).sum(), (x * x).sum()
    return tuple(
        LayerNoise(name, operator, None if other is None else decibels(*of_layer))
        for (name, operator), (_, other), of_layer in zip(layers, pairs, sums.tolist(), strict=True)
    )


def first_bad_layer(layers: Sequence[LayerNoise]) -> LayerNoise | None:
    """First layer that runs and is bad, or falls far below those before it; None where none does.

    The layers behind it inherit its noise.
    """
    least = None
    for layer in layers:
        if layer.snr_db is None or layer.is_bad:
            return layer
        if least is not None and layer.snr_db < least - LARGEST_FALL:
            return layer
        least = layer.snr_db if least is None else min(least, layer.snr_db)
    return None


def counterpart_of(
    by_name: dict[str, dict[str, Any]], mine: dict[str, Any]
) -> dict[str, Any] | None:
    """Find a layer's output; behind one kept in float, its int8 form has a name of its own.

    Parameters
    ----------
    by_name : dict
        Details of the tensors of the int8 network.
    mine : dict
        Details of the tensor in the twin.
    """
    for known_as in (f"{mine['name']}_quantized", mine["name"]):
        found = by_name.get(known_as)
        if found is not None and tuple(found["shape"]) == tuple(mine["shape"]):
            return found
    return None


def _as_float(raw: npt.NDArray[Any], detail: dict[str, Any]) -> npt.NDArray[np.float64]:
    values = raw.astype(np.float64)
    if raw.dtype != np.int8:
        return values
    scale, zero_point = detail["quantization"]
    return np.asarray((values - zero_point) * scale)
