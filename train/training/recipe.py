"""How a network is trained: the paper's recipe and ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Attributes
    ----------
    name : str
        ``paper`` or ``best``.
    epochs, batch_size : int
    learning_rate : float
        The rate, or with a schedule its peak.
    cosine : bool
        One epoch of warm-up, then a cosine to zero; else the rate is constant.
    weight_decay : float
        Decoupled (AdamW); 0 is Adam.
    label_smoothing : float
    augment : bool
        Whether crops are varied on the device (:mod:`train.training.augment`).
    validation_share : float
        Of the training part, kept apart for early stopping; 0 is none.
    patience : int
        Epochs without a better validation loss before training stops.
    precision : str
        Keras' policy: ``float32`` or ``mixed_bfloat16``.
    seed : int
        Of weights, order, augmentation, dropout and validation part.
    """

    name: str
    epochs: int
    batch_size: int
    learning_rate: float
    cosine: bool
    weight_decay: float
    label_smoothing: float
    augment: bool
    validation_share: float
    patience: int
    precision: str = "float32"
    seed: int = 0

    def optimizer(self, steps_per_epoch: int) -> keras.optimizers.Optimizer:
        """Make the optimizer for so many steps an epoch."""
        import keras

        rate: float | keras.optimizers.schedules.LearningRateSchedule = self.learning_rate
        if self.cosine:
            rate = keras.optimizers.schedules.CosineDecay(
                self.learning_rate / 100,
                decay_steps=max(1, (self.epochs - 1) * steps_per_epoch),
                warmup_target=self.learning_rate,
                warmup_steps=steps_per_epoch,
            )
        if self.weight_decay:
            return keras.optimizers.AdamW(rate, weight_decay=self.weight_decay)
        return keras.optimizers.Adam(rate)


def paper_recipe(network: str) -> Recipe:
    """Adam at 1e-4, 100 epochs, batches of 32 (ResNet-50 of 16), no augmentation, as the paper."""
    return Recipe(
        name="paper",
        epochs=100,
        batch_size=16 if network == "resnet50" else 32,
        learning_rate=1e-4,
        cosine=False,
        weight_decay=0.0,
        label_smoothing=0.0,
        augment=False,
        validation_share=0.0,
        patience=0,
    )


def best_recipe(network: str) -> Recipe:
    """Ours: augmentation, AdamW on a cosine schedule, label smoothing, early stopping."""
    return Recipe(
        name="best",
        epochs=60,
        batch_size=32,
        # VGG-16 has no batch norm and diverges at the rate of the others
        learning_rate=1e-4 if network == "vgg16" else 1e-3,
        cosine=True,
        weight_decay=0.02,
        label_smoothing=0.05,
        augment=True,
        validation_share=0.1,
        patience=20,
    )


RECIPES = {"paper": paper_recipe, "best": best_recipe}
"""Name on the command line -> recipe for a network."""
