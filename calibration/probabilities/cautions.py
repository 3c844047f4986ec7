"""What makes numbers on held-out cells unsure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from calibration.cells.labelled_crops import LABELS

_FEW_CELLS, _FEW_SUBJECTS, _LOPSIDED = 100, 3, 4


def cautions(labels: npt.NDArray[np.integer], subjects: npt.NDArray[np.str_]) -> tuple[str, ...]:
    """Say what makes numbers on these cells unsure, a sentence each.

    Parameters
    ----------
    labels : ndarray of int, shape (n,)
        Both classes must be there.
    subjects : ndarray of str, shape (n,)
    """
    sentences = []
    for label, name in enumerate(LABELS):
        cells, people = int(np.sum(labels == label)), len(set(subjects[labels == label].tolist()))
        if cells < _FEW_CELLS:
            sentences.append(
                f"only {cells} cells are {name}, fewer than {_FEW_CELLS}: temperature and band may"
                " be far off on other cells"
            )
        if people < _FEW_SUBJECTS:
            sentences.append(
                f"the {name} cells come from {people} {'person' if people == 1 else 'people'},"
                f" fewer than {_FEW_SUBJECTS}: the intervals say little about other people"
            )
    rarer, commoner = sorted(int(np.sum(labels == label)) for label in (0, 1))
    if commoner > _LOPSIDED * rarer:
        sentences.append(
            f"the classes stand {rarer} to {commoner}, more unequal than 1 to {_LOPSIDED}: both"
            " weigh the same here, so that each of the few counts for many"
        )
    return tuple(sentences)
