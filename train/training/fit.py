"""Train one network, epoch by epoch, so that it can go on wherever it was stopped."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from calibration.cells.crop_set import CropSet
from edge.contract import BLACK
from edge.crops.preprocess import UInt8Image
from train.data.sampling import CROP, draw_epoch
from train.networks.network import Network
from train.training.augment import augmenter
from train.training.checkpoint import Arrays, Checkpoint
from train.training.progress import progress_callbacks
from train.training.recipe import Recipe
from train.training.resident import resident

if TYPE_CHECKING:
    import keras

Epoch = dict[str, float]
Logits = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Parts:
    """The crops of a training.

    Attributes
    ----------
    training : CropSet
    validation : CropSet
        For early stopping; may be empty.
    test : CropSet
        Measured after every epoch, never looked at to choose anything.
    """

    training: CropSet
    validation: CropSet
    test: CropSet


class Training:
    """A network in training.

    Parameters
    ----------
    network : Network
    parts : Parts
    recipe : Recipe
    start : Checkpoint or None
        Where to go on from.
    """

    def __init__(
        self, network: Network, parts: Parts, recipe: Recipe, start: Checkpoint | None
    ) -> None:
        import keras

        keras.utils.set_random_seed(recipe.seed)
        self._parts, self._recipe = parts, recipe
        self._network = network
        self._evaluated = network.build()  # float32 and without augmentation
        self._model, self._trainer = build_trainer(
            network, recipe, parts.training.crops, parts.training.labels, parts.training.background
        )
        self.history: list[Epoch] = list(start.history) if start else []
        self._best_weights: Arrays = start.best_weights if start else []
        self._summed_weights: Arrays = start.summed_weights if start else []
        if start:
            self._model.set_weights(start.weights)
            for variable, value in zip(
                self._trainer.optimizer.variables, start.optimizer, strict=True
            ):
                variable.assign(value)

    def run(self, after_epoch: Callable[[Checkpoint], None], identity: str) -> keras.Model:
        """Train until the recipe is fulfilled.

        Parameters
        ----------
        after_epoch : callable
            Given the state after every epoch.
        identity : str
            Of the run, for the checkpoint.

        Returns
        -------
        keras.Model
            In float32, without augmentation and optimizer.
        """
        while not self._finished():
            self.history.append(self._epoch(len(self.history)))
            if self._is_best():
                self._best_weights = self._model.get_weights()
            self._sum_weights()
            after_epoch(
                Checkpoint(
                    identity,
                    self._model.get_weights(),
                    [np.asarray(_numpy(v)) for v in self._trainer.optimizer.variables],
                    self._best_weights,
                    self._summed_weights,
                    self.history,
                )
            )
        self._evaluated.set_weights(self._best_weights or self._mean_weights())
        return self._evaluated

    def _sum_weights(self) -> None:
        """Add the weights of one of the last epochs, whose mean is wanted."""
        if len(self.history) <= self._recipe.epochs - self._recipe.averaged_epochs:
            return
        weights = [np.asarray(array, np.float64) for array in self._model.get_weights()]
        summed = self._summed_weights or [np.zeros_like(array) for array in weights]
        self._summed_weights = [one + other for one, other in zip(summed, weights, strict=True)]

    def _mean_weights(self) -> Arrays:
        """Mean of the weights after the last epochs (Izmailov et al. 2018).

        Batch normalisation's averages are averaged too: over so few epochs of a falling rate they
        differ little.
        """
        count = min(self._recipe.averaged_epochs, len(self.history))
        if count <= 1:
            last: Arrays = self._model.get_weights()
            return last
        return [(array / count).astype(np.float32) for array in self._summed_weights]

    def _finished(self) -> bool:
        if len(self.history) >= self._recipe.epochs:
            return True
        return bool(self._best_weights) and self._epochs_since_best() >= self._recipe.patience

    def _epochs_since_best(self) -> int:
        losses = [epoch["validation_loss"] for epoch in self.history]
        return len(losses) - 1 - int(np.argmin(losses))

    def _is_best(self) -> bool:
        return len(self._parts.validation) > 0 and self._epochs_since_best() == 0

    def _epoch(self, number: int) -> Epoch:
        start = time.perf_counter()
        training = self._parts.training
        _seed(self._trainer, self._recipe.seed, number)
        random = np.random.default_rng([self._recipe.seed, number])
        order = draw_epoch(self._recipe.sampling, training.labels, training.subjects, random)
        labels, kinds = training.labels[order], len(training.label_names)
        fitted = self._trainer.fit(
            order.astype(np.int32),
            one_hot(labels, kinds),
            sample_weight=_weights(self._recipe.sampling, training.labels, kinds)[labels],
            batch_size=self._recipe.batch_size,
            epochs=1,
            shuffle=False,
            verbose=0,
            callbacks=progress_callbacks(
                number + 1, self._recipe.epochs, -(-len(order) // self._recipe.batch_size)
            ),
        )
        seconds = time.perf_counter() - start
        self._evaluated.set_weights(self._model.get_weights())
        return {
            "epoch": number + 1,
            "loss": round(float(fitted.history["loss"][0]), 6),
            "accuracy": round(float(fitted.history["accuracy"][0]), 6),
            **self._evaluate("validation", self._parts.validation),
            **self._evaluate("test", self._parts.test),
            "seconds": round(seconds, 3),
        }

    def _evaluate(self, part: str, crops: CropSet) -> Epoch:
        """Accuracy and balanced cross-entropy in evaluation mode."""
        if not len(crops):
            return {}
        logits = predict(self._network, self._evaluated, crops.crops)
        own = logits[np.arange(len(crops)), crops.labels]
        losses = np.logaddexp.reduce(logits - own[:, None], axis=1)
        of_labels = [losses[crops.labels == label] for label in range(logits.shape[1])]
        return {
            f"{part}_loss": round(float(np.mean([x.mean() for x in of_labels if len(x)])), 6),
            f"{part}_accuracy": round(float(np.mean(decide(logits) == crops.labels)), 6),
        }


def build_trainer(
    network: Network,
    recipe: Recipe,
    crops: UInt8Image,
    labels: npt.NDArray[np.int32],
    background: str = BLACK,
) -> tuple[keras.Model, keras.Model]:
    """Build a network and the trainer around it: crops, scaling, augmentation, optimizer.

    Parameters
    ----------
    network : Network
    recipe : Recipe
    crops : ndarray of uint8, shape (n, side, side, 3)
        Those of an epoch.
    labels : ndarray of int32, shape (n,)
    background : str
        What lies around the cells, and so what is added where they are turned.

    Returns
    -------
    network : keras.Model
        Crops, black at 0 and white at :attr:`~train.networks.network.Network.white`, to
        probabilities.
    trainer : keras.Model
        Compiled; positions in `crops` to probabilities, with the weights of `network`.
    """
    import keras

    keras.config.set_dtype_policy(recipe.precision)
    try:
        model = network.build()
        positions = keras.Input((), dtype="int32")
        x = resident(crops, "crops")(positions)
        x = keras.layers.Rescaling(1 / 255, dtype="float32")(x)
        if recipe.augment:
            x = augmenter(recipe, crops.shape[1], background)(
                [x, resident(labels, "labels")(positions)]
            )
        if network.white != 1:
            x = keras.layers.Rescaling(network.white, dtype="float32")(x)
        trainer = keras.Model(positions, model(x))
    finally:
        keras.config.set_dtype_policy("float32")
    trainer.compile(
        optimizer=recipe.optimizer(-(-len(crops) // recipe.batch_size)),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing),
        metrics=["accuracy"],
    )
    trainer.optimizer.build(trainer.trainable_variables)
    return model, trainer


def _seed(trainer: keras.Model, seed: int, epoch: int) -> None:
    """Set every random generator of the layers from seed and epoch.

    So an epoch draws the same numbers whether or not the run was interrupted before it.
    """
    states = [v for v in trainer.variables if v.path.endswith("seed_generator_state")]
    for i, state in enumerate(states):
        drawn = np.random.default_rng([seed, epoch, i]).integers(2**31, size=2)
        state.assign(drawn.astype(np.uint32))


def _numpy(variable: Any) -> npt.NDArray[Any]:
    import keras

    return np.asarray(keras.ops.convert_to_numpy(variable.value))


def one_hot(labels: npt.NDArray[np.int32], kinds: int) -> npt.NDArray[np.float32]:
    """Class numbers (n,) to float32 (n, kinds)."""
    return np.eye(kinds, dtype=np.float32)[labels]


def class_weights(labels: npt.NDArray[np.int32], kinds: int) -> npt.NDArray[np.float32]:
    """Weights of the labels, inverse to how often each occurs, 1 on average over the crops."""
    counts = np.bincount(labels, minlength=kinds)
    return (len(labels) / (kinds * counts)).astype(np.float32)


def _weights(sampling: str, labels: npt.NDArray[np.int32], kinds: int) -> npt.NDArray[np.float32]:
    """Weights of the labels; none where an epoch holds them equally often."""
    return class_weights(labels, kinds) if sampling == CROP else np.ones(kinds, np.float32)


def predict(network: Network, model: keras.Model, crops: UInt8Image) -> Logits:
    """Logits in evaluation mode, but for a constant of each crop.

    They are logarithms of the probabilities: crops (n, side, side, 3) to (n, labels).
    """
    import keras

    probabilities = np.concatenate(
        [
            keras.ops.convert_to_numpy(
                model.predict_on_batch(crops[i : i + 64].astype(np.float32) / 255 * network.white)
            )
            for i in range(0, len(crops), 64)
        ]
    )
    return np.asarray(np.log(np.maximum(probabilities, 1e-30).astype(np.float64)))


def decide(logits: Logits) -> npt.NDArray[np.intp]:
    """Class number of the likeliest label, shape (n,); of two that are alike, the second one."""
    if logits.shape[1] == 2:
        return (logits[:, 1] - logits[:, 0] >= 0).astype(np.intp)
    return np.asarray(logits.argmax(axis=1))
