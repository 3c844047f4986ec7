"""How a network is trained: the paper's recipe and ours, and what either can be changed in."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from train.data.sampling import CROP, SAMPLINGS

if TYPE_CHECKING:
    import keras

COLOURS = ("none", "mild", "strong", "drained")
"""How the colour of crops is varied (:mod:`train.training.augment`)."""

TURNS = ("any", "quarter")
"""By which angles crops are turned: any, which interpolates, or quarters, which does not."""

MIXES = ("none", "mixup", "cutmix")
"""How crops of one label are mixed (:mod:`train.training.augment`)."""


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Attributes
    ----------
    name : str
        ``paper``, ``best``, or what a study calls it.
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
    sampling : str
        One of :data:`train.data.sampling.SAMPLINGS`.
    colour, turns, mix : str
        Of :data:`COLOURS`, :data:`TURNS`, :data:`MIXES`.
    zoom : float
        Share by which crops are made larger or smaller, at most.
    outline : int
        Pixels by which cells on black are cut closer, at most.
    noise : float
        Standard deviation of what is added to the values of a cell, of 1.
    averaged_epochs : int
        The network's weights are the mean of those after so many last epochs; 1 is the last.
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
    sampling: str = CROP
    colour: str = "drained"
    turns: str = "any"
    mix: str = "none"
    zoom: float = 0.03
    outline: int = 0
    noise: float = 0.0
    averaged_epochs: int = 1

    def __post_init__(self) -> None:
        known = {"sampling": SAMPLINGS, "colour": COLOURS, "turns": TURNS, "mix": MIXES}
        for field, values in known.items():
            if getattr(self, field) not in values:
                raise ValueError(
                    f"no {field} {getattr(self, field)!r}; there are {', '.join(values)}"
                )
        for field in ("epochs", "batch_size", "averaged_epochs"):
            if getattr(self, field) < 1:
                raise ValueError(f"{field} {getattr(self, field)}; give 1 or more")
        ranges = {"zoom": 0.5, "noise": 0.5, "outline": 16, "label_smoothing": 0.5}
        for field, most in ranges.items():
            if not 0 <= getattr(self, field) <= most:
                raise ValueError(f"{field} {getattr(self, field):g} is not within 0..{most:g}")
        if self.averaged_epochs > 1 and self.validation_share:
            raise ValueError("averaged_epochs and a validation part both choose the weights")

    def facts(self) -> dict[str, Any]:
        """What decides what comes out.

        What a recipe of an earlier version could not say is left out where it is as it was then,
        so that a run begun by it is known again.
        """
        later = {field.name: field.default for field in fields(self)[_OF_0_1_0:]}
        return {
            name: value
            for name, value in asdict(self).items()
            if name not in later or value != later[name]
        }

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


_OF_0_1_0 = 12
"""How many fields a recipe had in 0.1.0, its first ones."""


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
