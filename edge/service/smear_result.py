"""What is said of a smear when it ends: counts and shares with their intervals, no diagnosis."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from edge.drift.accuracy_range import FEWEST_LABELLED
from edge.statistics.evaluation import Estimate
from edge.statistics.prevalence import Rates, corrected_share
from edge.statistics.shares import wilson_interval

FEWEST_CELLS = 100
"""Decided cells of a smear below which its share is held to say too little: by default."""

_MANY = 0.2  # share of the cells from which on something is done about it


@dataclass(frozen=True)
class SmearCounts:
    """Cells of one smear.

    Attributes
    ----------
    cells : int
        Those with a decision, ``refer`` among them.
    decided : int
        Those that were not referred.
    positive : int
        Decided cells with the positive label.
    called : int
        Cells, referred ones too, of which the positive label is the likeliest.
    failed : int
        Images without a decision, for other reasons than that a field is empty.
    empty_fields : int
        Fields without a cell.
    blurred, shifted : int
        Cells that are out of focus, or shown at another scale.
    """

    cells: int = 0
    decided: int = 0
    positive: int = 0
    called: int = 0
    failed: int = 0
    empty_fields: int = 0
    blurred: int = 0
    shifted: int = 0

    @property
    def referred(self) -> int:
        """Cells that a person looks at."""
        return self.cells - self.decided


@dataclass(frozen=True)
class SmearResult:
    """What a smear amounts to.

    Attributes
    ----------
    counts : SmearCounts
    share : Estimate or None
        Of the decided cells that look positive; None where none was decided, or no label is
        positive.
    corrected : Estimate or None
        Of all cells, with the errors of the network taken out; None where it is withheld.
    withheld : str
        Why; empty where it is not.
    advice : tuple of str
        What to do, a line each.
    """

    counts: SmearCounts
    share: Estimate | None
    corrected: Estimate | None
    withheld: str
    advice: tuple[str, ...]


def sum_up(
    counts: SmearCounts, accuracy: Mapping[str, Any], positive: str | None, fewest: int
) -> SmearResult:
    """Work out what a smear amounts to.

    The interval of the share is Wilson's, over cells: it says what other cells of the same slide
    may give, and nothing of the errors of the network.

    Parameters
    ----------
    counts : SmearCounts
    accuracy : mapping
        ``accuracy`` of the metadata of the model file.
    positive : str or None
        Words of the positive label.
    fewest : int
        Decided cells below which the smear is said to have too few.
    """
    share = None
    if positive and counts.decided:
        share = _share(counts.positive, counts.decided)
    rates = None if positive is None else _rates_of(accuracy)
    why = _why_withheld(counts, positive, rates, accuracy, fewest)
    corrected = None
    if not why and rates:
        corrected = corrected_share(_share(counts.called, counts.cells), rates)
        why = _why_impossible(corrected)
        corrected = None if why else corrected
    return SmearResult(counts, share, corrected, why, tuple(_advice(counts, fewest)))


def _why_impossible(corrected: Estimate | None) -> str:
    """Say why a corrected share is none; empty where it is one."""
    if corrected is None:
        return "on as few people the network may be no better than chance"
    if corrected.high <= 0 or corrected.low >= 1:  # an interval without a width is no certainty
        return (
            "no share of such cells gives what it says of these: it errs otherwise here than where"
            " its errors were measured"
        )
    return ""


def lines_of(result: SmearResult, name: str, positive: str | None) -> Iterator[str]:
    """Say a result to people, a line each."""
    counts = result.counts
    yield (
        f"{name}: {counts.cells} cells, {counts.decided} decided,"
        f" {_percent_of(counts.referred, counts.cells)} referred (a person looks),"
        f" {counts.failed} failed"
    )
    if result.share:
        yield f"  of the decided, look like {positive}: {_in_words(result.share)}"
    if result.corrected:
        yield f"  of all, with the network's errors taken out: {_in_words(result.corrected)}"
    elif result.withheld:
        yield f"  with the network's errors taken out: withheld, {result.withheld}"
    for line in result.advice:
        yield f"  {line}"


def _share(part: int, whole: int) -> Estimate:
    return Estimate(part / whole, *wilson_interval(part, whole))


def _rates_of(accuracy: Mapping[str, Any]) -> Rates | None:
    """Sensitivity and specificity of a model file; people, not cells, are what they rest on."""
    found = accuracy.get("int8") or {}
    people = _people(accuracy)
    sensitivity, specificity = found.get("sensitivity"), found.get("specificity")
    if people is None or not (isinstance(sensitivity, float) and isinstance(specificity, float)):
        return None
    return Rates(_of_people(sensitivity, people[0]), _of_people(specificity, people[1]))


def _people(accuracy: Mapping[str, Any]) -> tuple[int, int] | None:
    """Positive and negative people whom the accuracy of a model file was measured on."""
    found = accuracy.get("int8") or {}
    positive, negative = found.get("positive_subjects"), found.get("negative_subjects")
    if not (isinstance(positive, int) and isinstance(negative, int)) or not positive * negative:
        return None
    return positive, negative


def _of_people(rate: float, people: int) -> Estimate:
    """A rate with the interval that so many people allow: cells of one resemble each other."""
    low, _ = wilson_interval(math.floor(rate * people), people)
    _, high = wilson_interval(math.ceil(rate * people), people)
    return Estimate(rate, low, high)


def _why_withheld(
    counts: SmearCounts,
    positive: str | None,
    rates: Rates | None,
    accuracy: Mapping[str, Any],
    fewest: int,
) -> str:
    people = _people(accuracy)
    if positive is None:
        return "no label of the network is positive"
    if rates is None or people is None:
        return "the model file does not say how often the network is right"
    if min(people) < FEWEST_LABELLED:
        return (
            f"how often it errs is known of {people[0]} and {people[1]} people,"
            f" {FEWEST_LABELLED} of each are needed"
        )
    if counts.shifted:
        return "cells are shown at another scale, where it errs more often"
    if counts.cells < fewest:
        return f"there are fewer than {fewest} cells"
    return ""


def _advice(counts: SmearCounts, fewest: int) -> Iterator[str]:
    if counts.decided < fewest:
        yield (
            f"too few cells: {counts.decided} decided, {fewest} wanted; look at more fields of this"
            " smear, and let a person look at those that were referred"
        )
    if counts.cells and counts.blurred >= _MANY * counts.cells:
        yield (
            f"out of focus: {_percent_of(counts.blurred, counts.cells)} of the cells are blurred;"
            " focus again, clean objective and slide, and take the smear again"
        )
    if counts.shifted:
        yield (
            "cells are shown at another scale than those of training; check objective and scale"
            " (edge-all scale)"
        )


def _percent_of(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else "0%"


def _in_words(found: Estimate) -> str:
    return f"{found.value:.1%} ({found.low:.1%} to {found.high:.1%})"
