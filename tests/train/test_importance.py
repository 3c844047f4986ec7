"""What a baseline sees: shuffling what it looks at costs AUROC, shuffling the rest does not."""

from __future__ import annotations

import numpy as np

from train.baselines.features import DESCRIPTORS
from train.baselines.importance import GROUPS, permutation_importance

AREA = DESCRIPTORS.index("area")


def test_what_is_looked_at_is_missed_and_nothing_else() -> None:
    random = np.random.default_rng(0)
    labels = np.repeat([0, 1], 100).astype(np.int32)
    table = random.normal(size=(200, len(DESCRIPTORS))).astype(np.float32)
    table[:, AREA] += 3 * labels
    lost = permutation_importance(lambda cells: cells[:, AREA].astype(float), table, labels, 0)
    assert list(lost) == [*GROUPS, *DESCRIPTORS]
    assert 0.4 < lost["area"] < 0.6
    assert 0.4 < lost["all shape"] < 0.6
    assert {name for name, loss in lost.items() if loss != 0} == {"area", "all shape"}


def test_two_that_say_the_same_are_missed_only_together() -> None:
    labels = np.repeat([0, 1], 100).astype(np.int32)
    table = np.zeros((200, len(DESCRIPTORS)), np.float32)
    twins = [DESCRIPTORS.index(name) for name in ("area", "perimeter")]
    table[:, twins] = labels[:, None]

    def either(cells: np.ndarray) -> np.ndarray:
        return np.asarray(cells[:, twins].max(axis=1), float)

    lost = permutation_importance(either, table, labels, 0)
    assert lost["all shape"] > 0.4
    assert lost["area"] < 0.3
