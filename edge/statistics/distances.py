"""How far two histograms of the same fixed bins are apart: descriptions, no verdicts.

A cell more or less of one person says little about another, so that none of them tells by itself
whether anything drifted. They are given because people know them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edge.errors import NotComparable

Counts = Sequence[int] | npt.NDArray[np.integer]
Numbers = npt.NDArray[np.float64]

ADDED = 0.5
"""Cells added to every bin where an empty one would make a distance infinite."""


def kullback_leibler(counts: Counts, others: Counts, added: float = ADDED) -> float:
    """Kullback-Leibler divergence of the second shares from the first, in nats.

    ``sum p log(p / q)`` (Kullback and Leibler 1951, On Information and Sufficiency, section 2),
    of shares with half a cell more in every bin (Krichevsky and Trofimov 1981).

    Parameters
    ----------
    counts, others : sequence of int, equally long
    added : float
        Cells added to every bin of both.

    Raises
    ------
    NotComparable
        If one holds nothing, or they are not equally long.
    """
    p, q = _shares(counts, others, added)
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.where(p > 0, p * np.log(p / q), 0.0)
    return max(0.0, float(parts.sum()))


def stability_index(counts: Counts, others: Counts, added: float = ADDED) -> float:
    """Population stability index: ``sum (q - p) log(q / p)``, in nats.

    Siddiqi 2006, Credit Risk Scorecards, page 137; it is the Kullback-Leibler divergence there and
    back (Jeffreys 1946). Parameters and errors as for :func:`kullback_leibler`.
    """
    return kullback_leibler(counts, others, added) + kullback_leibler(others, counts, added)


def jensen_shannon(counts: Counts, others: Counts) -> float:
    """Jensen-Shannon divergence of two lists of counts, in bits.

    ``H((p + q) / 2) - (H(p) + H(q)) / 2`` with the entropy H and the shares p and q
    (Lin 1991, Divergence measures based on the Shannon entropy, equation 4.1). Unlike
    the population stability index it is finite where a bin is empty, without a
    constant that somebody has to choose.

    Parameters
    ----------
    counts, others : sequence of int, equally long

    Returns
    -------
    float
        0 (the same shares) to 1 (nothing in common).

    Raises
    ------
    NotComparable
        If one holds nothing, or they are not equally long.
    """
    p, q = _shares(counts, others, 0)
    return max(0.0, _entropy((p + q) / 2) - (_entropy(p) + _entropy(q)) / 2)


def wasserstein(counts: Counts, others: Counts, edges: Sequence[float]) -> float:
    """Wasserstein-1 distance, in the unit of the edges, of values in the middle of their bins.

    The area between the two distribution functions (Vallender 1974, Calculation of the Wasserstein
    distance between probability distributions on the line).

    Parameters
    ----------
    counts, others : sequence of int, equally long
    edges : sequence of float
        Of the bins, one more.

    Raises
    ------
    NotComparable
    """
    p, q = _shares(counts, others, 0)
    ends = np.asarray(edges, np.float64)
    middles = (ends[:-1] + ends[1:]) / 2
    return float((np.abs(np.cumsum(p - q))[:-1] * np.diff(middles)).sum())


def kolmogorov_smirnov(counts: Counts, others: Counts) -> float:
    """Largest difference of the two distribution functions at the edges of bins, 0..1.

    Smirnov 1939. No p-value: cells of one person are no independent values, and it would alarm at
    nearly every new person. Parameters and errors as for :func:`jensen_shannon`.
    """
    p, q = _shares(counts, others, 0)
    return float(np.abs(np.cumsum(p - q)).max())


def _shares(counts: Counts, others: Counts, added: float) -> tuple[Numbers, Numbers]:
    p, q = (np.asarray(given, np.float64) for given in (counts, others))
    if p.shape != q.shape:
        raise NotComparable(f"histograms of {len(p)} and {len(q)} bins cannot be compared")
    if p.sum() == 0 or q.sum() == 0:
        raise NotComparable("there is no cell to compare; count some first")
    return (p + added) / (p + added).sum(), (q + added) / (q + added).sum()


def _entropy(shares: Numbers) -> float:
    some = shares[shares > 0]
    return float(-(some * np.log2(some)).sum())
