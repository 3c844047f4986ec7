"""How much longer one int8 network takes than another."""

from __future__ import annotations

import time

import numpy as np

from edge.engine.network import Int8Network
from edge.engine.runtime import find_runtime

_ROUNDS = 40


def latency_ratio(flatbuffer: bytes, reference: bytes) -> float:
    """Time of one cell, over that of the reference on the same machine at the same time.

    The two take turns, and of each the shortest time counts: what else the machine does only
    ever makes it longer.

    Parameters
    ----------
    flatbuffer, reference : bytes
        Int8 networks.

    Returns
    -------
    float
    """
    networks = [Int8Network(content, find_runtime()) for content in (flatbuffer, reference)]
    side = networks[0].side
    crop = np.zeros((side, side, 3), np.uint8)
    shortest = [float("inf")] * 2
    for _ in range(_ROUNDS):
        for place, network in enumerate(networks):
            start = time.perf_counter()
            network.raw_logits(crop)
            shortest[place] = min(shortest[place], time.perf_counter() - start)
    return shortest[0] / shortest[1]
