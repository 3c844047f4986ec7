"""What a baseline sees: how much worse it gets when a descriptor says nothing any more."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from edge.statistics.scores import area_under_roc
from train.baselines.features import COLOUR, DESCRIPTORS, SHAPE, TEXTURE, FeatureTable

GROUPS = {"all colour": COLOUR, "all texture": TEXTURE, "all shape": SHAPE}
"""Descriptors that are shuffled together as well: where several say the same, none is missed
alone."""

_SHUFFLES = 5


def permutation_importance(
    margins: Callable[[FeatureTable], npt.NDArray[np.float64]],
    unseen: FeatureTable,
    labels: npt.NDArray[np.int32],
    seed: int,
) -> dict[str, float]:
    """Find how much AUROC is lost on people never seen when a descriptor is shuffled.

    Breiman 2001, Random Forests, section 10; Fisher, Rudin and Dominici 2019 for any model. Near 0
    for what the classifier does without; below 0 for what misleads it about these people.

    Parameters
    ----------
    margins : callable
        Descriptors (n, 88) to log-odds of the positive label.
    unseen : ndarray of float32, shape (n, 88)
        Of the held-out crops, columns as :data:`train.baselines.features.DESCRIPTORS`.
    labels : ndarray of int32, shape (n,)
    seed : int
        Of the shuffles; each number is a mean of five.

    Returns
    -------
    dict
        Name of a descriptor or group -> AUROC lost.
    """
    random = np.random.default_rng(seed)
    alike = np.ones((1, len(labels)))

    def aurocs(tables: list[FeatureTable]) -> npt.NDArray[np.float64]:
        """Decide on all tables at once: a call takes long, a row of it does not."""
        found = np.split(margins(np.concatenate(tables)), len(tables))
        return np.array([area_under_roc(each, labels == 1, alike)[0] for each in found])

    (whole,) = aurocs([unseen])
    lost = {}
    for name, columns in {**GROUPS, **{each: (each,) for each in DESCRIPTORS}}.items():
        places = [DESCRIPTORS.index(column) for column in columns]
        tables = []
        for _ in range(_SHUFFLES):
            shuffled = unseen.copy()
            shuffled[:, places] = unseen[random.permutation(len(unseen))][:, places]
            tables.append(shuffled)
        lost[name] = float(np.mean(whole - aurocs(tables)))
    return lost
