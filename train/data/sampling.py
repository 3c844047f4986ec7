"""Whose crops an epoch holds.

Crops of one person resemble each other, and the people of a data set differ in how many they
have: of C-NMC's official fold 1 one of 28 people with leukemia has a third of the crops. An epoch
of every crop once is mostly about the few people with the most crops, and what holds for those
alone is learned as if it held for everybody.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

CROP, SQRT, PERSON = "crop", "sqrt", "person"

SAMPLINGS = (CROP, SQRT, PERSON)
"""``crop``: every crop once; ``sqrt``: of each person as many as the square root of the crops there
are; ``person``: of each person of a label equally many."""

_POWER = {CROP: 1.0, SQRT: 0.5, PERSON: 0.0}


@dataclass(frozen=True)
class Share:
    """What part of an epoch people have.

    Attributes
    ----------
    people : int
        Of a label; a crop of which nothing says whose it is counts as a person of its own.
    crops : int
    largest : float
        Share of the draws of the label that one person's crops take, the most of anyone.
    """

    people: int
    crops: int
    largest: float


def draw_epoch(
    sampling: str,
    labels: npt.NDArray[np.int32],
    people: npt.NDArray[np.str_],
    random: np.random.Generator,
) -> npt.NDArray[np.intp]:
    """Draw the crops of an epoch, in their order.

    By ``crop`` each comes once, and whoever trains weighs the labels. Otherwise every label takes
    the same part of the epoch, its people the parts that :data:`SAMPLINGS` says, and a person's
    crops come equally often, give or take once.

    Parameters
    ----------
    sampling : str
        One of :data:`SAMPLINGS`.
    labels : ndarray of int32, shape (n,)
    people : ndarray of str, shape (n,)
        Empty where nobody knows.
    random : numpy.random.Generator
        The same state draws the same epoch.

    Returns
    -------
    ndarray of int, shape (n,)
        Positions.
    """
    if sampling == CROP:
        return random.permutation(len(labels))
    drawn = []
    kinds = np.unique(labels)
    for kind, quota in zip(kinds, _divide(np.ones(len(kinds)), len(labels), random), strict=True):
        groups = _groups(labels, people, int(kind))
        weights = np.array([len(group) for group in groups]) ** _POWER[sampling]
        for group, count in zip(groups, _divide(weights, quota, random), strict=True):
            drawn.append(_repeat(group, count, random))
    return random.permutation(np.concatenate(drawn))


def crop_weights(
    sampling: str, labels: npt.NDArray[np.int32], people: npt.NDArray[np.str_]
) -> npt.NDArray[np.float64]:
    """Weigh crops as often as :func:`draw_epoch` would draw them, 1 on average.

    For what learns from weighted crops and not from epochs; here ``crop`` makes the labels weigh
    alike, too.

    Parameters
    ----------
    sampling : str
        One of :data:`SAMPLINGS`.
    labels : ndarray of int32, shape (n,)
    people : ndarray of str, shape (n,)
        Empty where nobody knows.

    Returns
    -------
    ndarray of float64, shape (n,)
    """
    weights = np.empty(len(labels))
    for kind in np.unique(labels).tolist():
        for group in _groups(labels, people, kind):
            weights[group] = len(group) ** (_POWER[sampling] - 1)
        weights[labels == kind] /= weights[labels == kind].sum()
    return np.asarray(weights / weights.mean())


def shares(
    sampling: str, labels: npt.NDArray[np.int32], people: npt.NDArray[np.str_], kinds: int
) -> list[Share]:
    """Say for each label how many people an epoch is about, and the most that one of them takes.

    Parameters
    ----------
    sampling : str
        One of :data:`SAMPLINGS`.
    labels : ndarray of int32, shape (n,)
    people : ndarray of str, shape (n,)
        Empty where nobody knows.
    kinds : int
        How many labels there are.
    """
    found = []
    for kind in range(kinds):
        counts = np.array([len(group) for group in _groups(labels, people, kind)])
        parts = counts ** _POWER[sampling]
        largest = float(parts.max() / parts.sum()) if len(parts) else 0.0
        found.append(Share(len(counts), int(counts.sum()), largest))
    return found


def _groups(
    labels: npt.NDArray[np.int32], people: npt.NDArray[np.str_], kind: int
) -> list[npt.NDArray[np.intp]]:
    """Positions of a label's crops, person by person."""
    positions = np.flatnonzero(labels == kind)
    known = positions[people[positions] != ""]
    groups = [known[people[known] == name] for name in np.unique(people[known])]
    return groups + [positions[i : i + 1] for i in np.flatnonzero(people[positions] == "")]


def _divide(
    weights: npt.NDArray[np.floating], total: int, random: np.random.Generator
) -> npt.NDArray[np.intp]:
    """Divide a number into whole parts by weight; chance decides who gets what is left over.

    Each part is its share rounded down or up, and on average over the draws the share itself
    (systematic sampling, Madow 1949).
    """
    ends = np.cumsum(weights) / np.sum(weights) * total
    ends[-1] = total
    cuts = np.floor(ends + random.uniform()).astype(np.intp)
    cuts[-1] = total
    return np.asarray(np.diff(cuts, prepend=0), np.intp)


def _repeat(
    group: npt.NDArray[np.intp], count: int, random: np.random.Generator
) -> npt.NDArray[np.intp]:
    """Take so many of a group: all of them as often as it goes, and some once more."""
    rounds = -(-count // len(group))
    taken = [random.permutation(group) for _ in range(rounds)]
    return np.concatenate(taken)[:count] if taken else group[:0]
