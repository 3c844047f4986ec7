"""The worst errors: crops a network decides wrongly and is surest about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from calibration.cells.pictures import Pictures
from edge.statistics.reliability import probabilities
from train.report.paper import NEGATIVE, POSITIVE
from train.report.results import Result

if TYPE_CHECKING:
    import matplotlib.figure

PER_CLASS = 6
"""Errors shown per class, system and split."""

_DECIDED = (f"{NEGATIVE}, decided {POSITIVE}", f"{POSITIVE}, decided {NEGATIVE}")


@dataclass(frozen=True)
class WorstError:
    """A crop decided wrongly.

    Attributes
    ----------
    name, subject : str
    label : int
        What it is: 0 negative, 1 positive.
    p_positive : float
        What the system says, 0..1.
    """

    name: str
    subject: str
    label: int
    p_positive: float


def worst_errors(result: Result) -> list[WorstError]:
    """Find the errors a system is surest about, at most :data:`PER_CLASS` of each class."""
    run = result.run
    p_positive = probabilities(run.margins)
    found = []
    for label in (0, 1):
        wrong = np.flatnonzero((run.labels == label) & ((run.margins >= 0) != (label == 1)))
        surest = wrong[np.argsort(-np.abs(run.margins[wrong]), kind="stable")][:PER_CLASS]
        found += [
            WorstError(str(run.names[i]), str(run.subjects[i]), label, float(p_positive[i]))
            for i in surest
        ]
    return found


def sheet(errors: Sequence[WorstError], pictures: Pictures) -> matplotlib.figure.Figure:
    """Draw errors as pictures: negative cells above, positive ones below."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1.65 * PER_CLASS, 4.9))
    for rows, label in zip(figure.subfigures(2, 1, squeeze=False)[:, 0], (0, 1), strict=True):
        rows.suptitle(_DECIDED[label], x=0.01, ha="left", fontsize=9)
        of_class = [error for error in errors if error.label == label]
        for place in range(PER_CLASS):
            axes = rows.add_subplot(1, PER_CLASS, place + 1)
            axes.set_axis_off()
            if place >= len(of_class):
                continue
            error = of_class[place]
            picture = pictures.read(error.name, error.label)
            if picture is None:
                axes.text(0.5, 0.5, "no picture", ha="center", va="center")
            else:
                axes.imshow(picture)
            axes.set_title(
                f"{error.name.rpartition('.')[0]}\np = {error.p_positive:.3f}", fontsize=7
            )
    return figure


def what_it_is(error: WorstError) -> str:
    """Label and wrong decision in words."""
    return _DECIDED[error.label]
