"""Smears whose channels are drawn by lot, and people of the shipped model."""

from __future__ import annotations

import numpy as np

from edge.crops.drawn import draw_crop
from edge.crops.image_statistics import image_statistics
from edge.decisions.decision import Verdict
from edge.drift.people import People, nobody
from edge.drift.smears import CHANNELS, FEWEST_CELLS, Smear
from edge.models.cnmc import CONTRACT
from edge.models.model_file import SHIPPED_MODEL, read_model_file
from edge.reference.drift_reference import DriftReference, no_cells_yet

SHA256 = read_model_file(SHIPPED_MODEL).sha256
WORDS = CONTRACT.words


def counts(n: int = 0) -> DriftReference:
    seen = image_statistics(draw_crop(1, CONTRACT.side))
    return no_cells_yet(WORDS).add([(seen, Verdict("hem", WORDS[0], (0.9, 0.1)))] * n)


def smears(n: int, seed: int, name: str = "p", **shifts: float) -> tuple[Smear, ...]:
    """Smears whose channels are drawn from the standard normal, some of them shifted."""
    random = np.random.default_rng(seed)
    return tuple(
        Smear(
            f"{name}{number}",
            FEWEST_CELLS,
            {channel: float(random.normal()) + shifts.get(channel, 0.0) for channel in CHANNELS},
        )
        for number in range(n)
    )


def people(n: int, seed: int = 0, name: str = "p", cells: int = 0) -> People:
    return nobody(SHA256, CONTRACT).add(smears(n, seed, name), counts(cells))
