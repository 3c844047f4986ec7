"""Train one network on labelled crops and measure it on subjects held out."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from calibration.crop_set import CropSet
from calibration.labelled_crops import LABELS
from calibration.metrics import measure, per_healthy_subject
from edge.preprocess import UInt8Image
from train.augment import augmenter
from train.networks import CLASSES, NETWORKS

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Attributes
    ----------
    epochs, batch_size : int
    learning_rate : float
        Peak of AdamW's; one epoch of warm-up, then a cosine to zero.
    weight_decay, label_smoothing : float
    precision : str
        Keras' policy: ``float32`` or ``mixed_bfloat16``.
    seed : int
    """

    epochs: int = 20
    batch_size: int = 32
    learning_rate: float = 1e-3
    weight_decay: float = 0.02
    label_smoothing: float = 0.05
    precision: str = "float32"
    seed: int = 0


def train_network(
    network: str,
    data: CropSet,
    held_out: Sequence[str],
    test: Any,
    recipe: Recipe,
    out: Path,
    dataset: str,
) -> dict[str, Any]:
    """Train a network and save it with its metrics.

    Parameters
    ----------
    network : str
        A key of :data:`train.networks.NETWORKS`.
    data : CropSet
        All crops.
    held_out : sequence of str
        Subjects of the test part, for the record.
    test : ndarray of bool, shape (n,)
        The crops of those subjects.
    recipe : Recipe
    out : Path
        Folder for ``<network>.keras`` and ``<network>.json``.
    dataset : str
        What the crops are, in words, for the record.

    Returns
    -------
    dict
        What ``<network>.json`` holds.
    """
    import keras

    keras.utils.set_random_seed(recipe.seed)
    training = data.take(~test)
    model, history = fit(network, training, recipe)
    margins = predict(model, data.crops[test])
    p_leukemia = 1 / (1 + np.exp(-margins))
    record = {
        "network": network,
        "dataset": dataset,
        "training": _describe(training),
        "held_out": {**_describe(data.take(test)), "subjects": sorted(held_out)},
        "data_sha256": data.sha256,
        "recipe": asdict(recipe),
        "versions": {"keras": keras.__version__, "backend": keras.backend.backend()},
        "history": history,
        "metrics": asdict(measure(p_leukemia, data.labels[test], data.subjects[test])),
        "per_healthy_subject": {
            subject: asdict(metrics)
            for subject, metrics in per_healthy_subject(
                p_leukemia, data.labels[test], data.subjects[test]
            ).items()
        },
    }
    out.mkdir(parents=True, exist_ok=True)
    _save(model, out / f"{network}.keras")
    _save_predictions(out / f"{network}-held-out.csv", data.take(test), margins)
    (out / f"{network}.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return record


def fit(
    network: str, training: CropSet, recipe: Recipe
) -> tuple[keras.Model, dict[str, list[float]]]:
    """Train a network.

    Returns
    -------
    model : keras.Model
        In float32, without augmentation and optimizer.
    history : dict
        ``loss`` and ``accuracy`` per epoch, on augmented crops.
    """
    import keras

    keras.config.set_dtype_policy(recipe.precision)
    try:
        model = NETWORKS[network]()
        inputs = keras.Input(model.input_shape[1:], dtype="uint8")
        scaled = keras.layers.Rescaling(1 / 255, dtype="float32")(inputs)
        augmented = augmenter(recipe.seed)(scaled)
        trainer = keras.Model(inputs, model(augmented))
    finally:
        keras.config.set_dtype_policy("float32")
    steps = -(-len(training) // recipe.batch_size)
    trainer.compile(
        optimizer=_optimizer(recipe, steps),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing),
        metrics=["accuracy"],
    )
    fitted = trainer.fit(
        training.crops,
        keras.utils.to_categorical(training.labels, CLASSES),
        batch_size=recipe.batch_size,
        epochs=recipe.epochs,
        class_weight=class_weights(training.labels),
        verbose=2,
    )
    plain = NETWORKS[network]()
    plain.set_weights(model.get_weights())
    return plain, {
        name: [round(float(value), 4) for value in values]
        for name, values in fitted.history.items()
    }


def class_weights(labels: npt.NDArray[np.int32]) -> dict[int, float]:
    """Weights inverse to how often a class occurs, 1 on average over the crops."""
    counts = np.bincount(labels, minlength=CLASSES)
    return {label: len(labels) / (CLASSES * int(count)) for label, count in enumerate(counts)}


def predict(model: keras.Model, crops: UInt8Image) -> npt.NDArray[np.float64]:
    """Logit margins ``logit_all - logit_hem`` in evaluation mode: (n, 70, 70, 3) -> (n,)."""
    probabilities = [
        np.asarray(model.predict_on_batch(crops[i : i + 64].astype(np.float32) / 255))
        for i in range(0, len(crops), 64)
    ]
    logs = np.log(np.maximum(np.concatenate(probabilities), 1e-30).astype(np.float64))
    return np.asarray(logs[:, 1] - logs[:, 0])


def _optimizer(recipe: Recipe, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    import keras

    schedule = keras.optimizers.schedules.CosineDecay(
        recipe.learning_rate / 100,
        decay_steps=max(1, (recipe.epochs - 1) * steps_per_epoch),
        warmup_target=recipe.learning_rate,
        warmup_steps=steps_per_epoch,
    )
    return keras.optimizers.AdamW(schedule, weight_decay=recipe.weight_decay)


def _describe(data: CropSet) -> dict[str, Any]:
    return {
        "subjects": sorted(set(data.subjects.tolist())),
        "crops": {label: int(np.sum(data.labels == i)) for i, label in enumerate(LABELS)},
    }


def _save(model: keras.Model, path: Path) -> None:
    unfinished = path.with_name(f"{path.stem}.{os.getpid()}.keras")
    model.save(unfinished)
    unfinished.replace(path)


def _save_predictions(path: Path, data: CropSet, margins: npt.NDArray[np.float64]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["name", "subject", "label", "margin"])
        for row in zip(data.names, data.subjects, data.labels, margins.round(5), strict=True):
            writer.writerow(row)
