"""Run all three stages of a conversion on the evaluation cells."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from convert.chosen_cells import Cells
from convert.network.input_range import InputRange
from convert.network.logits_model import keras_logits
from convert.verify.fidelity import Stages
from edge.crops.preprocess import UInt8Image
from edge.engine.network import FloatNetwork, Int8Network
from edge.engine.runtime import find_runtime
from edge.statistics.answers import Logits

if TYPE_CHECKING:
    import keras


def evaluate(
    model: keras.Model, twin: bytes, int8: bytes, cells: Cells, threads: int = 1
) -> Stages:
    """Logits of Keras, of the float twin and of int8 on the evaluation cells.

    Parameters
    ----------
    model : keras.Model
        Crops in 0..1 to logits.
    twin, int8 : bytes
        Flatbuffers.
    cells : Cells
    threads : int
        How many processors to use.
    """
    return Stages(
        keras=keras_logits(model, cells.evaluation),
        twin=float_logits(twin, cells.evaluation, threads),
        int8=int8_logits(int8, cells.evaluation, threads),
        logit_step=Int8Network(int8, find_runtime()).logit_step,
        names=cells.names,
        labels=cells.labels,
        subjects=cells.subjects,
        cells_are=cells.evaluation_are,
    )


def logits_in(model: keras.Model, crops: UInt8Image, fed: InputRange, other: InputRange) -> Logits:
    """Logits that a Keras model would give if its crops came in another range.

    Parameters
    ----------
    model : keras.Model
        Crops in 0..1 to logits; it scales them to `fed` inside.
    crops : ndarray of uint8, shape (n, side, side, 3)
    fed, other : InputRange

    Returns
    -------
    ndarray of float, shape (n, labels)
    """
    scale = (other.high - other.low) / (fed.high - fed.low) / 255
    offset = (other.low - fed.low) / (fed.high - fed.low)
    batches = [
        model.predict_on_batch(scale * crops[i : i + 64].astype(np.float32) + np.float32(offset))
        for i in range(0, len(crops), 64)
    ]
    return np.concatenate([np.asarray(batch) for batch in batches])


def float_logits(twin: bytes, crops: UInt8Image, threads: int = 1) -> Logits:
    """Logits of the float twin: crops (n, side, side, 3) uint8 to (n, labels).

    Threads share one interpreter: VGG-16 takes 160 MB in each.
    """
    return FloatNetwork(twin, find_runtime(), threads).logits_of(crops)


def int8_logits(int8: bytes, crops: UInt8Image, threads: int = 1) -> Logits:
    """Logits of an int8 network: crops (n, side, side, 3) uint8 to (n, labels)."""
    parts = [part for part in np.array_split(crops, threads) if len(part)]
    networks = [Int8Network(int8, find_runtime()) for _ in parts]
    with ThreadPoolExecutor(threads) as pool:  # the runtime releases the interpreter lock
        return np.concatenate(list(pool.map(Int8Network.logits_of, networks, parts)))
