"""What each stage of classifying a crop takes on one thread, and the best an interpreter can do."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from edge.crops.preprocess import UInt8Image
from edge.crops.quality import limits_of, quality_of
from edge.decoding.decode import crop_and_frame_of
from edge.engine.network import Int8Network
from edge.engine.runtime import find_runtime
from edge.files import read_bytes
from edge.models.cnmc import SIDE
from edge.models.model_file import ModelFile

BATCHES = (1, 2, 4, 8, 16, 32, 64)
_REPETITIONS = 5
_TIMED = 640  # crops over which stages are timed, one after the other as a run has them


def best_invocation(model: ModelFile, crops: UInt8Image) -> tuple[int, float]:
    """Batch and seconds per crop of the fastest invocation on one thread, of any batch size.

    Parameters
    ----------
    model : ModelFile
    crops : ndarray of uint8, shape (64, 70, 70, 3)
    """
    network = Int8Network(model.flatbuffer, find_runtime())
    seconds = {batch: _shortest(network, crops, batch) / len(crops) for batch in BATCHES}
    return min(seconds.items(), key=lambda item: item[1])


def _shortest(network: Int8Network, crops: UInt8Image, batch: int) -> float:
    network.raw_logits_of(crops, batch)  # the first invocation allocates memory
    found = []
    for _ in range(_REPETITIONS):
        start = time.perf_counter()
        network.raw_logits_of(crops, batch)
        found.append(time.perf_counter() - start)
    return min(found)


def stage_milliseconds(paths: Sequence[str], model: ModelFile, batch: int) -> dict[str, float]:
    """Milliseconds per crop of every stage on one thread.

    Stages take turns as in a run, so that each finds the caches as the one before leaves them.
    """
    network, limits = Int8Network(model.flatbuffer, find_runtime()), limits_of(model.reference)
    contract = model.metadata.contract
    seconds: Counter[str] = Counter()  # and how many crops

    def timed(stage: str, work: Callable[..., object], *given: object) -> object:
        start = time.perf_counter()
        result = work(*given)
        seconds[stage] += time.perf_counter() - start
        return result

    chunk = max(batch, 8)
    for at in range(0, min(_TIMED, len(paths)), chunk):
        seen = []
        for path in paths[at : at + chunk]:
            data = timed("read", read_bytes, path)
            seen.append(timed("decode, reduce", crop_and_frame_of, data, contract.side))
        timed("invoke", network.raw_logits_of, np.stack([crop for crop, _ in seen]), batch)
        for crop, frame in seen:
            timed("judge quality", quality_of, crop, frame, limits, contract)
        seconds["crops"] += len(seen)
    crops = seconds.pop("crops")
    return {stage: 1000 * total / crops for stage, total in seconds.items()}


def some_crops(paths: Sequence[str]) -> UInt8Image:
    """As many crops as the largest batch takes."""
    crops = [crop_and_frame_of(read_bytes(path), SIDE)[0] for path in paths[: max(BATCHES)]]
    return np.resize(np.stack(crops), (max(BATCHES), SIDE, SIDE, 3))
