"""Two networks on the same cells: where they agree, where they flip, what that changes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge.errors import GateFailed
from edge.files import file_name
from edge.statistics.accuracy_change import AccuracyChange, measure_change
from edge.statistics.answers import Answers, Logits, kl_divergence


@dataclass(frozen=True)
class Cells:
    """What is known of the cells.

    Attributes
    ----------
    names : ndarray of str, shape (n,)
    labels : ndarray of int, shape (n,), or None
        Numbers of the labels, -1 where nobody knows; None for cells that have none.
    subjects : ndarray of str, shape (n,), or None
        People, or smears: the unit of a bootstrap.
    """

    names: npt.NDArray[np.str_]
    labels: npt.NDArray[np.integer] | None = None
    subjects: npt.NDArray[np.str_] | None = None

    def known_labels(self, kinds: int) -> npt.NDArray[np.integer] | None:
        """Labels, if there are cells of every one of so many; else None."""
        if self.labels is None or self.subjects is None:
            return None
        return self.labels if set(self.labels.tolist()) - {-1} == set(range(kinds)) else None


@dataclass(frozen=True)
class Answered:
    """A network, what it gives for cells, and what that says."""

    name: str
    logits: Logits
    answers: Answers


@dataclass(frozen=True)
class Flip:
    """A cell whose likelier label differs between two networks.

    Attributes
    ----------
    cell : int
        Position among the evaluation cells.
    name : str
    label : int or None
        Number of the label that it is of.
    likeliest_before, likeliest_after : int
        Numbers of the likelier labels.
    margin_before, margin_after : float
        Of two labels, logit of the second less that of the first; of more, logit of the likeliest
        less that of the next.
    p_before, p_after : float
        Calibrated probability, 0..1: of the second of two labels; of more, of the likeliest.
    in_band : bool
        Whether the decision before is ``refer``, so that a person looks anyway.
    """

    cell: int
    name: str
    label: int | None
    likeliest_before: int
    likeliest_after: int
    margin_before: float
    margin_after: float
    p_before: float
    p_after: float
    in_band: bool


@dataclass(frozen=True)
class Comparison:
    """One network against another, on the same cells.

    Attributes
    ----------
    before, after : str
        Names of the networks.
    mean_logit_error, max_logit_error : float
        Of ``|after - before|`` over all logits.
    mean_steps, max_steps : float or None
        The same in steps of the int8 output; None where none is int8.
    margin_shift : float or None
        Of two labels, mean of margin after - before: to the side of the first where negative. An
        error to one side moves all cells near the boundary the same way. None of more labels.
    mean_p_error, max_p_error : float
        Of ``|after - before|`` of the calibrated probability: of the second of two labels; of
        more, over all of them.
    agreement : float
        Share of cells whose likelier label is the same, 0..1.
    decisions_changed : int
        Cells whose decision (a label or ``refer``) differs.
    mean_kl, max_kl : float
        Kullback-Leibler divergence of the two softmax outputs at temperature 1, in nats.
    flips : tuple of Flip
        Largest margin before first.
    flip_margin : float
        Every flip lies within this margin before, whatever its sign; 0 without flips.
    accuracy : AccuracyChange or None
        None where cells have no labels, or not those of every label.
    """

    before: str
    after: str
    mean_logit_error: float
    max_logit_error: float
    mean_steps: float | None
    max_steps: float | None
    margin_shift: float | None
    mean_p_error: float
    max_p_error: float
    agreement: float
    decisions_changed: int
    mean_kl: float
    max_kl: float
    flips: tuple[Flip, ...]
    flip_margin: float
    accuracy: AccuracyChange | None

    @property
    def flips_outside_band(self) -> tuple[Flip, ...]:
        """Flips of cells nobody would have looked at."""
        return tuple(flip for flip in self.flips if not flip.in_band)


def compare_networks(
    before: Answered,
    after: Answered,
    cells: Cells,
    temperature: float,
    step: float | None = None,
) -> Comparison:
    """Compare two networks on the same cells.

    Parameters
    ----------
    before, after : Answered
    cells : Cells
        At least one.
    temperature : float
        Divides logits before they become probabilities.
    step : float, optional
        One step of the int8 output of `after`, in logits.
    """
    was, now = before.answers, after.answers
    error = np.abs(np.asarray(after.logits, np.float64) - before.logits)
    p_error = np.abs(now.every_p - was.every_p).ravel()
    flips = tuple(_flip(cells, was, now, cell) for cell in _flipped(was, now))
    kl = kl_divergence(before.logits, after.logits)
    n, are_two = len(was.p), before.logits.shape[1] == 2
    return Comparison(
        before=before.name,
        after=after.name,
        mean_logit_error=float(error.mean()),
        max_logit_error=float(error.max()),
        mean_steps=None if step is None else float(error.mean()) / step,
        max_steps=None if step is None else float(error.max()) / step,
        margin_shift=float((now.margins - was.margins).mean()) if are_two else None,
        mean_p_error=float(p_error.mean()),
        max_p_error=float(p_error.max()),
        # a ratio of whole numbers: 199 of 200 is the same number as a limit of 0.995
        agreement=(n - len(flips)) / n,
        decisions_changed=int(np.sum(was.decisions != now.decisions)),
        mean_kl=float(kl.mean()),
        max_kl=float(kl.max()),
        flips=flips,
        flip_margin=max((abs(flip.margin_before) for flip in flips), default=0.0),
        accuracy=_accuracy(cells, before.logits, after.logits, temperature),
    )


def refuse_not_finite(name: str, logits: Logits, names: npt.NDArray[np.str_]) -> None:
    """Refuse a network that gives NaN or infinity: nothing can be compared with that.

    Raises
    ------
    GateFailed
    """
    bad = np.flatnonzero(~np.isfinite(logits).all(axis=1))
    if len(bad):
        raise GateFailed(
            f"{name} gives NaN or infinity for {len(bad)} of {len(logits)} cells, first for"
            f" {file_name(names[bad[0]])}: the network cannot be used; look for a diverged"
            " training or an overflow in the export"
        )


def _flipped(was: Answers, now: Answers) -> list[int]:
    """Cells whose likelier label differs, largest margin before first."""
    cells: list[int] = np.flatnonzero(was.likeliest != now.likeliest).tolist()
    return sorted(cells, key=lambda cell: -abs(was.margins[cell]))


def _flip(cells: Cells, was: Answers, now: Answers, cell: int) -> Flip:
    label = None if cells.labels is None or cells.labels[cell] < 0 else int(cells.labels[cell])
    return Flip(
        cell=cell,
        name=file_name(cells.names[cell]),
        label=label,
        likeliest_before=int(was.likeliest[cell]),
        likeliest_after=int(now.likeliest[cell]),
        margin_before=float(was.margins[cell]),
        margin_after=float(now.margins[cell]),
        p_before=float(was.p[cell]),
        p_after=float(now.p[cell]),
        in_band=bool(was.refers[cell]),
    )


def _accuracy(
    cells: Cells, before: Logits, after: Logits, temperature: float
) -> AccuracyChange | None:
    """Scores on the cells whose label is known, where there are cells of every label."""
    labels, subjects = cells.known_labels(before.shape[1]), cells.subjects
    if labels is None or subjects is None:
        return None
    known = labels >= 0
    return measure_change(before[known], after[known], labels[known], subjects[known], temperature)
