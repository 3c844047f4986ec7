"""Sentences about a folder of labelled crops that a person should know before relying on it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from calibration.cells.readings import Reading, are_of_cnmc, person, read_path

_SHOWN = 3
_LONGEST = 40  # characters of a name, so that a remark stays below 300


def remark_on_people(
    crops: Sequence[tuple[str, str, int]], labels: Sequence[str], is_table: bool
) -> list[str]:
    """Say whose cells are not known, or have labels that one person cannot have.

    Parameters
    ----------
    crops : sequence of (str, str, int)
        Name, subject (empty where nothing says) and class number of every crop.
    labels : sequence of str
        Names of the labels.
    is_table : bool
        Whether they were listed in a CSV file.

    Returns
    -------
    list of str
        Empty where there is nothing to say.
    """
    of_cnmc = are_of_cnmc(labels)
    remedy = "give a column subject" if is_table else "put them in <label>/<person>/"
    named = "name them UID_<subject>_..., or " if of_cnmc else ""
    return [*_unknown(crops, named + remedy), *(_both_labels(crops) if of_cnmc else ())]


def remark_on_paths(
    names: Iterable[str], left_out: Sequence[str], labels: Sequence[str]
) -> list[str]:
    """Say what the paths of crops leave open, or say twice.

    Parameters
    ----------
    names : iterable of str
        Of all images.
    left_out : sequence of str
        Names of images that stand in no label folder.
    labels : sequence of str
        Names of the labels.

    Returns
    -------
    list of str
        Empty where there is nothing to say.
    """
    read = {name: read_path(name, "", labels) for name in names}
    return [
        *_contradictions(read),
        *_spellings(read.values(), labels),
        *_unlabelled(left_out, labels),
    ]


def some(names: Sequence[str]) -> str:
    """Count names and show the first few, short enough for a line."""
    first = ", ".join(_short(name) for name in sorted(names)[:_SHOWN])
    return first + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def _unknown(crops: Sequence[tuple[str, str, int]], remedy: str) -> list[str]:
    names = [name for name, subject, _ in crops if not subject]
    if not names:
        return []
    return [
        f"nothing says whose cells {len(names)} of {len(crops)} crops are: {some(names)};"
        f" leak-free splits leave them out: {remedy}"
    ]


def _contradictions(read: Mapping[str, Reading]) -> list[str]:
    names = [name for name, reading in read.items() if reading.other_subject]
    if not names:
        return []
    return [
        f"{len(names)} crops stand in the folder of one person and are named after another"
        f" (the name counts): {some(names)}"
    ]


def _spellings(read: Iterable[Reading], labels: Sequence[str]) -> list[str]:
    written = defaultdict(set)
    for reading in read:
        if reading.subject and reading.spelling:
            written[reading.subject].add(reading.spelling)
    several = [" = ".join(sorted(ways)) for ways in written.values() if len(ways) > 1]
    here = defaultdict(set)
    for subject in written:
        here[person(subject, labels)].add(subject)
    known = [" = ".join(sorted(group)) for group in here.values() if len(group) > 1]
    remarks = []
    if several:
        remarks.append(f"counted as one person, though written differently: {some(several)}")
    if known:
        remarks.append(f"counted as one person, as they are in C-NMC 2019: {some(known)}")
    return remarks


def _both_labels(crops: Sequence[tuple[str, str, int]]) -> list[str]:
    labels = defaultdict(set)
    for _, subject, label in crops:
        labels[subject].add(label)
    both = [subject for subject, found in labels.items() if subject and len(found) > 1]
    return [f"people with cells of both labels: {some(both)}"] if both else []


def _unlabelled(left_out: Sequence[str], labels: Sequence[str]) -> list[str]:
    if not left_out:
        return []
    return [
        f"{len(left_out)} images stand in no folder of a label ({some(labels)}), left out:"
        f" {some(left_out)}"
    ]


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"...{name[3 - _LONGEST :]}"
