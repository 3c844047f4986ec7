"""Golden vectors: drawn crops with the outputs an int8 network gives for them."""

from __future__ import annotations

import numpy as np

from edge.drawn import draw_cell
from edge.model_file import GoldenVectors
from edge.preprocess import to_crop
from edge.runtime import Int8Network

GOLDEN_TOLERANCE = 4
"""How many int8 steps golden logits may be off on another machine."""

_DRAWN, _KEPT = 96, 16


def golden_vectors(network: Int8Network) -> GoldenVectors:
    """Draw crops and keep those that span the range of the network's scores evenly.

    Drawn, because a released file carries nobody's images.
    """
    crops = np.stack([to_crop(draw_cell(seed)) for seed in range(_DRAWN)])
    logits = np.stack([network.raw_logits(crop) for crop in crops])
    margins = logits[:, 1].astype(int) - logits[:, 0]
    order = np.argsort(margins, kind="stable")
    kept = order[np.linspace(0, _DRAWN - 1, _KEPT).round().astype(int)]
    return GoldenVectors(crops[kept], logits[kept])
