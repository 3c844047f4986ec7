"""What logits say of cells: likeliest labels, margins, probabilities and decisions.

Of two labels, everything follows from the margin, the logit of the second less that of the first;
of more, from the softmax.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge.statistics.reliability import probabilities
from edge.statistics.several import probabilities_of

Logits = npt.NDArray[np.floating]
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Answers:
    """What a network says of cells.

    Attributes
    ----------
    likeliest : ndarray of int, shape (n,)
        Number of the likeliest label.
    margins : ndarray of float64, shape (n,)
        Of two labels: logit of the second less that of the first. Of more: logit of the likeliest
        less that of the next, at least 0.
    p : ndarray of float64, shape (n,)
        Calibrated probability of the second of two labels; of more, of the likeliest.
    every_p : ndarray of float64, shape (n, 1) or (n, labels)
        All that are free to differ: that of the second of two labels, those of all of more.
    decisions : ndarray of int, shape (n,)
        Equal where the decision is.
    refers : ndarray of bool, shape (n,)
        Where a person looks.
    """

    likeliest: npt.NDArray[np.integer]
    margins: Numbers
    p: Numbers
    every_p: Numbers
    decisions: npt.NDArray[np.integer]
    refers: npt.NDArray[np.bool_]


def answers_of(
    logits: Logits,
    temperature: float,
    band: tuple[float, float] | None,
    thresholds: Sequence[float] | None,
) -> Answers:
    """Say what logits say, as a device would.

    Parameters
    ----------
    logits : ndarray of float, shape (n, labels)
    temperature : float
        Divides them before they become probabilities.
    band : tuple of float or None
        Of two labels: ends of the refer band.
    thresholds : sequence of float or None
        Of more.
    """
    if band is not None:
        margins = margins_of(logits)
        p = probabilities(margins / temperature)
        decisions = (p > band[1]).astype(int) - (p < band[0])
        return Answers(
            likeliest_of(logits), margins, p, p[:, None], decisions, np.asarray(decisions == 0)
        )
    assert thresholds is not None
    every_p = probabilities_of(np.asarray(logits, np.float64), temperature)
    decisions = decide(thresholds, every_p)
    return Answers(
        likeliest_of(logits),
        leads_of(logits),
        every_p.max(axis=1),
        every_p,
        decisions,
        np.asarray(decisions < 0),
    )


def decide(thresholds: Sequence[float], p: npt.NDArray[np.floating]) -> npt.NDArray[np.intp]:
    """Number of the label that is decided, -1 where it is ``refer``: (n, labels) -> (n,)."""
    likeliest = p.argmax(axis=1)
    is_sure = p.max(axis=1) >= np.asarray(thresholds)[likeliest]
    return np.where(is_sure, likeliest, -1)


def margins_of(logits: Logits) -> Numbers:
    """Logit of the second of two labels less that of the first: (n, 2) -> (n,)."""
    wide = np.asarray(logits, np.float64)
    return np.asarray(wide[:, 1] - wide[:, 0])


def leads_of(logits: Logits) -> Numbers:
    """Largest logit less the next: (n, labels) -> (n,)."""
    ordered = np.sort(np.asarray(logits, np.float64), axis=1)
    return np.asarray(ordered[:, -1] - ordered[:, -2])


def likeliest_of(logits: Logits) -> npt.NDArray[np.integer]:
    """Number of the likeliest label: (n, labels) -> (n,); of two alike ones as a device decides."""
    if logits.shape[1] == 2:
        return (margins_of(logits) >= 0).astype(int)
    return np.asarray(np.argmax(logits, axis=1))


def kl_divergence(before: Logits, after: Logits) -> Numbers:
    """Kullback-Leibler divergence of softmax outputs, in nats.

    ``sum over labels of p log(p / q)`` with p and q the softmax of `before` and of
    `after` (Kullback and Leibler 1951, On Information and Sufficiency, section 2).

    Parameters
    ----------
    before, after : ndarray of float, shape (n, labels)

    Returns
    -------
    ndarray of float64, shape (n,)
        At least 0.
    """
    if before.shape[1] == 2:
        parts = _of_two(margins_of(before), margins_of(after))
    else:
        log_p, log_q = _log_softmax(before), _log_softmax(after)
        parts = (np.exp(log_p) * (log_p - log_q)).sum(axis=1)
    return np.asarray(np.maximum(parts, 0))  # rounding can leave -1e-17


def _of_two(p_margin: Numbers, q_margin: Numbers) -> Numbers:
    p = probabilities(p_margin)
    # log of the logistic function, in the form that overflows nowhere
    second = p * (np.logaddexp(0, -q_margin) - np.logaddexp(0, -p_margin))
    first = (1 - p) * (np.logaddexp(0, q_margin) - np.logaddexp(0, p_margin))
    return np.asarray(second + first)


def _log_softmax(logits: Logits) -> Numbers:
    wide = np.asarray(logits, np.float64)
    return np.asarray(wide - np.logaddexp.reduce(wide, axis=1, keepdims=True))
