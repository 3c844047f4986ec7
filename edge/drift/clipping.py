"""Which layers of an int8 network cut off what its float twin gives: ranges that are too narrow.

Ranges come from the representative set, from the smallest to the largest value that a layer gives
on its cells. Of cells like them, one in ``n + 1`` goes beyond the largest of `n`, whatever the
distribution (ranks of exchangeable values are uniform; Wilks, Ann. Math. Stat. 12, 1941): of 300
cells, one in 301; of 5, one in 6, in every layer anew. That tells ranges of few cells long before
labels flip: what is cut off is the rare and large, and most cells keep their side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge.crops.preprocess import UInt8Image
from edge.drift.layers import counterpart_of
from edge.engine.open_network import OpenNetwork
from edge.statistics.shares import wilson_interval

LOOKED_INTO = 100
"""Cells: some seconds for the CNN that ships, and enough to tell one in six from one in thirty."""


@dataclass(frozen=True)
class LayerClipping:
    """How many cells go beyond what the int8 output of a layer can hold.

    Attributes
    ----------
    name : str
        Of the layer's output in the twin.
    operator : str
        What makes it: ``CONV_2D``.
    clipped : int
        Cells with a value in float that lies more than half a step beyond the ends.
    cells : int
        All that were looked into.
    """

    name: str
    operator: str
    clipped: int
    cells: int

    @property
    def share(self) -> float:
        """Of cells, 0..1."""
        return self.clipped / self.cells

    def is_beyond(self, limit: float) -> bool:
        """Whether a 95 % interval leaves no doubt that the share is larger than that."""
        return wilson_interval(self.clipped, self.cells)[0] > limit


def measure_clipping(
    twin: bytes, int8: bytes, cells: Sequence[UInt8Image]
) -> tuple[LayerClipping, ...]:
    """Count, layer by layer, cells whose float values an int8 network cannot hold.

    Parameters
    ----------
    twin, int8 : bytes
        Flatbuffers.
    cells : sequence of ndarray of uint8, shape (side, side, 3)
        At least one.

    Returns
    -------
    tuple of LayerClipping
        In the order in which the layers run; without those that are not int8.

    Raises
    ------
    ModelFileRefused
        ``runtime`` if TFLite cannot run one of them.
    """
    exact, rounded = OpenNetwork(twin), OpenNetwork(int8)
    of_twin = {detail["name"]: detail for detail in exact.details}
    of_int8 = {detail["name"]: detail for detail in rounded.details}
    layers = []
    for operator, name in exact.operators:
        ends = _ends_of(counterpart_of(of_int8, of_twin[name]))
        if of_twin[name]["dtype"] is np.float32 and ends is not None:
            layers.append((name, operator, int(of_twin[name]["index"]), *ends))
    clipped = np.zeros(len(layers), np.int64)
    for cell in cells:
        exact.feed(cell)
        for place, (_, _, index, low, high) in enumerate(layers):
            values = exact.tensor(index)
            clipped[place] += bool(values.min() < low or values.max() > high)
    return tuple(
        LayerClipping(name, operator, count, len(cells))
        for (name, operator, *_), count in zip(layers, clipped.tolist(), strict=True)
    )


def worst_layer(layers: Sequence[LayerClipping]) -> LayerClipping | None:
    """First of the layers that cut off most cells; None without layers."""
    return max(layers, key=lambda layer: layer.clipped, default=None)


def _ends_of(detail: dict[str, Any] | None) -> tuple[float, float] | None:
    """Values that int8 rounds to its ends at most; None of what is not int8."""
    if detail is None or detail["dtype"] is not np.int8:
        return None
    scale, zero_point = detail["quantization"]
    kind = np.iinfo(np.int8)
    return (kind.min - zero_point - 0.5) * scale, (kind.max - zero_point + 0.5) * scale
