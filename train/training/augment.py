"""Augmentation on the device: what differs between smears but not between classes.

A cell has no upright position, and stain, lamp and camera differ from day to day; its
size and its chromatin do say something. How far each may vary is the recipe's to say. All
operations are Keras' own, so they run on TensorFlow, JAX and PyTorch alike. Black background
stays black; where the background is natural, what turning uncovers is its mirror image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge.contract import BLACK
from train.training.mixing import mixer

if TYPE_CHECKING:
    import keras

    from train.training.recipe import Recipe

_MOST_COLOUR = 1.3
_MOST_SHIFT = 0.05

_SIGMAS = {"mild": (0.0, 0.05, 0.05), "strong": (0.15, 0.15, 0.20), "drained": (0.15, 0.15, 0.20)}
"""Colour -> sigma of a gamma for all channels (camera), of a gain for each (stain) and of one for
all (lamp); all log-normal."""


def augmenter(recipe: Recipe, side: int, background: str = BLACK) -> keras.Model:
    """Build the augmentation: crops in 0..1, and their labels, to crops in 0..1.

    Flips and shifts of up to 5 %, always. ``turns``: by any angle, or by quarters; then shifts are
    of whole pixels, and nothing is interpolated but by a zoom. ``colour``: as it was, or a gain for
    each channel and one for all, log-normal with sigma 0.05; ``strong`` of 0.15 and 0.20, and a
    gamma of 0.15; ``drained`` like it, after colour was taken from none to 1.3 times as it was.
    ``outline``: cells on black lose a rim. ``mix``: :mod:`train.training.mixing`. ``noise`` falls
    on cells, not on black.

    Parameters
    ----------
    recipe : Recipe
    side : int
        Of the crops, in pixels.
    background : str
        What lies around the cells: one of :data:`edge.contract.BACKGROUNDS`.
    """
    import keras

    crops = keras.Input((side, side, 3))
    labels = keras.Input((), dtype="int32")
    x = crops
    for layer in _moves(recipe, background):
        x = layer(x)
    if recipe.outline and background == BLACK:
        x = _closer(recipe.outline, recipe.seed + 5)(x)
    if recipe.mix != "none":
        x = mixer(recipe.mix, recipe.seed + 6)(x, labels)
    if recipe.colour != "none":
        x = _recolour(recipe.colour, recipe.seed + 4)(x)
    if recipe.noise:
        x = _noise(recipe.noise, recipe.seed + 7)(x)
    return keras.Model([crops, labels], x, name="augmenter")


def _moves(recipe: Recipe, background: str) -> list[Any]:
    """Layers that move a cell and do not change what it looks like."""
    from keras import layers

    seed, zoom = recipe.seed, recipe.zoom
    exact: dict[str, Any] = {"dtype": "float32"}  # bfloat16 has fewer levels than a crop
    fill = {"fill_mode": "constant", "fill_value": 0.0, **exact}
    if background != BLACK:
        fill = {"fill_mode": "reflect", **exact}
    found: list[Any] = [layers.RandomFlip(seed=seed, **exact)]
    if recipe.turns == "any":
        found.append(layers.RandomRotation(0.5, seed=seed + 1, **fill))
    if zoom:
        found.append(layers.RandomZoom((-zoom, zoom), seed=seed + 2, **fill))
    if recipe.turns == "any":
        found.append(layers.RandomTranslation(_MOST_SHIFT, _MOST_SHIFT, seed=seed + 3, **fill))
    else:
        found.append(_quarters(seed + 1, background))
    return found


def _quarters(seed: int, background: str) -> keras.Layer:
    import keras
    from keras import ops

    class QuarterTurns(keras.Layer):
        """Turn by quarters and shift by whole pixels: every value stays one that was there."""

        def __init__(self) -> None:
            super().__init__(dtype="float32")
            self.generator = keras.random.SeedGenerator(seed)

        def call(self, crops: Any) -> Any:
            n, side = ops.shape(crops)[0], crops.shape[1]
            most = int(_MOST_SHIFT * side)
            half, quarter = (
                keras.random.uniform((n, 1, 1, 1), seed=self.generator) < 0.5 for _ in range(2)
            )
            crops = ops.where(half, ops.flip(crops, (1, 2)), crops)
            crops = ops.where(quarter, ops.flip(ops.transpose(crops, (0, 2, 1, 3)), 2), crops)
            mode = "constant" if background == BLACK else "reflect"
            wide = ops.pad(crops, ((0, 0), (most, most), (most, most), (0, 0)), mode=mode)
            for axis in (1, 2):
                first = keras.random.randint((n, 1), 0, 2 * most + 1, seed=self.generator)
                places = first + ops.arange(side, dtype="int32")[None, :]
                shape = (-1, side, 1, 1) if axis == 1 else (-1, 1, side, 1)
                wide = ops.take_along_axis(wide, ops.reshape(places, shape), axis=axis)
            return wide

    return QuarterTurns()


def _closer(most: int, seed: int) -> keras.Layer:
    import keras
    from keras import ops

    class CutCloser(keras.Layer):
        """Take a rim of 0 to so many pixels off what is not black."""

        def __init__(self) -> None:
            super().__init__(dtype="float32")
            self.generator = keras.random.SeedGenerator(seed)

        def call(self, crops: Any) -> Any:
            n = ops.shape(crops)[0]
            pixels = keras.random.randint((n, 1, 1, 1), 0, most + 1, seed=self.generator)
            black = ops.cast(ops.max(crops, axis=-1, keepdims=True) <= 0, "float32")
            for done in range(most):
                wider = ops.max_pool(black, 3, 1, padding="same")
                black = ops.where(pixels > done, wider, black)
            return crops * (1.0 - black)

    return CutCloser()


def _recolour(colour: str, seed: int) -> keras.Layer:
    import keras
    from keras import ops

    bend, stain, lamp = _SIGMAS[colour]

    class Recolour(keras.Layer):
        """Vary colour, gamma and gain; black stays black."""

        def __init__(self) -> None:
            super().__init__(dtype="float32")
            self.generator = keras.random.SeedGenerator(seed)

        def _factor(self, n: Any, channels: int, sigma: float) -> Any:
            shape = (n, 1, 1, channels)
            return ops.exp(keras.random.normal(shape, stddev=sigma, seed=self.generator))

        def call(self, crops: Any) -> Any:
            n = ops.shape(crops)[0]
            if colour == "drained":
                grey = ops.mean(crops, axis=-1, keepdims=True)
                kept = keras.random.uniform((n, 1, 1, 1), 0.0, _MOST_COLOUR, seed=self.generator)
                crops = ops.clip(grey + kept * (crops - grey), 0.0, 1.0)
            if bend:
                crops = ops.power(crops, self._factor(n, 1, bend))
            gain = self._factor(n, 3, stain) * self._factor(n, 1, lamp)
            return ops.clip(gain * crops, 0.0, 1.0)

    return Recolour()


def _noise(sigma: float, seed: int) -> keras.Layer:
    import keras
    from keras import ops

    class CellNoise(keras.Layer):
        """Add Gaussian noise to what is not black."""

        def __init__(self) -> None:
            super().__init__(dtype="float32")
            self.generator = keras.random.SeedGenerator(seed)

        def call(self, crops: Any) -> Any:
            noise = keras.random.normal(ops.shape(crops), stddev=sigma, seed=self.generator)
            cell = ops.cast(ops.max(crops, axis=-1, keepdims=True) > 0, "float32")
            return ops.clip(crops + noise * cell, 0.0, 1.0)

    return CellNoise()
