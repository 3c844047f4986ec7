"""Train one network, epoch by epoch, so that it can go on wherever it was stopped."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from calibration.cells.crop_set import CropSet
from edge.crops.preprocess import UInt8Image
from edge.statistics.scores import count_decisions
from train.networks.paper import CLASSES, NETWORKS
from train.training.augment import augmenter
from train.training.checkpoint import Arrays, Checkpoint
from train.training.progress import progress_callbacks
from train.training.recipe import Recipe
from train.training.resident import resident_crops

if TYPE_CHECKING:
    import keras

Epoch = dict[str, float]
Margins = npt.NDArray[np.float64]


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
    network : str
        A key of :data:`train.networks.paper.NETWORKS`.
    parts : Parts
    recipe : Recipe
    start : Checkpoint or None
        Where to go on from.
    """

    def __init__(
        self, network: str, parts: Parts, recipe: Recipe, start: Checkpoint | None
    ) -> None:
        import keras

        keras.utils.set_random_seed(recipe.seed)
        self._parts, self._recipe = parts, recipe
        self._evaluated = NETWORKS[network]()  # float32 and without augmentation
        self._model, self._trainer = build_trainer(network, recipe, parts.training.crops)
        self.history: list[Epoch] = list(start.history) if start else []
        self._best_weights: Arrays = start.best_weights if start else []
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
            after_epoch(
                Checkpoint(
                    identity,
                    self._model.get_weights(),
                    [np.asarray(_numpy(v)) for v in self._trainer.optimizer.variables],
                    self._best_weights,
                    self.history,
                )
            )
        self._evaluated.set_weights(self._best_weights or self._model.get_weights())
        return self._evaluated

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
        order = np.random.default_rng([self._recipe.seed, number]).permutation(len(training))
        labels = training.labels[order]
        fitted = self._trainer.fit(
            order.astype(np.int32),
            one_hot(labels),
            sample_weight=class_weights(training.labels)[labels],
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
        margins = predict(self._evaluated, crops.crops)
        losses = np.logaddexp(0, np.where(crops.labels == 1, -margins, margins))
        ((clear, _), (_, hit)) = count_decisions(margins, crops.labels)
        of_classes = [losses[crops.labels == label] for label in range(CLASSES)]
        return {
            f"{part}_loss": round(float(np.mean([x.mean() for x in of_classes if len(x)])), 6),
            f"{part}_accuracy": round((clear + hit) / len(crops), 6),
        }


def build_trainer(
    network: str, recipe: Recipe, crops: UInt8Image
) -> tuple[keras.Model, keras.Model]:
    """Build a network and the trainer around it: crops, scaling, augmentation, optimizer.

    Parameters
    ----------
    network : str
    recipe : Recipe
    crops : ndarray of uint8, shape (n, 70, 70, 3)
        Those of an epoch.

    Returns
    -------
    network : keras.Model
        Crops in 0..1 to probabilities.
    trainer : keras.Model
        Compiled; positions in `crops` to probabilities, with the weights of `network`.
    """
    import keras

    keras.config.set_dtype_policy(recipe.precision)
    try:
        model = NETWORKS[network]()
        positions = keras.Input((), dtype="int32")
        x = resident_crops(crops)(positions)
        x = keras.layers.Rescaling(1 / 255, dtype="float32")(x)
        if recipe.augment:
            x = augmenter(recipe.seed)(x)
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


def one_hot(labels: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
    """Class numbers (n,) to float32 (n, 2)."""
    return np.eye(CLASSES, dtype=np.float32)[labels]


def class_weights(labels: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
    """Weights of the classes, inverse to how often each occurs, 1 on average over the crops."""
    counts = np.bincount(labels, minlength=CLASSES)
    return (len(labels) / (CLASSES * counts)).astype(np.float32)


def predict(model: keras.Model, crops: UInt8Image) -> Margins:
    """Logit margins ``logit_all - logit_hem`` in evaluation mode: (n, 70, 70, 3) -> (n,)."""
    import keras

    probabilities = np.concatenate(
        [
            keras.ops.convert_to_numpy(
                model.predict_on_batch(crops[i : i + 64].astype(np.float32) / 255)
            )
            for i in range(0, len(crops), 64)
        ]
    )
    logs = np.log(np.maximum(probabilities, 1e-30).astype(np.float64))
    return np.asarray(logs[:, 1] - logs[:, 0])
