"""The control slide: the same cells day by day, on a Levey-Jennings chart with Westgard's rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edge.drift.smears import CHANNELS, FEWEST_CELLS, Smear
from edge.statistics.control_rules import WARNING, broken_rules, deviations

ESTABLISHED = 20
"""Days on which a control is established before it judges, as laboratories do."""

FEWEST_DAYS = 10
"""Fewest that may be asked for: a spread of fewer days is no spread."""

CHANGED = "changed"
"""The rule of a channel that never varied, as of stored images: it must not vary."""


@dataclass(frozen=True)
class ChannelControl:
    """One channel of the control.

    Attributes
    ----------
    channel : str
    mean, spread : float
        Of the days on which it was established.
    deviations : tuple of float
        Of every later day, in spreads; empty where it never varied.
    broken : tuple of str
        Rules that the last day breaks.
    """

    channel: str
    mean: float
    spread: float
    deviations: tuple[float, ...]
    broken: tuple[str, ...]

    @property
    def is_out(self) -> bool:
        """Whether a rule rejects the day: one value beyond 2 spreads only warns."""
        return bool(set(self.broken) - {WARNING})


@dataclass(frozen=True)
class ControlVerdict:
    """What a control says.

    Attributes
    ----------
    days : int
        All of them; those with too few cells are left out.
    established : int
        Of them, so many are what later ones are held to.
    missing : int
        Days without which nothing can be judged.
    channels : tuple of ChannelControl
        Empty while days are missing.
    """

    days: int
    established: int
    missing: int
    channels: tuple[ChannelControl, ...]

    @property
    def out(self) -> tuple[ChannelControl, ...]:
        """Channels by which the last day is rejected."""
        return tuple(each for each in self.channels if each.is_out)

    @property
    def says(self) -> str:
        """The verdict in a sentence."""
        if self.missing:
            return (
                f"no verdict yet: {self.days} days of the control, {self.missing} more are needed"
                " before one is judged"
            )
        if not self.out:
            warned = [each.channel for each in self.channels if each.broken]
            more = f"; a warning of {', '.join(warned)}" if warned else ""
            return f"in control on day {self.days}{more}"
        words = ", ".join(f"{each.channel} ({' '.join(each.broken)})" for each in self.out)
        return f"out of control on day {self.days}: {words}"


def judge_control(days: Sequence[Smear], established: int = ESTABLISHED) -> ControlVerdict:
    """Judge the last day of a control by those on which it was established.

    Parameters
    ----------
    days : sequence of Smear
        The same slide, or the same images, in the order of days.
    established : int
        At least :data:`FEWEST_DAYS`.
    """
    enough = [day.values for day in days if day.cells >= FEWEST_CELLS]
    return judge_days(enough, CHANNELS, established)


def judge_days(
    days: Sequence[Mapping[str, float]], channels: Sequence[str], established: int = ESTABLISHED
) -> ControlVerdict:
    """Judge the last day by those on which a control was established.

    Parameters
    ----------
    days : sequence of mapping
        Name of a channel -> its value, in the order of days.
    channels : sequence of str
    established : int
        At least :data:`FEWEST_DAYS`.
    """
    missing = max(established + 1 - len(days), 0)
    if missing:
        return ControlVerdict(len(days), established, missing, ())
    judged = tuple(
        _judge_channel(channel, [day[channel] for day in days], established) for channel in channels
    )
    return ControlVerdict(len(days), established, 0, judged)


def _judge_channel(channel: str, values: Sequence[float], established: int) -> ChannelControl:
    first, later = values[:established], values[established:]
    mean, spread = float(np.mean(first)), float(np.std(first, ddof=1))
    if spread <= 1e-9 * max(abs(mean), 1):  # stored images: rounding aside, always the same
        is_same = abs(later[-1] - mean) <= 1e-6 * max(abs(mean), 1)
        return ChannelControl(channel, mean, 0.0, (), () if is_same else (CHANGED,))
    z = deviations(later, mean, spread)
    return ChannelControl(channel, mean, spread, tuple(z), broken_rules(z))
