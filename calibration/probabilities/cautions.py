"""What makes numbers on held-out cells unsure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from calibration.probabilities.predictions import Predictions

_FEW_CELLS, _FEW_SUBJECTS, _LOPSIDED = 100, 3, 4


def cautions(found: Predictions, words: Sequence[str]) -> tuple[str, ...]:
    """Say what makes numbers on these cells unsure, a sentence each.

    Parameters
    ----------
    found : Predictions
        Cells of every label must be there.
    words : sequence of str
        What people call the labels.
    """
    sentences = []
    decides = "band" if len(words) == 2 else "thresholds"
    counts = [int(np.sum(found.labels == label)) for label in range(len(words))]
    for label, (name, cells) in enumerate(zip(words, counts, strict=True)):
        people = len(set(found.subjects[found.labels == label].tolist()))
        if cells < _FEW_CELLS:
            sentences.append(
                f"only {cells} cells are {name}, fewer than {_FEW_CELLS}: temperature and"
                f" {decides} may be far off on other cells"
            )
        if people < _FEW_SUBJECTS:
            sentences.append(
                f"the {name} cells come from {people} {'person' if people == 1 else 'people'},"
                f" fewer than {_FEW_SUBJECTS}: the intervals say little about other people"
            )
        if len(words) > 2 and not _is_told(found, label):
            sentences.append(
                f"on {name} cells the logit of {name} is no higher than the others on average: the"
                " network hardly knows them"
            )
    rarest, commonest = min(counts), max(counts)
    if commonest > _LOPSIDED * rarest:
        sentences.append(
            f"the labels {words[counts.index(rarest)]} and {words[counts.index(commonest)]} stand"
            f" {rarest} to {commonest}, more unequal than 1 to {_LOPSIDED}: all labels weigh the"
            " same here, so that each of the few counts for many"
        )
    return tuple(sentences)


def _is_told(found: Predictions, label: int) -> bool:
    """Whether cells of a label have higher logits of it than of others, on average."""
    logits = found.logits[found.labels == label].mean(axis=0)
    return bool(logits[label] > logits.mean())
