"""Drawn cells of three kinds that their colour tells apart, and networks that tell them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge.crops.drawn import draw_crop
from edge.crops.preprocess import UInt8Image, to_crop

KINDS = ("a", "b", "c")
COLOURS = {"a": (1.6, 1, 1), "b": (1, 2.2, 1), "c": (1, 1, 1.6)}
"""Label -> what red, green and blue of its cells are multiplied by."""

SIDE, PEOPLE, OF_PERSON = 48, 8, 12


def write_kinds(folder: Path, first: int = 0, people: int = PEOPLE) -> Path:
    """Write cells as ``LABEL/PERSON/N.png``, 36 of each person: drawn ones in three colours."""
    for kind in KINDS:
        for number in range(people * OF_PERSON):
            path = folder / kind / f"p{number // OF_PERSON}" / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            assert cv2.imwrite(str(path), coloured(kind, first + number)[:, :, ::-1])
    return folder


def coloured(kind: str, seed: int) -> UInt8Image:
    """A drawn cell in the colour of a kind."""
    pixels = draw_crop(seed, SIDE) * np.array(COLOURS[kind])
    return np.asarray(np.clip(pixels, 0, 255), np.uint8)


def crops_of(side: int, count: int) -> tuple[UInt8Image, Any]:
    """Cells of all kinds as crops, count of each, and their labels."""
    crops = [to_crop(coloured(kind, seed), side) for kind in KINDS for seed in range(count)]
    return np.stack(crops), np.repeat(np.arange(len(KINDS)), count)


def colour_network(end: Any, side: int = 32, units: int = 3, *first: Any) -> Any:
    """A network that averages colours and weighs them, and ends so; its weights are not set."""
    import keras

    layers = keras.layers
    crop = keras.Input((side, side, 3))
    x = crop
    for layer in first:
        x = layer(x)
    x = layers.GlobalAveragePooling2D()(layers.AveragePooling2D(4)(x))
    return keras.Model(crop, end(layers.Dense(units, name="logits")(x)), name="colours")


def teach(model: Any, crops: Any, labels: Any, kinds: int = 3, steep: float = 12.0) -> None:
    """Set the weights of its layer ``logits`` so that it tells cells, by least squares.

    Parameters
    ----------
    model : keras.Model
    crops : ndarray
        In the range of values that it wants.
    labels : ndarray of int
    kinds : int
        How many it tells; one number says it of two.
    steep : float
        How sure it is.
    """
    import keras

    last = model.get_layer("logits")
    seen = keras.Model(model.inputs[0], last.input).predict(crops, verbose=0)
    middle, spread = seen.mean(axis=0), seen.std(axis=0)
    alive = spread > 0.01 * spread.max()
    scale = np.where(alive, 1 / np.where(alive, spread, 1), 0)
    wanted = np.eye(kinds)[labels] - 1 / kinds if last.units > 1 else (labels - 0.5)[:, None]
    found = np.linalg.lstsq((seen - middle) * scale, wanted - wanted.mean(axis=0), rcond=0.01)[0]
    weights = steep * scale[:, None] * found
    last.set_weights([weights, steep * wanted.mean(axis=0) - middle @ weights])
