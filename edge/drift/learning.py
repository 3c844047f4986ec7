"""From cells to smears: classify them, and keep what is known of each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from edge.crops.image_statistics import ImageStatistics, image_statistics
from edge.decisions.decision import Verdict
from edge.drift.labels import UNKNOWN, Labels
from edge.drift.people import People, nobody
from edge.drift.smears import Cell, cell_of, smears_of, verdict_of
from edge.engine.classifier import Classifier
from edge.reference.drift_reference import no_cells_yet
from edge.samples import Sample


@dataclass(frozen=True)
class Learned:
    """What was seen.

    Attributes
    ----------
    people : People
    failed : tuple of (str, str)
        Inputs that could not be used, and why.
    """

    people: People
    failed: tuple[tuple[str, str], ...]


def learn_people(
    classifier: Classifier,
    samples: Iterable[Sample],
    labels: Labels,
    all_of: str | None = None,
) -> Learned:
    """Classify cells, and put them together by their person or smear.

    Parameters
    ----------
    classifier : Classifier
        That keeps crops.
    samples : iterable of Sample
    labels : Labels
        Says whose cells they are.
    all_of : str, optional
        Whose all of them are, whatever labels say.
    """
    contract, sha256 = classifier.contract, classifier.model_file.sha256
    cells: list[tuple[str, Cell]] = []
    counted: list[tuple[ImageStatistics, Verdict]] = []
    failed = []
    for result in classifier.classify_samples(samples):
        cell = cell_of(result, contract.background)
        if cell is None or result.crop is None:
            failed.append((result.file, result.message or result.error or "no cell in it"))
            continue
        label = labels.label_of(result.file)
        if label != UNKNOWN:
            cell = replace(cell, right=cell.label == contract.names[label])
        cells.append((all_of or labels.person_of(result.file, result.smear), cell))
        counted.append((image_statistics(result.crop, contract.background), verdict_of(result)))
    counts = no_cells_yet(contract.words).add(counted)
    people = nobody(sha256, contract).add(tuple(smears_of(cells, contract.diameters)), counts)
    return Learned(people, tuple(failed))
