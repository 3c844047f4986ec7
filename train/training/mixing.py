"""Crops of one label mixed with each other: what is between two people's cells is of it, too.

Zhang et al. 2018 (mixup) and Yun et al. 2019 (CutMix) mix labels as well; here both crops have the
same one, so that nothing is learned about cells that cannot be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

_BETA = 0.4
"""Of the beta distribution that a crop's part is drawn from: mostly nearly all or nearly none
(Zhang et al. 2018 take 0.1 to 0.4)."""


def mixer(mix: str, seed: int) -> keras.Layer:
    """Build the layer that mixes every crop of a batch with another one of its label.

    Where the batch holds no other, a crop is mixed with itself.

    Parameters
    ----------
    mix : str
        ``mixup``: the mean of both, weighted; ``cutmix``: a rectangle of the other on the one.
    seed : int

    Returns
    -------
    keras.Layer
        Crops (n, side, side, 3) and labels (n,) to crops.
    """
    import keras
    from keras import ops

    class MixInsideLabel(keras.Layer):
        """Mix crops of one label."""

        def __init__(self) -> None:
            super().__init__(dtype="float32")
            self.generator = keras.random.SeedGenerator(seed)

        def call(self, crops: Any, labels: Any) -> Any:
            n = ops.shape(crops)[0]
            lots = keras.random.uniform((n, n), seed=self.generator)
            # itself last: its lot is below those of all others of its label
            same = ops.cast(labels[:, None] == labels[None, :], "float32") - ops.eye(n) * 0.5
            others = ops.take(crops, ops.argmax(lots * 0.25 + same, axis=1), axis=0)
            part = keras.random.beta((n, 1, 1, 1), _BETA, _BETA, seed=self.generator)
            other = self._rectangles(crops, part) if mix == "cutmix" else 1.0 - part
            return crops + other * (others - crops)

        def _rectangles(self, crops: Any, part: Any) -> Any:
            """1 within a rectangle that leaves `part` of the picture, 0 around it."""
            n, side = ops.shape(crops)[0], crops.shape[1]
            half = ops.sqrt(1.0 - part) * side / 2
            inside = 1.0
            for axis in (1, 2):
                middle = keras.random.uniform((n, 1, 1, 1), 0.0, 1.0, seed=self.generator) * side
                shape = (1, side, 1, 1) if axis == 1 else (1, 1, side, 1)
                places = ops.reshape(ops.arange(side, dtype="float32") + 0.5, shape)
                inside = inside * ops.cast(ops.abs(places - middle) < half, "float32")
            return inside

    return MixInsideLabel()
