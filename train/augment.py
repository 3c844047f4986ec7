"""Augmentation on the device: what differs between smears but not between classes.

A cell has no upright position, and stain and lamp differ from day to day. All
operations are Keras' own, so they run on TensorFlow, JAX and PyTorch alike and
black background stays black.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras


def augmenter(seed: int) -> keras.Model:
    """Build the augmentation: crops in 0..1 to crops in 0..1.

    Flips, rotation by any angle, zoom of up to 15 %, shift of up to 5 %, then a gain
    per channel (stain) and one for all (lamp), log-normal with sigma 0.06 and 0.10.

    Parameters
    ----------
    seed : int
        Seed of every random choice.
    """
    import keras
    from keras import layers

    class StainJitter(layers.Layer):
        """Multiply every channel by a random gain near 1."""

        def __init__(self) -> None:
            super().__init__(dtype="float32")
            self.generator = keras.random.SeedGenerator(seed + 4)

        def call(self, crops: Any) -> Any:
            n = keras.ops.shape(crops)[0]
            stain = keras.random.normal((n, 1, 1, 3), stddev=0.06, seed=self.generator)
            lamp = keras.random.normal((n, 1, 1, 1), stddev=0.10, seed=self.generator)
            gain = keras.ops.exp(stain + lamp)
            return keras.ops.clip(crops * keras.ops.cast(gain, crops.dtype), 0.0, 1.0)

    exact: dict[str, Any] = {"dtype": "float32"}  # bfloat16 has fewer levels than a crop
    black = {"fill_mode": "constant", "fill_value": 0.0, **exact}
    return keras.Sequential(
        [
            layers.RandomFlip(seed=seed, **exact),
            layers.RandomRotation(0.5, seed=seed + 1, **black),
            layers.RandomZoom((-0.15, 0.15), seed=seed + 2, **black),
            layers.RandomTranslation(0.05, 0.05, seed=seed + 3, **black),
            StainJitter(),
        ],
        name="augmenter",
    )
