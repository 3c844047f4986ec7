"""Whether something changed, at a time nobody knows, with a stated rate of false alarms."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edge.statistics.e_values import average, step_e_value

RUN_LENGTH = 1000.0
"""Smears to a false alarm, on average, where nothing else is asked for."""

_WINDOW = 100
"""Smears back to which a change is looked for: an older one was found, or is too small."""

_BETS = ((0.0, 1.0, 0.8), (1.0, 1.0, 0.6), (2.0, 1.5, 0.5))
"""Of each bet: references that may still lie beyond, values beyond for one that came since the
change, and the stake. The first is for a change beyond all references, the others for smaller
ones. Chosen by simulation: of streams shifted by 3 standard deviations, with 35 references, 95 %
alarm within 10 values at a run length of 22,000."""


def evidence_of_ranks(p: npt.NDArray[np.floating], references: int) -> npt.NDArray[np.float64]:
    """Evidence that values lie beyond the earlier ones since some time, many streams at once.

    Shiryaev and Roberts add up, over all times at which the change may have come, what a gambler
    has who began to bet then: ``M_n = sum over v of product of e_i from v to n``. Where nothing
    changed, ``M_n - n`` is on average 0, so that M reaches a threshold A after A steps or more on
    average: the run length is at least A, and within n steps there is an alarm with a probability
    of at most n / A (Shin, Ramdas and Rinaldo 2024, E-detectors: a nonparametric framework for
    sequential change detection, section 2.3). The mean of several such sums is one, however they
    depend on each other.

    A value that is ranked among all before it competes with those that came since the change, too.
    The k-th of them is bet to be among the k largest, more or less, and not among a fixed share:
    of 20 references, four in a row beyond all of them have one chance in 10,626.

    Parameters
    ----------
    p : ndarray of float, shape (streams, steps)
        Independent and uniform where nothing changed; near 0 where a value is extreme
        (:func:`edge.statistics.conformal.online_ranks`, from either side).
    references : int
        Values that the first one was ranked among.

    Returns
    -------
    ndarray of float64, shape (streams, steps)
    """
    streams, steps = p.shape
    found = np.empty((streams, steps))
    capital = np.ones((streams, len(_BETS), 0))
    for step in range(steps):
        begun = np.ones((streams, len(_BETS), 1))
        capital = np.concatenate([capital, begun], axis=2)[:, :, -_WINDOW:]
        since = np.arange(capital.shape[2], 0, -1)
        ranked = references + step + 1
        e_values = [
            step_e_value(p[:, step, None], np.minimum((left + each * since) / ranked, 0.5), stake)
            for left, each, stake in _BETS
        ]
        capital = capital * np.stack(e_values, axis=1)
        found[:, step] = average(capital.sum(axis=2))
    return found
