"""How many of a smear are positive, once the errors of the network are taken out of the count."""

from __future__ import annotations

from dataclasses import dataclass

from edge.statistics.evaluation import Estimate


@dataclass(frozen=True)
class Rates:
    """How often a network calls a cell positive.

    Attributes
    ----------
    sensitivity : Estimate
        Of positive cells, with its interval.
    specificity : Estimate
        Share of the other cells that it does not call positive, with its interval.
    """

    sensitivity: Estimate
    specificity: Estimate


def corrected_share(called: Estimate, rates: Rates) -> Estimate | None:
    """Share of positive cells behind the share that was called positive.

    Rogan and Gladen 1978, Estimating prevalence from the results of a screening test:
    ``(called + specificity - 1) / (sensitivity + specificity - 1)``, cut to 0..1. The bounds are
    those with all three at the ends of their intervals: wider than 95 %, never narrower.

    Parameters
    ----------
    called : Estimate
        Share that was called positive, with its interval.
    rates : Rates

    Returns
    -------
    Estimate or None
        None where, within the intervals, the network may be no better than chance: then the count
        says nothing.
    """
    if rates.sensitivity.low + rates.specificity.low <= 1:
        return None
    # rising in what was called and in specificity, falling in sensitivity
    return Estimate(
        _corrected(called.value, rates.sensitivity.value, rates.specificity.value),
        _corrected(called.low, rates.sensitivity.high, rates.specificity.low),
        _corrected(called.high, rates.sensitivity.low, rates.specificity.high),
    )


def _corrected(called: float, sensitivity: float, specificity: float) -> float:
    return min(max((called + specificity - 1) / (sensitivity + specificity - 1), 0.0), 1.0)
