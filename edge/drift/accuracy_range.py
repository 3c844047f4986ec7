"""Accuracy of smears that nobody has labelled: a range, or nothing where it would mislead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge.drift.monitor import ALARM, NO_VERDICT, SmearVerdict
from edge.drift.people import People
from edge.drift.smears import FEWEST_CELLS, Smear
from edge.statistics.evaluation import Estimate
from edge.statistics.label_free import guess_accuracy

FEWEST_LABELLED = 10
"""Labelled people, without whom nobody knows how far a guess is off."""


@dataclass(frozen=True)
class AccuracyRange:
    """Guesses of how often the network is right about smears without labels.

    Attributes
    ----------
    guesses : dict
        Name of the method -> Estimate; empty where they are withheld.
    says : str
        The same in a sentence, or why they are withheld.
    """

    guesses: dict[str, Estimate]
    says: str


def accuracy_range(reference: People, seen: Sequence[Smear], found: SmearVerdict) -> AccuracyRange:
    """Guess the accuracy on the last smears, unless something says that guesses would mislead.

    Parameters
    ----------
    reference : People
        Of whom some were learned with labels.
    seen : sequence of Smear
        Those of today.
    found : SmearVerdict
        What is known of their drift.
    """
    labelled = [
        smear
        for smear in reference.smears
        if smear.right is not None and smear.cells >= FEWEST_CELLS
    ]
    enough = [smear for smear in seen if smear.cells >= FEWEST_CELLS]
    why = _why_withheld(labelled, enough, found)
    if why:
        return AccuracyRange({}, f"accuracy without labels is withheld: {why}")
    counts = np.sum([smear.confidences for smear in enough], axis=0)
    people = np.array([smear.confidences for smear in labelled])
    right = np.array([smear.right for smear in labelled])
    guesses = guess_accuracy(counts, people, right)
    words = ", ".join(
        f"{method} {guess.value:.2f} ({guess.low:.2f}-{guess.high:.2f})"
        for method, guess in guesses.items()
    )
    return AccuracyRange(guesses, f"accuracy without labels lies in a range, if it does: {words}")


def _why_withheld(labelled: Sequence[Smear], seen: Sequence[Smear], found: SmearVerdict) -> str:
    shifted = [smear.name for smear in seen if smear.is_shifted]
    if shifted:
        return f"cells of {shifted[0]} are shown at another scale, where every guess is too high"
    if found.verdict == ALARM:
        return "data drift was found, where every guess may be too high"
    if found.verdict == NO_VERDICT:
        return "nobody knows whether data drifted"
    if len(labelled) < FEWEST_LABELLED:
        return (
            f"{len(labelled)} people of the reference have labels, {FEWEST_LABELLED} are needed;"
            " see edge-all drift learn --labels"
        )
    return ""
