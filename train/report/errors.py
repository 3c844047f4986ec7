"""The worst errors: crops a network decides wrongly and is surest about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from calibration.labelled_crops import LABELS
from calibration.reliability import probabilities
from edge.decode import read_crop
from edge.errors import CropUnreadable, DataRefused
from edge.preprocess import UInt8Image
from edge.sources import IMAGE_SUFFIXES
from train.report.results import Result

if TYPE_CHECKING:
    import matplotlib.figure

PER_CLASS = 6
"""Errors shown per class, system and split."""

_DECIDED = ("healthy, decided leukemia", "leukemia, decided healthy")


@dataclass(frozen=True)
class WorstError:
    """A crop decided wrongly.

    Attributes
    ----------
    name, subject : str
    label : int
        What it is: 0 ``hem``, 1 ``all``.
    p_leukemia : float
        What the system says, 0..1.
    """

    name: str
    subject: str
    label: int
    p_leukemia: float


def worst_errors(result: Result) -> list[WorstError]:
    """Find the errors a system is surest about, at most :data:`PER_CLASS` of each class."""
    run = result.run
    p_leukemia = probabilities(run.margins)
    found = []
    for label in (0, 1):
        wrong = np.flatnonzero((run.labels == label) & ((run.margins >= 0) != (label == 1)))
        surest = wrong[np.argsort(-np.abs(run.margins[wrong]), kind="stable")][:PER_CLASS]
        found += [
            WorstError(str(run.names[i]), str(run.subjects[i]), label, float(p_leukemia[i]))
            for i in surest
        ]
    return found


class Pictures:
    """Crops in a folder, found by the names that predictions give them.

    Parameters
    ----------
    folder : Path
        Of labelled crops, as ``edge-all-train`` was given it.

    Raises
    ------
    DataRefused
        If it holds no image.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._paths: dict[str, list[Path]] = defaultdict(list)
        if folder.is_dir():
            for path in sorted(folder.rglob("*")):
                if path.suffix.lower() in IMAGE_SUFFIXES:
                    self._paths[path.name].append(path)
        if not self._paths:
            raise DataRefused(f"{folder} holds no image; give the folder of crops trained on")

    def read(self, error: WorstError) -> UInt8Image | None:
        """Read the crop, (70, 70, 3), or return None where it is not there or not the only one.

        Raises
        ------
        DataRefused
            If it cannot be decoded.
        """
        paths = self._paths.get(error.name, [])
        labelled = [path for path in paths if path.parent.name == LABELS[error.label]]
        if len(labelled or paths) != 1:
            return None
        (path,) = labelled or paths
        try:
            return read_crop(path)
        except CropUnreadable as refused:
            raise DataRefused(f"{path}: {refused}; repair or remove it") from refused


def sheet(errors: Sequence[WorstError], pictures: Pictures) -> matplotlib.figure.Figure:
    """Draw errors as pictures: healthy cells above, leukemic ones below."""
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
            picture = pictures.read(error)
            if picture is None:
                axes.text(0.5, 0.5, "no picture", ha="center", va="center")
            else:
                axes.imshow(picture)
            axes.set_title(
                f"{error.name.rpartition('.')[0]}\np = {error.p_leukemia:.3f}", fontsize=7
            )
    return figure


def what_it_is(error: WorstError) -> str:
    """Label and wrong decision in words."""
    return _DECIDED[error.label]
