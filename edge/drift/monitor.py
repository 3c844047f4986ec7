"""Data drift: whether smears are still as different from each other as people are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge.drift.drawing import uniform_of
from edge.drift.people import People
from edge.drift.smears import CHANNELS, FEWEST_CELLS, Smear
from edge.statistics.change import RUN_LENGTH, evidence_of_ranks
from edge.statistics.conformal import online_ranks, p_value
from edge.statistics.distances import (
    jensen_shannon,
    kolmogorov_smirnov,
    stability_index,
    wasserstein,
)

FEWEST_PEOPLE = 20
"""People of a reference without whom nobody knows how people differ."""

ALARM, NO_ALARM, NO_VERDICT = "alarm", "no alarm", "no verdict yet"
"""Verdicts."""

_SIDES = ("lower", "higher")


@dataclass(frozen=True)
class ChannelMoved:
    """Evidence of one channel.

    Attributes
    ----------
    channel : str
        Of :data:`edge.drift.smears.CHANNELS`.
    side : str
        ``lower`` or ``higher`` than the people of the reference.
    evidence : float
        Of :func:`edge.statistics.change.evidence_of_ranks`, after the last smear.
    p_value : float
        Conformal, of the last smear alone against the people of the reference.
    """

    channel: str
    side: str
    evidence: float
    p_value: float


@dataclass(frozen=True)
class Distance:
    """How far all cells are from those of the reference: a description without a verdict.

    Attributes
    ----------
    what : str
    stability_index, jensen_shannon, wasserstein, kolmogorov_smirnov : float
        :mod:`edge.statistics.distances`; Wasserstein in the unit of `what`.
    """

    what: str
    stability_index: float
    jensen_shannon: float
    wasserstein: float
    kolmogorov_smirnov: float


@dataclass(frozen=True)
class SmearVerdict:
    """What smears say, one after the other.

    Attributes
    ----------
    verdict : str
        One of :data:`ALARM`, :data:`NO_ALARM`, :data:`NO_VERDICT`.
    says : str
        The same in a sentence.
    run_length : float
        Smears to a false alarm, on average, at least: the limit of the evidence.
    people : int
        Of the reference, with enough cells.
    judged, too_small : tuple of str
        Names of smears, and of those with too few cells, which are not judged.
    evidence : tuple of float
        After each judged smear; the mean over channels and sides.
    since : str or None
        Smear at which the evidence first reached the limit.
    channels : tuple of ChannelMoved
        Largest evidence first: those on top are what moved.
    """

    verdict: str
    says: str
    run_length: float
    people: int
    judged: tuple[str, ...]
    too_small: tuple[str, ...]
    evidence: tuple[float, ...]
    since: str | None
    channels: tuple[ChannelMoved, ...]


def judge_smears(
    reference: People, seen: Sequence[Smear], run_length: float = RUN_LENGTH
) -> SmearVerdict:
    """Judge smears that came one after the other against people.

    Every channel of every smear is ranked among the people and the smears before it; on both
    sides it is bet that a change came at some time. Under no change the smears are as
    exchangeable as people, whatever their distribution, and the mean over channels and sides, which
    depend on each other, keeps the run length.

    Parameters
    ----------
    reference : People
    seen : sequence of Smear
        In the order in which they came, all since the monitor began.
    run_length : float
    """
    people = [smear for smear in reference.smears if smear.cells >= FEWEST_CELLS]
    judged = [smear for smear in seen if smear.cells >= FEWEST_CELLS]
    small = tuple(smear.name for smear in seen if smear.cells < FEWEST_CELLS)
    names = tuple(smear.name for smear in judged)
    missing = FEWEST_PEOPLE - len(people)
    if missing > 0 or not judged:
        why = (
            f"the reference has {len(people)} people with {FEWEST_CELLS} cells or more;"
            f" {missing} more are needed: edge-all drift learn adds those of this laboratory"
            if missing > 0
            else f"no smear has {FEWEST_CELLS} cells or more"
        )
        says = f"{NO_VERDICT}: {why}"
        return SmearVerdict(NO_VERDICT, says, run_length, len(people), names, small, (), None, ())
    traces = {
        (channel, side): _evidence(people, judged, channel, side)
        for channel in CHANNELS
        for side in _SIDES
    }
    total = np.mean(list(traces.values()), axis=0)
    channels = tuple(
        sorted(
            (
                ChannelMoved(channel, side, float(trace[-1]), _p_value(people, judged[-1], channel))
                for (channel, side), trace in traces.items()
            ),
            key=lambda moved: -moved.evidence,
        )
    )
    reached = np.flatnonzero(total >= run_length)
    since = names[int(reached[0])] if len(reached) else None
    if since is not None:
        at = {key: float(trace[reached[0]]) for key, trace in traces.items()}
        channel, side = max(at, key=at.__getitem__)
        says = (
            f"{ALARM} since {since}: {channel} is {side} than that of the {len(people)} people of"
            f" the reference (evidence {total[reached[0]]:,.0f}, limit {run_length:,.0f})"
        )
        verdict = ALARM
    else:
        verdict = NO_ALARM
        says = (
            f"{NO_ALARM} in {len(judged)} smears against {len(people)} people (evidence"
            f" {total[-1]:,.1f}, limit {run_length:,.0f})"
        )
    trace = tuple(total.tolist())
    return SmearVerdict(
        verdict, says, run_length, len(people), names, small, trace, since, channels
    )


def _evidence(
    people: Sequence[Smear], judged: Sequence[Smear], channel: str, side: str
) -> np.ndarray:
    values = np.array([[smear.values[channel] for smear in (*people, *judged)]])
    ties = np.array([[uniform_of(f"{channel}:{smear.name}") for smear in judged]])
    ranks = online_ranks(values, len(people), ties)
    p = ranks if side == "lower" else 1 - ranks
    return np.asarray(evidence_of_ranks(p, len(people))[0])


def _p_value(people: Sequence[Smear], last: Smear, channel: str) -> float:
    return p_value(last.values[channel], (smear.values[channel] for smear in people))


def describe_distances(reference: People, seen: People) -> tuple[Distance, ...]:
    """How far the histograms of all cells are apart; empty where one has no cell."""
    if not reference.counts.cells or not seen.counts.cells:
        return ()
    pairs = {
        **{
            name: (mine, seen.counts.images[name]) for name, mine in reference.counts.images.items()
        },
        "probability": (reference.counts.probability, seen.counts.probability),
    }
    return tuple(
        Distance(
            name,
            stability_index(mine.counts, other.counts),
            jensen_shannon(mine.counts, other.counts),
            wasserstein(mine.counts, other.counts, mine.edges),
            kolmogorov_smirnov(mine.counts, other.counts),
        )
        for name, (mine, other) in pairs.items()
    )
