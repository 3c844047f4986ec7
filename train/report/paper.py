"""The numbers the paper published, as far as the project's design states them.

Source: section 10 of the design ("Facts about C-NMC 2019 and the paper"). All are
on the paper's own split, 80/20 by image, where cells of one patient stand on both
sides. What the design does not state (validation accuracies, precision, recall
and F1 per class) is not here, and reports say so rather than guess.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge.models import cnmc

NEGATIVE, POSITIVE = cnmc.CONTRACT.words
"""What the paper's labels are called for people: this report is on no others."""

SIDE = cnmc.SIDE
"""Of the paper's crops, in pixels."""

NOT_STATED = "not stated here"
"""Stands in a table where the paper may have a number that the design does not give."""


@dataclass(frozen=True)
class PaperNetwork:
    """One of the paper's networks.

    Attributes
    ----------
    test_accuracy, auroc : float
        0..1, on the paper's split.
    seconds_per_epoch : float
        On Colab, 10,022 crops.
    parameters : int
        Trainable and not.
    multiply_adds : int
        Millions per crop.
    """

    test_accuracy: float
    auroc: float
    seconds_per_epoch: float
    parameters: int
    multiply_adds: int


@dataclass(frozen=True)
class PaperCrops:
    """Counts of crops: pooled training and preliminary sets of C-NMC 2019, split 80/20."""

    negative: int
    positive: int
    training: int
    test: int


NETWORKS = {
    "cnn": PaperNetwork(0.8210, 0.88, 14, 170_674, 393),
    "vgg16": PaperNetwork(0.8462, 0.90, 22, 39_896_898, 1_402),
    "resnet50": PaperNetwork(0.8163, 0.90, 28, 23_591_810, 483),
}
"""Name of the network -> what the paper found."""

BASELINES = {
    "rf": 0.8172,
    "lr": 0.7988,
    "svm": 0.7928,
    "knn": 0.7789,
    "sgd": 0.6891,
    "mlp": 0.2733,
}
"""Name of the classifier -> test accuracy."""

MLP_NOTE = (
    "The paper's multilayer perceptron, at 0.2733, is below chance: swapping its two answers"
    " would score 0.7267. That points at a bug of theirs, not at the method."
)
"""Why the paper's MLP is no yardstick."""

CROPS = PaperCrops(negative=4_037, positive=8_491, training=10_022, test=2_506)
"""The paper's crops; 12,528 in all."""

EPOCHS = 100
"""Epochs of every network."""

WINNER_PRELIMINARY, WINNER_FINAL = 0.925, 0.910
"""Weighted F1 of the ISBI 2019 challenge's winner on the two test sets, which share no patient
with the training set."""


def validation_accuracy(test_accuracies: Sequence[float]) -> float | None:
    """What the paper calls validation accuracy: mean of the test accuracy over all epochs.

    Parameters
    ----------
    test_accuracies : sequence of float
        One per epoch.

    Returns
    -------
    float or None
        None for a system that has no epochs.
    """
    return float(np.mean(test_accuracies)) if len(test_accuracies) else None
