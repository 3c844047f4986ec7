"""Augmentation on the device: what differs between smears but not between classes.

A cell has no upright position, and stain, lamp and camera differ from day to day; its
size and its chromatin do say something. So crops are turned, recoloured and drained of
colour strongly, but hardly zoomed: colour tells people apart better than classes. All
operations are Keras' own, so they run on TensorFlow, JAX and PyTorch alike. Black background
stays black; where the background is natural, what turning uncovers is its mirror image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge.contract import BLACK

if TYPE_CHECKING:
    import keras

_MOST_COLOUR = 1.3


def augmenter(seed: int, background: str = BLACK) -> keras.Model:
    """Build the augmentation: crops in 0..1 to crops in 0..1.

    Flips, rotation by any angle, zoom of up to 3 %, shift of up to 5 %, then colour from
    none to 1.3 times as it was (stain), a gamma for all channels (camera), a gain for each
    (stain) and one for all (lamp), log-normal with sigma 0.15, 0.15 and 0.20.

    Parameters
    ----------
    seed : int
        Seed of every random choice.
    background : str
        What lies around the cells: one of :data:`edge.contract.BACKGROUNDS`.
    """
    import keras
    from keras import layers

    class Recolour(layers.Layer):
        """Vary colour, gamma and gain; black stays black."""

        def __init__(self) -> None:
            super().__init__(dtype="float32")
            self.generator = keras.random.SeedGenerator(seed + 4)

        def _factor(self, n: Any, channels: int, sigma: float) -> Any:
            shape = (n, 1, 1, channels)
            return keras.ops.exp(keras.random.normal(shape, stddev=sigma, seed=self.generator))

        def call(self, crops: Any) -> Any:
            n = keras.ops.shape(crops)[0]
            grey = keras.ops.mean(crops, axis=-1, keepdims=True)
            colour = keras.random.uniform((n, 1, 1, 1), 0.0, _MOST_COLOUR, seed=self.generator)
            crops = keras.ops.clip(grey + colour * (crops - grey), 0.0, 1.0)
            gamma = self._factor(n, 1, 0.15)
            gain = self._factor(n, 3, 0.15) * self._factor(n, 1, 0.20)
            recoloured = gain * keras.ops.power(crops, gamma)
            return keras.ops.clip(recoloured, 0.0, 1.0)

    exact: dict[str, Any] = {"dtype": "float32"}  # bfloat16 has fewer levels than a crop
    fill = {"fill_mode": "constant", "fill_value": 0.0, **exact}
    if background != BLACK:
        fill = {"fill_mode": "reflect", **exact}
    return keras.Sequential(
        [
            layers.RandomFlip(seed=seed, **exact),
            layers.RandomRotation(0.5, seed=seed + 1, **fill),
            layers.RandomZoom((-0.03, 0.03), seed=seed + 2, **fill),
            layers.RandomTranslation(0.05, 0.05, seed=seed + 3, **fill),
            Recolour(),
        ],
        name="augmenter",
    )
