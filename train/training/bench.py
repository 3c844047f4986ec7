"""How fast a network trains on this machine: crops a second, seconds an epoch, utilisation."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from edge.models import cnmc
from train.networks.find import find_network
from train.networks.paper import multiply_adds
from train.training.fit import build_trainer, one_hot
from train.training.recipe import RECIPES

PAPER_CROPS = 10_022
"""Crops of one of the paper's epochs."""

# a training step takes a forward pass and two of the same size backward, 2 operations
# each multiply-add (Kaplan et al. 2020, Scaling Laws, section 2.1)
_OPERATIONS_PER_MULTIPLY_ADD = 6

_MATRIX = 2048


@dataclass(frozen=True)
class Speed:
    """How fast one network trains.

    Attributes
    ----------
    network, recipe, precision : str
    batch_size, steps : int
        Steps timed, after the first ones, which compile.
    crops_per_second : float
    seconds_per_epoch : float
        For :data:`PAPER_CROPS` crops.
    utilisation : float
        Operations of the network a second over `peak`.
    peak : float
        Operations a second of a large matrix product in the same precision, measured in
        the same run.
    """

    network: str
    recipe: str
    precision: str
    batch_size: int
    steps: int
    crops_per_second: float
    seconds_per_epoch: float
    utilisation: float
    peak: float


def measure_speed(network: str, recipe: str, precision: str, steps: int) -> Speed:
    """Time training steps on random crops.

    Parameters
    ----------
    network : str
        A key of :data:`train.networks.find.BUILDERS`.
    recipe : str
        A key of :data:`train.training.recipe.RECIPES`.
    precision : str
        Keras' policy.
    steps : int
        How many to time.
    """
    settings = replace(RECIPES[recipe](network), precision=precision)
    size = settings.batch_size
    random = np.random.default_rng(0)
    side, labels = cnmc.SIDE, len(cnmc.NAMES)
    crops = random.integers(0, 256, (steps * size, side, side, 3), np.uint8)
    of_crops = random.integers(0, labels, steps * size, np.int32)
    model, trainer = build_trainer(find_network(network, side, labels), settings, crops, of_crops)
    positions = np.arange(len(crops), dtype=np.int32)
    targets = one_hot(of_crops, labels)
    options: dict[str, Any] = {"batch_size": size, "epochs": 1, "shuffle": False, "verbose": 0}
    trainer.fit(positions[: 2 * size], targets[: 2 * size], **options)
    start = time.perf_counter()
    trainer.fit(positions, targets, **options)
    rate = len(crops) / (time.perf_counter() - start)
    peak = matrix_rate("bfloat16" if precision == "mixed_bfloat16" else "float32")
    return Speed(
        network,
        recipe,
        precision,
        size,
        steps,
        crops_per_second=rate,
        seconds_per_epoch=PAPER_CROPS / rate,
        utilisation=_OPERATIONS_PER_MULTIPLY_ADD * multiply_adds(model) * rate / peak,
        peak=peak,
    )


def matrix_rate(dtype: str) -> float:
    """Operations a second of the best of five large matrix products."""
    import keras

    matrix = keras.ops.ones((_MATRIX, _MATRIX), dtype)
    best = float("inf")
    for _ in range(6):  # the first one warms up
        start = time.perf_counter()
        keras.ops.convert_to_numpy(keras.ops.matmul(matrix, matrix)[:1, :1])
        best = min(best, time.perf_counter() - start)
    return float(2 * _MATRIX**3 / best)


def describe_speeds(speeds: list[Speed]) -> dict[str, Any]:
    """Speeds with what they were measured on, ready for JSON."""
    from train.training.backend import machine, versions

    return {
        "machine": machine(),
        "versions": versions(),
        "speeds": [asdict(speed) for speed in speeds],
    }
