"""Sentences about a folder of labelled crops that a person should know before relying on it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from calibration.cells.readings import person, read_path

_SHOWN = 3
_LONGEST = 40  # characters of a name, so that a remark stays below 300


def remark_on(crops: Sequence[tuple[str, str, int]], left_out: Sequence[str]) -> list[str]:
    """Say what the paths of crops leave open, or say twice.

    Parameters
    ----------
    crops : sequence of (str, str, int)
        Name, subject (empty where nothing says) and label of every crop.
    left_out : sequence of str
        Names of images that stand in no label folder.

    Returns
    -------
    list of str
        Empty where there is nothing to say.
    """
    return [
        *_unknown(crops),
        *_contradictions(crops),
        *_spellings(crops),
        *_both_labels(crops),
        *_unlabelled(left_out),
    ]


def some(names: Sequence[str]) -> str:
    """Count names and show the first few, short enough for a line."""
    first = ", ".join(_short(name) for name in sorted(names)[:_SHOWN])
    return first + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def _unknown(crops: Sequence[tuple[str, str, int]]) -> list[str]:
    names = [name for name, subject, _ in crops if not subject]
    if not names:
        return []
    return [
        f"nothing says whose cells {len(names)} of {len(crops)} crops are: {some(names)};"
        " leak-free splits leave them out: name them UID_<subject>_..., or put them in"
        " hem/<person>/"
    ]


def _contradictions(crops: Sequence[tuple[str, str, int]]) -> list[str]:
    names = [name for name, _, _ in crops if read_path(name).other_subject]
    if not names:
        return []
    return [
        f"{len(names)} crops stand in the folder of one person and are named after another"
        f" (the name counts): {some(names)}"
    ]


def _spellings(crops: Sequence[tuple[str, str, int]]) -> list[str]:
    written = defaultdict(set)
    for name, _, _ in crops:
        reading = read_path(name)
        if reading.subject and reading.spelling:
            written[reading.subject].add(reading.spelling)
    several = [" = ".join(sorted(ways)) for ways in written.values() if len(ways) > 1]
    here = defaultdict(set)
    for subject in written:
        here[person(subject)].add(subject)
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


def _unlabelled(left_out: Sequence[str]) -> list[str]:
    if not left_out:
        return []
    return [f"{len(left_out)} images stand in no folder hem/ or all/, left out: {some(left_out)}"]


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"...{name[3 - _LONGEST :]}"
