"""Subjects that are one person: they share byte-identical crops, or C-NMC is known for it."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from calibration.cells.readings import are_of_cnmc, person, subject_of


def merge_people(
    crops: Sequence[tuple[str, str]], labels: Sequence[str], data: Path
) -> tuple[str, ...]:
    """Give subjects that share a crop one name, the first in sorting order.

    A crop of nobody that has the bytes of somebody's is theirs. Of C-NMC, those count too that
    are known to be one person, and those that share a file of its ``manifest.csv`` in `data`
    (columns ``path``, ``sha256``): it ties people whose files are not there.

    Parameters
    ----------
    crops : sequence of (str, str)
        Hash of the file, and subject, empty where nothing says.
    labels : sequence of str
        Names of the labels.
    data : Path
        The folder.

    Returns
    -------
    tuple of str
        A subject for each crop; empty where nothing says.
    """
    ties = [(sha256, subject) for sha256, subject in crops if subject]
    if are_of_cnmc(labels):
        named = {subject for _, subject in ties}
        ties += [(f"one person: {person(subject)}", subject) for subject in named]
        ties += _manifest_ties(data)
    same_hash = defaultdict(set)
    for sha256, subject in ties:
        same_hash[sha256].add(subject)
    representative: dict[str, str] = {}

    def find(subject: str) -> str:
        while subject in representative:
            subject = representative[subject]
        return subject

    for subjects in same_hash.values():
        first, *others = sorted({find(subject) for subject in subjects})
        for other in others:
            representative[other] = first
    owners = {sha256: find(min(subjects)) for sha256, subjects in same_hash.items()}
    return tuple(find(subject) if subject else owners.get(sha256, "") for sha256, subject in crops)


def _manifest_ties(data: Path) -> list[tuple[str, str]]:
    manifest = data / "manifest.csv"
    if not manifest.is_file():
        return []
    with manifest.open(newline="", encoding="utf-8") as file:
        rows = [(row["sha256"], subject_of(Path(row["path"]).stem)) for row in csv.DictReader(file)]
    return [(sha256, subject) for sha256, subject in rows if subject]
